#include "services/master/shell/watch_hub.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "services/master/shell/watch_events.h"
#include "services/master/view/wire_writer.h"

namespace meros::master {
namespace {

namespace pb = ::meros::v1::master;

WatchFrame FrameOf(std::string packed) {
  return std::make_shared<const std::string>(std::move(packed));
}

// Packed events and the token to resume after them.
WatchFrame FrameOf(std::string events, const std::string& token) {
  WireWriter(&events).Bytes(pb::WatchResponse::kResumeTokenFieldNumber, token);
  return FrameOf(std::move(events));
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

size_t WatchHub::size() const {
  size_t size = showing_.size();
  for (const auto& [kinds, group] : groups_) size += group.sinks.size();
  return size;
}

bool WatchHub::Keep(const Publish& change) {
  if (!groups_.empty() || !showing_.empty()) {
    unwatched_ = 0;
  } else if (unwatched_ >= options_.ring_max) {
    ring_.clear();
    forgotten_ = change.revision;
    return false;
  } else {
    ++unwatched_;
  }
  ring_.push_back(change);
  if (ring_.size() > options_.ring_max) {
    forgotten_ = ring_.front().revision;
    ring_.pop_front();
  }
  return true;
}

void WatchHub::Add(const ClusterView& view, const Publish& change) {
  if (std::holds_alternative<Cleared>(change.change)) {
    CloseAll(absl::UnavailableError("the master lost leadership; connect again"));
    revision_ = forgotten_ = change.revision;
    ring_.clear();
    return;
  }
  revision_ = change.revision;
  const pb::WatchKind kind = KindOf(change.change);
  if (kind == pb::WATCH_KIND_UNSPECIFIED || !Keep(change)) return;
  std::string event;  // packed when somebody wants it
  const auto append_to = [&](std::string* frame) {
    if (event.empty()) AppendEvent(view, change, &event);
    frame->append(event);
  };
  for (auto& [kinds, group] : groups_) {
    if (!Wants(kinds, kind)) continue;
    append_to(&group.pending);
    ++pending_events_;
    if (++group.events >= options_.events_per_frame) FlushGroup(&group);
  }
  for (Showing& showing : showing_) {
    if (Wants(showing.kinds, kind) && showing.snapshot.HasShown(change.change)) {
      append_to(&showing.pending);
    }
  }
}

void WatchHub::FlushGroup(Group* group) {
  if (group->events == 0) return;
  pending_events_ -= std::exchange(group->events, 0);
  const WatchFrame frame = FrameOf(std::exchange(group->pending, {}), TokenOf(revision_));
  for (auto& sink : group->sinks) {
    if (sink != nullptr && !sink->Send(frame)) sink = nullptr;
  }
}

void WatchHub::DropEnded() {
  for (auto& [kinds, group] : groups_) std::erase(group.sinks, nullptr);
  std::erase_if(groups_, [](const auto& group) { return group.second.sinks.empty(); });
}

void WatchHub::Flush() {
  for (auto& [kinds, group] : groups_) FlushGroup(&group);
  DropEnded();
}

void WatchHub::Join(const WatchKinds& kinds, std::shared_ptr<WatchSink> sink) {
  Group& group = groups_[kinds];
  FlushGroup(&group);
  group.sinks.push_back(std::move(sink));
}

bool WatchHub::HasEnough(const Showing& showing) const {
  // Changes that wait are bounded too: then the stream's outbox decides.
  return showing.sink->unread_bytes() > options_.showing_bytes_max &&
         showing.pending.size() < options_.showing_bytes_max;
}

void WatchHub::ShowMore(const ClusterView& view, Showing* showing) {
  // What has changed comes first: it is older than what is shown now.
  std::string frame = std::exchange(showing->pending, {});
  showing->snapshot.AppendNext(view, options_.events_per_frame, &frame);
  if (!showing->snapshot.is_done()) {
    if (!showing->sink->Send(FrameOf(std::move(frame)))) showing->sink = nullptr;
    return;
  }
  std::shared_ptr<WatchSink> sink = std::exchange(showing->sink, nullptr);
  WireWriter(&frame).Varint(pb::WatchResponse::kSnapshotEndFieldNumber, 1);
  if (sink->Send(FrameOf(std::move(frame), TokenOf(view.revision())))) {
    Join(showing->kinds, std::move(sink));
  }
}

WatchHub::ToShow WatchHub::ShowMore(const ClusterView& view) {
  if (showing_.empty()) return ToShow::kNothing;
  auto next = std::find_if(showing_.begin(), showing_.end(),
                           [this](const Showing& showing) { return !HasEnough(showing); });
  if (next == showing_.end()) return ToShow::kLater;
  Showing showing = std::move(*next);
  showing_.erase(next);
  ShowMore(view, &showing);
  if (showing.sink != nullptr) showing_.push_back(std::move(showing));
  return showing_.empty() ? ToShow::kNothing : ToShow::kNow;
}

absl::Status WatchHub::Start(const ClusterView& view, const pb::WatchRequest& request,
                             std::shared_ptr<WatchSink> sink) {
  if (size() >= options_.max_watchers) {
    // Ended ones are noticed when there is something to send; look now. A frame without events
    // says nothing.
    const WatchFrame nothing = FrameOf("", TokenOf(revision_));
    for (auto& [kinds, group] : groups_) {
      FlushGroup(&group);
      for (auto& other : group.sinks) {
        if (other != nullptr && !other->Send(nothing)) other = nullptr;
      }
    }
    DropEnded();
  }
  if (size() >= options_.max_watchers) {
    return absl::ResourceExhaustedError(
        absl::StrCat("there are ", options_.max_watchers, " watchers already"));
  }
  WatchKinds kinds;
  for (int kind : request.kinds()) kinds.insert(static_cast<pb::WatchKind>(kind));
  if (request.resume_token().empty()) {
    showing_.push_back({std::move(sink), kinds, WatchSnapshot(kinds)});
    return absl::OkStatus();
  }
  absl::StatusOr<uint64_t> after = RevisionOf(request.resume_token());
  if (!after.ok()) return after.status();
  if (absl::Status status = CheckResumable(*after, view.revision()); !status.ok()) return status;
  Replay(view, *after, kinds, sink.get());
  Join(kinds, std::move(sink));
  return absl::OkStatus();
}

void WatchHub::Replay(const ClusterView& view, uint64_t after, const WatchKinds& kinds,
                      WatchSink* sink) {
  std::string frame;
  size_t events = 0;
  auto it = std::upper_bound(ring_.begin(), ring_.end(), after,
                             [](uint64_t r, const Publish& p) { return r < p.revision; });
  for (; it != ring_.end(); ++it) {
    if (!Wants(kinds, KindOf(it->change))) continue;
    AppendEvent(view, *it, &frame);
    if (++events < options_.events_per_frame) continue;
    sink->Send(FrameOf(std::exchange(frame, {}), TokenOf(it->revision)));
    events = 0;
  }
  sink->Send(FrameOf(std::move(frame), TokenOf(view.revision())));
}

void WatchHub::CloseAll(const absl::Status& status) {
  Flush();
  for (auto& [kinds, group] : groups_) {
    for (auto& sink : group.sinks) sink->Close(status);
  }
  for (Showing& showing : showing_) showing.sink->Close(status);
  groups_.clear();
  showing_.clear();
}

}  // namespace meros::master
