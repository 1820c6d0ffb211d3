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

using Told = WatchFilter::Told;

// REQUIRES: something is told.
void AppendTold(const ClusterView& view, const Publish& change, Told told, std::string* frame) {
  if (told == Told::kChange) return AppendEvent(view, change, frame);
  const auto& framework = std::get<std::shared_ptr<const FrameworkRecord>>(change.change);
  AppendEvent(view, {change.revision, FrameworkRemoved{framework->id}}, frame);
}

// A change, packed when somebody is told it, and then never again.
class PackedOnce {
 public:
  PackedOnce(const ClusterView& view, const Publish& change) : view_(view), change_(change) {}
  const std::string& As(Told told) {
    std::string& packed = told == Told::kChange ? as_change_ : as_removal_;
    if (packed.empty()) AppendTold(view_, change_, told, &packed);
    return packed;
  }

 private:
  const ClusterView& view_;
  const Publish& change_;
  std::string as_change_;
  std::string as_removal_;
};

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
  for (const auto& [filter, group] : groups_) size += group.sinks.size();
  return size;
}

bool WatchHub::Keep(const Publish& change, const Replaced& replaced) {
  if (!groups_.empty() || !showing_.empty()) {
    unwatched_ = 0;
  } else if (unwatched_ >= options_.ring_max) {
    ring_.clear();
    forgotten_ = change.revision;
    return false;
  } else {
    ++unwatched_;
  }
  ring_.push_back({change, replaced});
  if (ring_.size() > options_.ring_max) {
    forgotten_ = ring_.front().publish.revision;
    ring_.pop_front();
  }
  return true;
}

void WatchHub::Add(const ClusterView& view, const Publish& change, const Replaced& replaced) {
  if (std::holds_alternative<Cleared>(change.change)) {
    CloseAll(absl::UnavailableError("the master lost leadership; connect again"));
    revision_ = forgotten_ = change.revision;
    ring_.clear();
    return;
  }
  revision_ = change.revision;
  if (KindOf(change.change) == pb::WATCH_KIND_UNSPECIFIED || !Keep(change, replaced)) return;
  PackedOnce packed(view, change);
  for (auto& [filter, group] : groups_) {
    const Told told = filter.TellingOf(change.change, replaced);
    if (told == Told::kNothing) continue;
    group.pending.append(packed.As(told));
    ++pending_events_;
    if (++group.events >= options_.events_per_frame) FlushGroup(&group);
  }
  for (Showing& showing : showing_) {
    const Told told = showing.filter.TellingOf(change.change, replaced);
    if (told == Told::kNothing || !showing.snapshot.HasShown(change.change)) continue;
    showing.pending.append(packed.As(told));
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
  for (auto& [filter, group] : groups_) std::erase(group.sinks, nullptr);
  std::erase_if(groups_, [](const auto& group) { return group.second.sinks.empty(); });
}

void WatchHub::Flush() {
  for (auto& [filter, group] : groups_) FlushGroup(&group);
  DropEnded();
}

void WatchHub::Join(const WatchFilter& filter, std::shared_ptr<WatchSink> sink) {
  Group& group = groups_[filter];
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
  showing->snapshot.AppendNext(
      view, {.events = options_.events_per_frame, .examined = options_.examined_per_frame}, &frame);
  if (!showing->snapshot.is_done()) {
    if (!frame.empty() && !showing->sink->Send(FrameOf(std::move(frame)))) showing->sink = nullptr;
    return;
  }
  std::shared_ptr<WatchSink> sink = std::exchange(showing->sink, nullptr);
  WireWriter(&frame).Varint(pb::WatchResponse::kSnapshotEndFieldNumber, 1);
  if (sink->Send(FrameOf(std::move(frame), TokenOf(view.revision())))) {
    Join(showing->filter, std::move(sink));
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
  const absl::StatusOr<WatchFilter> filter = WatchFilter::Of(request);
  if (!filter.ok()) return filter.status();
  if (size() >= options_.max_watchers) {
    // Ended ones are noticed when there is something to send; look now. A frame without events
    // says nothing.
    const WatchFrame nothing = FrameOf("", TokenOf(revision_));
    for (auto& [filter, group] : groups_) {
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
  if (request.resume_token().empty()) {
    showing_.push_back({std::move(sink), *filter, WatchSnapshot(*filter)});
    return absl::OkStatus();
  }
  absl::StatusOr<uint64_t> after = RevisionOf(request.resume_token());
  if (!after.ok()) return after.status();
  if (absl::Status status = CheckResumable(*after, view.revision()); !status.ok()) return status;
  Replay(view, *after, *filter, sink.get());
  Join(*filter, std::move(sink));
  return absl::OkStatus();
}

void WatchHub::Replay(const ClusterView& view, uint64_t after, const WatchFilter& filter,
                      WatchSink* sink) {
  std::string frame;
  size_t events = 0;
  auto it = std::upper_bound(ring_.begin(), ring_.end(), after, [](uint64_t r, const Kept& kept) {
    return r < kept.publish.revision;
  });
  for (; it != ring_.end(); ++it) {
    const Told told = filter.TellingOf(it->publish.change, it->replaced);
    if (told == Told::kNothing) continue;
    AppendTold(view, it->publish, told, &frame);
    if (++events < options_.events_per_frame) continue;
    sink->Send(FrameOf(std::exchange(frame, {}), TokenOf(it->publish.revision)));
    events = 0;
  }
  sink->Send(FrameOf(std::move(frame), TokenOf(view.revision())));
}

void WatchHub::CloseAll(const absl::Status& status) {
  Flush();
  for (auto& [filter, group] : groups_) {
    for (auto& sink : group.sinks) sink->Close(status);
  }
  for (Showing& showing : showing_) showing.sink->Close(status);
  groups_.clear();
  showing_.clear();
}

}  // namespace meros::master
