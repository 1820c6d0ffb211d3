// Whether what clients saw of a register could have come from one that does one thing at a time.
//
// Each operation took effect at some moment between its invocation and its answer, if the register
// is linearizable. One without an answer took effect at some moment after its invocation, or never;
// one that was refused never did. The checker looks for an order of such moments that explains all
// that was read, by the search of Wing and Gong with the memory of Lowe: a state that failed once,
// by what took effect and what the register then held, is not entered again.
//
// Keys of a store are independent registers, so the history of each is checked for itself.
//
// Thread rule: thread-compatible.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace meros::simulation {

class RegisterHistory {
 public:
  using Value = std::optional<std::string>;  // nullopt: there is no such record
  using OperationId = size_t;

  // A write that begins; deleting writes nullopt.
  OperationId Write(absl::Time now, Value value);
  // What became of it. REQUIRES: it has no answer yet.
  void Written(OperationId id, absl::Time now);
  void Refused(OperationId id);
  // A read that was answered.
  void Read(absl::Time invoked, absl::Time answered, Value value);

  size_t size() const { return operations_.size(); }

  // At first there is no record. Cost: usually linear; exponential in the number of operations that
  // overlap, bounded by `states_max`.
  // ERRORS: Internal (not linearizable), ResourceExhausted (states_max were not enough to tell).
  absl::Status Check(size_t states_max = 1'000'000) const;

 private:
  struct Operation {
    bool is_write = false;
    bool is_refused = false;
    Value value;
    absl::Time invoked;
    absl::Time answered = absl::InfiniteFuture();
  };
  class Search;

  std::vector<Operation> operations_;
};

}  // namespace meros::simulation
