// The operations of one framework that shall be answered, and what was heard of them.
//
// Thread rule: thread-compatible.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "libs/base/rng.h"
#include "libs/resources/conversions.h"
#include "meros/v1/operation.pb.h"
#include "tests/simulation/offer_answer.h"

namespace meros::simulation {

class AskedOperations {
 public:
  struct Asked {
    std::string agent_id;
    absl::Time at;
    v1::OperationState state = v1::OPERATION_PENDING;
    // Nothing more is waited for: it has ended, or its agent is away.
    bool is_answered() const;
  };

  // Of the framework of this name.
  explicit AskedOperations(std::string name) : name_(std::move(name)) {}

  // Adds the operation to the answer; for most feedback is asked. False if the offer does not
  // suffice.
  bool Operate(absl::Time now, const resources::Operation& operation, Rng* rng,
               OfferAnswer* answer);
  void Heard(const v1::OperationStatus& status);
  // By id, those that wait for an answer.
  std::vector<std::pair<std::string, Asked>> Open() const;
  // The framework was removed, and its operations with it.
  void LoseAll() { asked_.clear(); }

 private:
  const std::string name_;
  std::map<std::string, Asked> asked_;
  int last_operation_ = 0;
};

}  // namespace meros::simulation
