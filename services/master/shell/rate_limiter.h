// How many calls a principal may send: a token bucket for each one that the operator listed, and
// one for all others together. This is flow control and says nothing about the cluster: calls on a
// stream are held back until their tokens are there, as many as `capacity` at a time; unary calls
// are refused and told when to come again.
//
// Only calls of frameworks and operators count; the links of agents, allocators, the registry and
// other masters do not.
//
// Thread rule: TokenBucket is thread-compatible, RateLimiter and its accounts are thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/telemetry/metrics.h"
#include "meros/v1/master.pb.h"

namespace meros::master {

inline constexpr int kRateLimitsMax = 10000;
inline constexpr size_t kRateLimitsBytesMax = 1 << 20;

// Fills at `qps` up to one second's worth, at least one. Tokens that are not there yet may be taken
// in advance, up to `capacity`.
class TokenBucket {
 public:
  // REQUIRES: qps > 0.
  TokenBucket(double qps, std::optional<uint64_t> capacity, absl::Time now);

  struct Answer {
    bool taken = false;
    // Taken: until the tokens are there, mostly 0. Else: until they could be taken.
    absl::Duration wait;
  };
  // For calls that can be held back.
  Answer TakeInAdvance(uint64_t calls, absl::Time now);
  // For those that cannot.
  Answer TakeOne(absl::Time now);

  double qps() const { return qps_; }

 private:
  void Fill(absl::Time now);
  absl::Duration Until(double tokens) const;
  // Takes if no more than `advance` tokens have to be waited for then.
  Answer Take(double calls, double advance, absl::Time now);

  const double qps_;
  const double capacity_;  // infinite: any
  const double most_;
  double tokens_;  // negative: taken in advance
  absl::Time filled_;
};

struct RateBucket;

class RateLimiter {
 public:
  // REQUIRES: `limits` came from ParseRateLimits, or is empty; `now` is the present.
  RateLimiter(const v1::RateLimits& limits, absl::Time now, telemetry::MetricRegistry* metrics);
  ~RateLimiter();

  // What one principal sends. A value; the limiter outlives it.
  class Account {
   public:
    // `calls` came on a stream: how long they are to be held back.
    // ERRORS: ResourceExhausted, with a retry hint: more would wait than `capacity`.
    absl::StatusOr<absl::Duration> HoldBack(uint64_t calls, absl::Time now) const;
    // A unary call came. ERRORS: ResourceExhausted, with a retry hint.
    absl::Status Admit(absl::Time now) const;
    // Calls that were held back, or were not, go on.
    void NoteProcessed(uint64_t calls) const { processed_.Add(static_cast<double>(calls)); }

   private:
    friend class RateLimiter;
    absl::Status Refusal(absl::Duration wait) const;

    std::string name_;
    RateBucket* bucket_ = nullptr;  // null: unlimited
    mutable telemetry::Counter received_, processed_, held_back_, refused_;
  };
  // `principal` is empty for who has none.
  Account Of(const std::string& principal);

 private:
  // Null: unlimited.
  std::map<std::string, std::unique_ptr<RateBucket>> listed_;
  std::unique_ptr<RateBucket> others_;
  telemetry::CounterFamily received_, processed_, held_back_, refused_;
};

// What the operator wrote: JSON of the message RateLimits.
// ERRORS: InvalidArgument with `name` and the field; for a file also those of reading it.
absl::StatusOr<v1::RateLimits> ParseRateLimits(absl::string_view json, const std::string& name);
absl::StatusOr<v1::RateLimits> ReadRateLimits(const std::string& path);

}  // namespace meros::master
