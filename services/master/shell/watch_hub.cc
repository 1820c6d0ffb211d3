#include "services/master/shell/watch_hub.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "services/master/view/encode_view.h"
#include "services/master/view/role_view.h"

namespace meros::master {
namespace {

namespace pb = ::meros::v1::master;

constexpr int kEventsPerFrame = 500;

// The kind of object that a change is about; WATCH_KIND_UNSPECIFIED for what watchers are not told.
pb::WatchKind KindOf(const Publish::Change& change) {
  if (std::holds_alternative<std::shared_ptr<const AgentRecord>>(change)) return pb::WATCH_AGENTS;
  if (std::holds_alternative<AgentRemoved>(change)) return pb::WATCH_AGENTS;
  if (std::holds_alternative<std::shared_ptr<const FrameworkRecord>>(change)) {
    return pb::WATCH_FRAMEWORKS;
  }
  if (std::holds_alternative<FrameworkRemoved>(change)) return pb::WATCH_FRAMEWORKS;
  if (std::holds_alternative<TaskChanged>(change)) return pb::WATCH_TASKS;
  if (std::holds_alternative<RoleChanged>(change)) return pb::WATCH_ROLES;
  return pb::WATCH_KIND_UNSPECIFIED;
}

void Encode(const ClusterView& view, const Publish& publish, pb::WatchEvent* out) {
  out->set_revision(publish.revision);
  if (const auto* agent = std::get_if<std::shared_ptr<const AgentRecord>>(&publish.change)) {
    AgentEntry entry;
    entry.record = *agent;
    entry.used = (*agent)->used;
    entry.offered = (*agent)->offered;
    if (const AgentEntry* known = view.FindAgent((*agent)->id)) {
      entry.tasks_active = known->tasks_active;
    }
    Encode(entry, out->mutable_agent());
  } else if (const auto* framework =
                 std::get_if<std::shared_ptr<const FrameworkRecord>>(&publish.change)) {
    FrameworkEntry entry;
    if (const FrameworkEntry* known = view.FindFramework((*framework)->id)) entry = *known;
    entry.record = *framework;
    Encode(entry, out->mutable_framework());
  } else if (const auto* task = std::get_if<TaskChanged>(&publish.change)) {
    Encode(view, TaskEntry{task->task, task->completed}, out->mutable_task());
  } else if (const auto* agent_removed = std::get_if<AgentRemoved>(&publish.change)) {
    out->mutable_agent_removed()->set_value(agent_removed->id.value());
  } else if (const auto* framework_removed = std::get_if<FrameworkRemoved>(&publish.change)) {
    out->mutable_framework_removed()->set_value(framework_removed->id.value());
  } else if (const auto* role = std::get_if<RoleChanged>(&publish.change)) {
    if (role->config->is_default()) {
      out->set_role_removed(role->config->role);
    } else {
      Encode(*role->config, out->mutable_role());
    }
  }
}

bool Wants(const std::set<pb::WatchKind>& kinds, pb::WatchKind kind) {
  return kinds.empty() || kinds.contains(kind);
}

}  // namespace

std::string WatchHub::TokenOf(uint64_t revision) const {
  return absl::StrCat(master_id_, "/", revision);
}

absl::StatusOr<uint64_t> WatchHub::RevisionOf(const std::string& token) const {
  const size_t slash = token.rfind('/');
  uint64_t revision = 0;
  if (slash == std::string::npos ||
      !absl::SimpleAtoi(absl::string_view(token).substr(slash + 1), &revision)) {
    return absl::InvalidArgumentError("resume_token: not one that a master gave");
  }
  if (absl::string_view(token).substr(0, slash) != master_id_) {
    return absl::OutOfRangeError("resume_token: is of another master; start without one");
  }
  return revision;
}

absl::Status WatchHub::CheckResumable(uint64_t revision, uint64_t now) const {
  if (revision > now) return absl::InvalidArgumentError("resume_token: is of the future");
  if (revision >= forgotten_) return absl::OkStatus();
  return absl::OutOfRangeError("resume_token: too many changes since then; start without one");
}

void WatchHub::Add(const ClusterView& view, const Publish& change) {
  revision_ = change.revision;
  if (std::holds_alternative<Cleared>(change.change)) {
    CloseAll(absl::UnavailableError("the master lost leadership; connect again"));
    ring_.clear();
    forgotten_ = change.revision;
    return;
  }
  const pb::WatchKind kind = KindOf(change.change);
  if (kind == pb::WATCH_KIND_UNSPECIFIED) return;
  if (!watchers_.empty()) {
    unwatched_ = 0;
  } else if (unwatched_ >= options_.ring_max) {
    ring_.clear();
    forgotten_ = change.revision;
    return;
  } else {
    ++unwatched_;
  }
  ring_.push_back(change);
  if (ring_.size() > options_.ring_max) {
    forgotten_ = ring_.front().revision;
    ring_.pop_front();
  }
  pb::WatchEvent event;
  bool encoded = false;
  for (Watcher& watcher : watchers_) {
    if (!Wants(watcher.kinds, kind)) continue;
    if (!encoded) Encode(view, change, &event);
    encoded = true;
    *watcher.pending.add_events() = event;
    if (watcher.pending.events_size() < kEventsPerFrame) continue;
    watcher.pending.set_resume_token(TokenOf(change.revision));
    watcher.sink->Send(std::exchange(watcher.pending, {}));
  }
}

void WatchHub::Flush() {
  for (Watcher& watcher : watchers_) {
    if (watcher.pending.events_size() == 0) continue;
    watcher.pending.set_resume_token(TokenOf(revision_));
    if (!watcher.sink->Send(std::exchange(watcher.pending, {}))) watcher.sink = nullptr;
  }
  watchers_.erase(std::remove_if(watchers_.begin(), watchers_.end(),
                                 [](const Watcher& w) { return w.sink == nullptr; }),
                  watchers_.end());
}

absl::Status WatchHub::Start(const ClusterView& view, const pb::WatchRequest& request,
                             std::shared_ptr<WatchSink> sink) {
  if (watchers_.size() >= options_.max_watchers) {
    // Ended ones are noticed when there is something to send; look now. An empty frame says
    // nothing.
    std::erase_if(watchers_, [](Watcher& w) { return !w.sink->Send({}); });
  }
  if (watchers_.size() >= options_.max_watchers) {
    return absl::ResourceExhaustedError(
        absl::StrCat("there are ", options_.max_watchers, " watchers already"));
  }
  Watcher watcher;
  watcher.sink = std::move(sink);
  for (int kind : request.kinds()) watcher.kinds.insert(static_cast<pb::WatchKind>(kind));
  if (request.resume_token().empty()) {
    SendSnapshot(view, &watcher);
  } else {
    absl::StatusOr<uint64_t> after = RevisionOf(request.resume_token());
    if (!after.ok()) return after.status();
    if (absl::Status status = CheckResumable(*after, view.revision()); !status.ok()) return status;
    Replay(view, *after, &watcher);
  }
  watchers_.push_back(std::move(watcher));
  return absl::OkStatus();
}

void WatchHub::SendSnapshot(const ClusterView& view, Watcher* watcher) {
  pb::WatchResponse frame;
  auto next = [&]() -> pb::WatchEvent* {
    if (frame.events_size() == kEventsPerFrame) watcher->sink->Send(std::exchange(frame, {}));
    pb::WatchEvent* event = frame.add_events();
    event->set_revision(view.revision());
    return event;
  };
  if (Wants(watcher->kinds, pb::WATCH_AGENTS)) {
    for (const auto& [id, entry] : view.agents()) master::Encode(entry, next()->mutable_agent());
  }
  if (Wants(watcher->kinds, pb::WATCH_FRAMEWORKS)) {
    for (const auto& [id, entry] : view.frameworks()) {
      master::Encode(entry, next()->mutable_framework());
    }
  }
  if (Wants(watcher->kinds, pb::WATCH_TASKS)) {
    for (const TaskEntry* entry : view.tasks()) {
      master::Encode(view, *entry, next()->mutable_task());
    }
  }
  if (Wants(watcher->kinds, pb::WATCH_ROLES)) {
    for (const auto& [name, config] : view.roles()) {
      master::Encode(*config, next()->mutable_role());
    }
  }
  frame.set_snapshot_end(true);
  frame.set_resume_token(TokenOf(view.revision()));
  watcher->sink->Send(std::move(frame));
}

void WatchHub::Replay(const ClusterView& view, uint64_t after, Watcher* watcher) {
  pb::WatchResponse frame;
  auto it = std::upper_bound(ring_.begin(), ring_.end(), after,
                             [](uint64_t r, const Publish& p) { return r < p.revision; });
  for (; it != ring_.end(); ++it) {
    if (!Wants(watcher->kinds, KindOf(it->change))) continue;
    Encode(view, *it, frame.add_events());
    if (frame.events_size() < kEventsPerFrame) continue;
    frame.set_resume_token(TokenOf(it->revision));
    watcher->sink->Send(std::exchange(frame, {}));
  }
  frame.set_resume_token(TokenOf(view.revision()));
  watcher->sink->Send(std::move(frame));
}

void WatchHub::CloseAll(const absl::Status& status) {
  Flush();
  for (Watcher& watcher : watchers_) watcher.sink->Close(status);
  watchers_.clear();
}

}  // namespace meros::master
