// The questions that a master has open at the registry: effects of the core become requests,
// answers become inputs of the core. Nothing is asked twice here: what has no answer is answered as
// unknown, and the core asks again in its own time.
//
// A lease that was granted, acted on and is asked for anew is another leadership, for which this
// master is a new candidate: so it has an epoch of its own, and what was written in the former one,
// and may be heard late, is refused. Answers to what was asked in the former one are dropped.
//
// Without gRPC, so that a simulation exchanges the same messages (tests/simulation).
//
// Owner: RegistryLink. Thread rule: thread-compatible.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "meros/registry/v1/registry_service.pb.h"
#include "services/master/core/effects.h"
#include "services/master/core/inputs.h"

namespace meros::master {

struct RegistryExchangeOptions {
  std::string candidate_id;  // unique for this process run; later leaderships add their number
  std::string master_info;   // v1::MasterInfo, serialized: what others are told about the leader
  absl::Duration request_timeout = absl::Seconds(10);  // an answer that takes longer is unknown
};

class RegistryExchange {
 public:
  // What became of a request.
  struct Answer {
    Input input;
    absl::Status status;
    absl::Time asked;
    bool is_write = false;
  };

  explicit RegistryExchange(RegistryExchangeOptions options) : options_(std::move(options)) {}

  // Opens a request for the effect and gives it an id. False for effects that are not for the
  // registry.
  bool Ask(absl::Time now, const Effect& effect, registry::v1::Request* request);

  // The answer that this response completes; nothing for parts of a listing, for answers that
  // nobody waits for, and for those whose request was given up.
  std::optional<Answer> Take(registry::v1::Response response);

  // Answers requests that nobody will answer any more: those of these ids, all, those too old.
  std::vector<Input> FailThese(const std::vector<uint64_t>& ids, const absl::Status& status);
  std::vector<Input> FailAll(const absl::Status& status);
  std::vector<Input> FailOverdue(absl::Time now);

 private:
  enum class Kind { kLease, kRead, kWrite, kNothing };
  struct Open {
    Kind kind = Kind::kNothing;
    uint64_t number = 0;  // attempt, epoch or token
    absl::Time sent;
    absl::Duration ttl;
    std::vector<registry::v1::Record> records;  // of kRead, as far as received
  };

  // The name of the next leadership.
  std::string NewCandidate();
  static void Fail(const Open& open, const absl::Status& status, std::vector<Input>* out);
  static Input Read(const Open& open, const absl::Status& status);

  const RegistryExchangeOptions options_;
  uint64_t next_id_ = 1;
  bool is_used_ = false;                  // somebody acted as the leader under the present name
  uint64_t given_up_ = 0;                 // leaderships
  absl::btree_map<uint64_t, Open> open_;  // ids grow with time
};

}  // namespace meros::master
