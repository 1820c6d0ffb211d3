#include "tests/simulation/asked_operations.h"

#include "absl/strings/str_cat.h"
#include "libs/simulation/probes.h"

namespace meros::simulation {

bool AskedOperations::Asked::is_answered() const {
  return state != v1::OPERATION_PENDING && state != v1::OPERATION_RECOVERING;
}

bool AskedOperations::Operate(absl::Time now, const resources::Operation& operation, Rng* rng,
                              OfferAnswer* answer) {
  if (rng->Chance(0.3)) return answer->Operate(operation);
  const std::string id = absl::StrCat(name_, ".operation.", ++last_operation_);
  if (!answer->Operate(operation, id)) return false;
  asked_[id] = {.agent_id = answer->agent_id(), .at = now};
  return true;
}

void AskedOperations::Heard(const v1::OperationStatus& status) {
  Sometimes<"an operation is refused by the master">(status.state() == v1::OPERATION_ERROR);
  Sometimes<"an operation is dropped">(status.state() == v1::OPERATION_DROPPED);
  Sometimes<"an operation fails on disk">(status.state() == v1::OPERATION_FAILED);
  Sometimes<"an operation is not known">(status.state() == v1::OPERATION_UNKNOWN);
  const auto found = asked_.find(status.operation_id().value());
  if (found != asked_.end()) found->second.state = status.state();
}

std::vector<std::pair<std::string, AskedOperations::Asked>> AskedOperations::Open() const {
  std::vector<std::pair<std::string, Asked>> open;
  for (const auto& [id, asked] : asked_) {
    if (!asked.is_answered()) open.emplace_back(id, asked);
  }
  return open;
}

}  // namespace meros::simulation
