#include <utility>

#include "absl/strings/str_cat.h"
#include "services/master/core/scheduler_calls.h"

namespace meros::master {

absl::Status HandleMessage(Transaction* tx, Framework* framework, MessageCall call) {
  if (call.data.size() > tx->options().max_message_bytes) {
    tx->Add(Count::kDroppedMessages);
    return absl::InvalidArgumentError(
        absl::StrCat("message.data has ", call.data.size(), " bytes, at most ",
                     tx->options().max_message_bytes, " are allowed"));
  }
  const Agent* agent = tx->books().agents.Find(call.agent_id);
  if (agent == nullptr || !agent->is_active()) {
    tx->Add(Count::kDroppedMessages);
    return absl::NotFoundError(
        absl::StrCat("agent ", call.agent_id.value(), " is unknown or has no session"));
  }
  tx->Tell(*agent, SchedulerBytesMessage{framework->record.id, std::move(call.executor_id),
                                         std::move(call.data)});
  return absl::OkStatus();
}

}  // namespace meros::master
