#include "services/agent/core/testing/effect_text.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace meros::agent {
namespace {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};

std::string Alias(std::map<std::string, std::string>* known, const char* prefix,
                  const std::string& id) {
  auto [it, is_new] = known->emplace(id, "");
  if (is_new) it->second = absl::StrCat(prefix, known->size());
  return it->second;
}

std::string After(PersistToken after) {
  return after == 0 ? " (at once)" : absl::StrCat(" (after #", after, ")");
}

}  // namespace

std::string EffectText::Container(const std::string& id) { return Alias(&containers_, "C", id); }
std::string EffectText::Update(const std::string& uuid) { return Alias(&updates_, "U", uuid); }

std::string EffectText::Status(const v1::TaskStatus& status) {
  std::string out = absl::StrCat(status.task_id().value(), " ", v1::TaskState_Name(status.state()));
  if (status.has_reason()) {
    absl::StrAppend(&out, " ", v1::TaskStatus::Reason_Name(status.reason()));
  }
  if (status.has_message()) absl::StrAppend(&out, " '", status.message(), "'");
  return absl::StrCat(out, " ", Update(status.uuid()));
}

std::string EffectText::Of(const containerizer::v1::Request& request) {
  if (request.has_list()) return "list";
  if (request.has_launch()) {
    return absl::StrCat("launch ", Container(request.launch().spec().container_id()));
  }
  if (request.has_stop()) {
    return absl::StrCat("stop ", Container(request.stop().container_id()), " within ",
                        request.stop().grace_ms(), "ms");
  }
  if (request.has_destroy()) {
    return absl::StrCat("destroy ", Container(request.destroy().container_id()));
  }
  if (request.has_remove()) {
    return absl::StrCat("remove ", Container(request.remove().container_id()));
  }
  return "?";
}

std::string EffectText::Of(const agent_link::v1::AgentMessage& message) {
  if (message.has_register_()) return "register";
  if (message.has_heartbeat()) {
    return absl::StrCat("heartbeat ", message.heartbeat().sequence());
  }
  if (message.reregister().has_digest()) {
    return absl::StrCat("reregister, digest of ", message.reregister().digest().tasks(), " tasks");
  }
  if (message.has_reregister()) {
    std::string tasks =
        absl::StrJoin(message.reregister().tasks(), ", ", [](std::string* out, const v1::Task& t) {
          absl::StrAppend(out, t.task_id().value(), " ", v1::TaskState_Name(t.state()));
        });
    return absl::StrCat("reregister [", tasks, "]");
  }
  if (message.has_status_update()) {
    return absl::StrCat(message.status_update().is_ahead() ? "ahead " : "update ",
                        Status(message.status_update().status()), ", now ",
                        v1::TaskState_Name(message.status_update().latest_state()));
  }
  if (message.has_exited_executor()) {
    return absl::StrCat("executor ", message.exited_executor().executor_id(), " ended with ",
                        message.exited_executor().wait_status());
  }
  if (message.has_operation_update()) {
    return absl::StrCat("operation: ", message.operation_update().status().message());
  }
  return "?";
}

std::string EffectText::Of(const Effect& effect) {
  return std::visit(
      Overloaded{
          [](const Persist& e) {
            std::string keys =
                absl::StrJoin(e.writes, ", ", [](std::string* out, const RecordWrite& write) {
                  absl::StrAppend(out, write.value.has_value() ? "" : "-", write.key);
                });
            return absl::StrCat("persist #", e.token, " ", keys);
          },
          [&](const PrepareSandbox& e) {
            return absl::StrCat("prepare sandbox of ", Container(e.container.value()), " for '",
                                e.user, "'");
          },
          [&](const DiscardSandbox& e) {
            return absl::StrCat("discard sandbox of ",
                                Container(e.directory.substr(e.directory.rfind('/') + 1)));
          },
          [](const ChangeVolumes& e) {
            std::string text = "volumes:";
            for (const VolumeDirectory& d : e.destroy) absl::StrAppend(&text, " -", d.path);
            for (const VolumeDirectory& d : e.create) absl::StrAppend(&text, " +", d.path);
            return absl::StrCat(text, After(e.after));
          },
          [](const SweepSandboxes& e) {
            return absl::StrCat("sweep sandboxes, keep ", e.keep.size());
          },
          [&](const ToContainerizer& e) {
            return absl::StrCat("containerizer: ", Of(e.request), After(e.after));
          },
          [](const OpenLink&) { return std::string("open link"); },
          [&](const ToMaster& e) {
            return absl::StrCat("master: ", Of(e.message), After(e.after));
          },
          [](const CloseLink& e) { return absl::StrCat("close link: ", e.reason.message()); },
          [](const StateChanged&) { return std::string(); },
          [](const Count&) { return std::string(); },
          [](const Notice& e) { return absl::StrCat("note: ", e.text); },
          [](const Exit& e) {
            return absl::StrCat("exit ", e.reason.ok() ? "0" : e.reason.message(), After(e.after));
          },
      },
      effect);
}

}  // namespace meros::agent
