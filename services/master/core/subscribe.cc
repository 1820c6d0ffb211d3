#include <google/protobuf/util/message_differencer.h>

#include <utility>

#include "absl/container/btree_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/tasks/task_state.h"
#include "services/master/core/scheduler_calls.h"

namespace meros::master {
namespace {

void Refuse(Transaction* tx, StreamId stream, absl::Status status) {
  tx->CountCall(nullptr, kSubscribeCall);
  tx->Send(stream, ErrorEvent{std::string(status.message())});
  tx->Close(stream, std::move(status));
}

// The description with the id, which is how agents and readers get it.
std::shared_ptr<const v1::FrameworkInfo> WithId(const v1::FrameworkInfo& info,
                                                const FrameworkId& id) {
  auto copy = std::make_shared<v1::FrameworkInfo>(info);
  copy->mutable_id()->set_value(id.value());
  return copy;
}

void Welcome(Transaction* tx, const Framework& framework) {
  const absl::Duration interval = tx->options().framework_heartbeat_interval;
  tx->CountCall(&framework, kSubscribeCall);
  tx->Tell(framework, SubscribedEvent{framework.record.id, interval});
  tx->Tell(framework, HeartbeatEvent{});
  tx->books().timers.Arm(tx->now() + interval, FrameworkHeartbeatTimer{framework.stream});
}

FrameworkRecord NewRecord(Transaction* tx, FrameworkId id, FrameworkState state,
                          Subscription subscription) {
  FrameworkRecord record;
  record.id = std::move(id);
  record.state = state;
  record.registered = tx->now();
  record.subscription = std::move(subscription);
  record.subscription.info = WithId(*record.subscription.info, record.id);
  return record;
}

// A description may be replaced, save for what decides who may act for the framework and how its
// tasks are run.
absl::Status CheckUnchanged(const v1::FrameworkInfo& old_info, const v1::FrameworkInfo& new_info) {
  if (old_info.has_principal() != new_info.has_principal() ||
      old_info.principal() != new_info.principal()) {
    return absl::PermissionDeniedError("the principal of a framework cannot be changed");
  }
  return absl::OkStatus();
}

// The former user and checkpoint stay, and the principal of who says none, set or not as it was.
void KeepFixed(const v1::FrameworkInfo& old_info, Subscription* subscription) {
  auto info = std::make_shared<v1::FrameworkInfo>(*subscription->info);
  info->set_user(old_info.user());
  if (info->principal().empty()) {
    info->clear_principal();
    if (old_info.has_principal()) info->set_principal(old_info.principal());
  }
  if (old_info.has_checkpoint()) {
    info->set_checkpoint(old_info.checkpoint());
  } else {
    info->clear_checkpoint();
  }
  *info->mutable_id() = old_info.id();
  subscription->info = std::move(info);
}

// Agents hand the description to executors, and send again what was not acknowledged.
void TellAgents(Transaction* tx, const Framework& framework, bool subscribed_again) {
  absl::btree_set<AgentId> concerned;
  for (const auto& [sequence, task] : framework.tasks) concerned.insert(task->agent_id());
  for (const auto& [agent_id, executor_id] : framework.executors) concerned.insert(agent_id);
  for (const Operation* operation : tx->books().operations.NamedOf(framework.record.id)) {
    concerned.insert(operation->agent_id);
  }
  for (const AgentId& id : concerned) {
    tx->Tell(*tx->books().agents.Find(id),
             UpdateFrameworkMessage{framework.record.subscription.info, subscribed_again});
  }
}

// A framework that brought its id may have taken one that was to come.
FrameworkId MintId(Transaction* tx) {
  Books& books = tx->books();
  FrameworkId id;
  do {
    id = FrameworkId(
        absl::StrFormat("%s-%04d", tx->options().master_id, books.next_framework_number++));
  } while (books.frameworks.Find(id) != nullptr || books.frameworks.IsRemoved(id));
  return id;
}

// What the options do not let a framework be. ERRORS: InvalidArgument.
absl::Status CheckAllowed(const MasterOptions& options, const Subscription& subscription) {
  if (subscription.info->user() == "root" && !options.root_submissions) {
    return absl::InvalidArgumentError(
        "framework_info.user: root may not run anything here (--root_submissions=false)");
  }
  for (const std::string& role : subscription.roles) {
    if (options.AllowsRole(role)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("framework_info.roles: '", role, "' is not one of --roles"));
  }
  return absl::OkStatus();
}

void SubscribeNew(Transaction* tx, Subscribe call, bool with_given_id) {
  if (tx->books().frameworks.size() >= tx->options().max_frameworks) {
    return Refuse(
        tx, call.stream,
        absl::ResourceExhaustedError(absl::StrCat("the master has as many frameworks as it may: ",
                                                  tx->options().max_frameworks)));
  }
  FrameworkId id = with_given_id ? call.framework_id : MintId(tx);
  FrameworkRecord record =
      NewRecord(tx, std::move(id), FrameworkState::kRecovered, std::move(call.subscription));
  Framework* framework = tx->AddFramework(std::move(record));
  tx->ConnectFramework(framework, call.stream);
  tx->RecordFramework(*framework);
  Welcome(tx, *framework);
}

void SubscribeAgain(Transaction* tx, Framework* framework, Subscribe call) {
  const v1::FrameworkInfo& old_info = *framework->record.subscription.info;
  if (absl::Status status = CheckUnchanged(old_info, *call.subscription.info); !status.ok()) {
    return Refuse(tx, call.stream, std::move(status));
  }
  KeepFixed(old_info, &call.subscription);
  framework->record.reregistered = tx->now();
  tx->ConnectFramework(framework, call.stream);
  tx->UpdateSubscription(framework, std::move(call.subscription));
  tx->RecordFramework(*framework);
  Welcome(tx, *framework);
  TellAgents(tx, *framework, /*subscribed_again=*/true);
  // Its agents repeat them; answers to reconciliation do not come before.
  for (const auto& [sequence, task] : framework->tasks) {
    task->end_is_due = tasks::IsTerminal(task->state);
  }
}

}  // namespace

void HandleSubscribe(Transaction* tx, Subscribe call) {
  Books& books = tx->books();
  if (books.frameworks.FindByStream(call.stream) != nullptr) {
    return Refuse(tx, call.stream,
                  absl::InvalidArgumentError("SUBSCRIBE must be the first call of its stream"));
  }
  const std::string& principal = call.subscription.info->principal();
  if (!call.authenticated.empty() && principal.empty()) {
    auto info = std::make_shared<v1::FrameworkInfo>(*call.subscription.info);
    info->set_principal(call.authenticated);
    call.subscription.info = std::move(info);
  } else if (!call.authenticated.empty() && principal != call.authenticated) {
    return Refuse(
        tx, call.stream,
        absl::PermissionDeniedError("framework_info.principal is not the authenticated one"));
  }
  if (absl::Status status = CheckAllowed(tx->options(), call.subscription); !status.ok()) {
    return Refuse(tx, call.stream, std::move(status));
  }
  if (call.framework_id.empty()) return SubscribeNew(tx, std::move(call), /*with_given_id=*/false);
  if (books.frameworks.IsRemoved(call.framework_id)) {
    return Refuse(tx, call.stream, absl::FailedPreconditionError("Framework has been removed"));
  }
  Framework* framework = books.frameworks.Find(call.framework_id);
  if (framework == nullptr) return SubscribeNew(tx, std::move(call), /*with_given_id=*/true);
  // Nobody knows yet how that ends; an ERROR would say that it has.
  if (framework->is_removing()) {
    return tx->Close(call.stream,
                     absl::UnavailableError(absl::StrCat("framework ", call.framework_id.value(),
                                                         " is being removed, try again")));
  }
  SubscribeAgain(tx, framework, std::move(call));
}

absl::Status HandleUpdateFramework(Transaction* tx, Framework* framework,
                                   UpdateFrameworkCall call) {
  const v1::FrameworkInfo& old_info = *framework->record.subscription.info;
  const v1::FrameworkInfo& new_info = *call.subscription.info;
  // None is what SUBSCRIBE takes, too, from whom transport security names.
  if (!new_info.principal().empty() && old_info.principal() != new_info.principal()) {
    return absl::InvalidArgumentError("framework_info.principal cannot be changed");
  }
  if (old_info.user() != new_info.user()) {
    return absl::InvalidArgumentError("framework_info.user cannot be changed");
  }
  if (old_info.checkpoint() != new_info.checkpoint()) {
    return absl::InvalidArgumentError("framework_info.checkpoint cannot be changed");
  }
  if (absl::Status status = CheckAllowed(tx->options(), call.subscription); !status.ok()) {
    return status;
  }
  KeepFixed(old_info, &call.subscription);
  using google::protobuf::util::MessageDifferencer;
  const bool is_same = MessageDifferencer::Equals(old_info, *call.subscription.info);
  tx->UpdateSubscription(framework, std::move(call.subscription));
  if (is_same) return absl::OkStatus();
  tx->RecordFramework(*framework);
  TellAgents(tx, *framework, /*subscribed_again=*/false);
  return absl::OkStatus();
}

}  // namespace meros::master
