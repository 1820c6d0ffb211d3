// Which operations on resources may be carried out, and what they come to. What can be judged from
// the message alone has been (shell/operation_codec.h).
//
// Thread rule: pure functions over the books; strand-confined.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "libs/resources/conversions.h"
#include "services/master/core/agent.h"
#include "services/master/core/framework.h"
#include "services/master/core/inputs.h"

namespace meros::master {

// Who asks.
struct OperationAsker {
  const Framework* framework = nullptr;  // null: an operator
  std::string role;                      // of the framework's offers
};

// What the operation makes of what, whoever has it now.
// ERRORS: InvalidArgument, AlreadyExists (the id of a volume is in use), Unimplemented,
// FailedPrecondition (the agent is too old for it), in words for whoever asks.
absl::StatusOr<resources::Conversion> JudgeOperation(const ResourceOperation& operation,
                                                     const OperationAsker& asker,
                                                     const Agent& agent);

}  // namespace meros::master
