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

// A change, packed when somebody is told it, and then never again.
class PackedOnce {
 public:
  PackedOnce(const ClusterView& view, const Publish& change, const Replaced& replaced)
      : view_(view), change_(change), replaced_(replaced) {}
  const std::string& As(Told told) {
    std::string& packed = told == Told::kChange ? as_change_ : as_removal_;
    if (packed.empty()) AppendTold(view_, change_, replaced_, told, &packed);
    return packed;
  }

 private:
  const ClusterView& view_;
  const Publish& change_;
  const Replaced& replaced_;
  std::string as_change_;
  std::string as_removal_;
};

// Packed events and the token to resume after them.
WatchFrame FrameOf(std::string events, const std::string& token) {
  WireWriter(&events).Bytes(pb::WatchResponse::kResumeTokenFieldNumber, token);
  return FrameOf(std::move(events));
}

// Those that have ended are null afterwards.
void SendAll(const WatchFrame& frame, std::vector<std::shared_ptr<WatchSink>>* sinks) {
  for (auto& sink : *sinks) {
    if (sink != nullptr && !sink->Send(frame)) sink = nullptr;
  }
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
  if (revision >= ring_.forgotten()) return absl::OkStatus();
  return absl::OutOfRangeError("resume_token: too many changes since then; start without one");
}

size_t WatchHub::size() const {
  size_t size = showing_.size();
  for (const auto& [place, sinks] : catching_up_) size += sinks.size();
  for (const auto& [filter, group] : groups_) size += group.sinks.size();
  return size;
}

void WatchHub::Add(const ClusterView& view, const Publish& change, const Replaced& replaced) {
  if (std::holds_alternative<Cleared>(change.change)) {
    CloseAll(absl::UnavailableError("the master lost leadership; connect again"));
    revision_ = change.revision;
    ring_.Forget(change.revision);
    return;
  }
  revision_ = change.revision;
  if (KindOf(change.change) == pb::WATCH_KIND_UNSPECIFIED) return;
  const bool is_watched = !groups_.empty() || !showing_.empty() || !catching_up_.empty();
  using Watched = WatchRing::Watched;
  if (!ring_.Add(change, replaced, is_watched ? Watched::kYes : Watched::kNo)) return;
  PackedOnce packed(view, change, replaced);
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
  SendAll(FrameOf(std::exchange(group->pending, {}), TokenOf(revision_)), &group->sinks);
}

void WatchHub::DropEnded() {
  for (auto& [filter, group] : groups_) std::erase(group.sinks, nullptr);
  std::erase_if(groups_, [](const auto& group) { return group.second.sinks.empty(); });
}

void WatchHub::Flush() {
  for (auto& [filter, group] : groups_) FlushGroup(&group);
  DropEnded();
}

void WatchHub::Join(const WatchFilter& filter, Sinks sinks) {
  if (sinks.empty()) return;
  Group& group = groups_[filter];
  FlushGroup(&group);
  group.sinks.insert(group.sinks.end(), sinks.begin(), sinks.end());
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
    Join(showing->filter, {std::move(sink)});
  }
}

WatchHub::ToShow WatchHub::ShowOne(const ClusterView& view) {
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

void WatchHub::EndOvertaken(uint64_t now) {
  while (!catching_up_.empty()) {
    const auto oldest = catching_up_.begin();
    const absl::Status status = CheckResumable(oldest->first.first, now);
    if (status.ok()) return;
    for (auto& sink : oldest->second) sink->Close(status);
    catching_up_.erase(oldest);
  }
}

void WatchHub::CatchUp(const ClusterView& view, const Place& place, Sinks sinks) {
  const auto& [after, filter] = place;
  WatchRing::Part part = ring_.Next(view, filter, after,
                                    {.events = options_.events_per_frame,
                                     .examined = options_.examined_per_frame,
                                     .bytes = options_.missed_bytes_per_frame});
  // The last is sent even when it is empty, for its token.
  const uint64_t reached = part.is_last ? view.revision() : part.revision;
  if (part.is_last || !part.events.empty()) {
    SendAll(FrameOf(std::move(part.events), TokenOf(reached)), &sinks);
    std::erase(sinks, nullptr);
  }
  if (part.is_last) return Join(filter, std::move(sinks));
  if (sinks.empty()) return;
  Sinks& others = catching_up_[{reached, filter}];
  others.insert(others.end(), sinks.begin(), sinks.end());
}

WatchHub::ToShow WatchHub::CatchUpOne(const ClusterView& view) {
  EndOvertaken(view.revision());
  for (size_t left = catching_up_.size(); left > 0; --left) {
    auto next = caught_up_last_ ? catching_up_.upper_bound(*caught_up_last_) : catching_up_.begin();
    if (next == catching_up_.end()) next = catching_up_.begin();
    caught_up_last_ = next->first;
    Sinks& sinks = next->second;
    const auto ready = std::partition(sinks.begin(), sinks.end(), [this](const auto& sink) {
      return sink->unread_bytes() > options_.showing_bytes_max;
    });
    if (ready == sinks.end()) continue;
    Sinks chosen(ready, sinks.end());
    sinks.erase(ready, sinks.end());
    if (sinks.empty()) catching_up_.erase(next);
    CatchUp(view, *caught_up_last_, std::move(chosen));
    return catching_up_.empty() ? ToShow::kNothing : ToShow::kNow;
  }
  return catching_up_.empty() ? ToShow::kNothing : ToShow::kLater;
}

WatchHub::ToShow WatchHub::ShowMore(const ClusterView& view) {
  return std::min(ShowOne(view), CatchUpOne(view));
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
      SendAll(nothing, &group.sinks);
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
  catching_up_[{*after, *filter}].push_back(std::move(sink));
  return absl::OkStatus();
}

void WatchHub::CloseAll(const absl::Status& status) {
  Flush();
  for (auto& [filter, group] : groups_) {
    for (auto& sink : group.sinks) sink->Close(status);
  }
  for (Showing& showing : showing_) showing.sink->Close(status);
  for (auto& [place, sinks] : catching_up_) {
    for (auto& sink : sinks) sink->Close(status);
  }
  groups_.clear();
  showing_.clear();
  catching_up_.clear();
}

}  // namespace meros::master
