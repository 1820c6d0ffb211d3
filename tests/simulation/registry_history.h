// What masters asked of the registry and were answered, and whether a store that does one thing at
// a time could have answered so (libs/simulation/linearizability.h).
//
// The records are independent registers: a commit of several is a write of each, a listing is a
// read of each, of those also that it does not have.
//
// Thread rule: thread-compatible.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/simulation/linearizability.h"
#include "meros/registry/v1/registry_service.pb.h"

namespace meros::simulation {

class RegistryHistory {
 public:
  // `process` names one run of a master's process; its requests have ids of their own.
  void OnAsked(absl::Time now, const std::string& process, const registry::v1::Request& request);
  void OnAnswered(absl::Time now, const std::string& process,
                  const registry::v1::Response& response);

  // Cost: see RegisterHistory::Check. ERRORS: Internal, naming the record and what cannot be.
  absl::Status Check() const;
  // Operations on records so far.
  size_t size() const;

 private:
  using Asker = std::pair<std::string, uint64_t>;  // process, request
  using Key = std::pair<int, std::string>;         // kind, name

  struct Writing {
    std::vector<std::pair<Key, RegisterHistory::OperationId>> writes;
  };
  struct Listing {
    absl::Time invoked;
    absl::Time answered = absl::InfiniteFuture();
    std::set<int> kinds;  // empty: all
    std::map<Key, std::string> records;
  };

  void OnList(absl::Time now, const Asker& asker, const registry::v1::ListResult& list);

  std::map<Key, RegisterHistory> records_;
  std::map<Asker, Writing> writing_;
  std::map<Asker, Listing> listing_;
  std::vector<Listing> listed_;
};

}  // namespace meros::simulation
