// For the tests of watches: a hub, the view it is told of, and watchers who remember what they were
// sent.
//
// Thread rule: thread-compatible.
#pragma once

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "services/master/shell/watch_hub.h"
#include "services/master/view/cluster_view.h"

namespace meros::master::testing {

// Reads at once what it is sent, or when it is told to.
class RecordingSink final : public WatchSink {
 public:
  bool Send(const WatchFrame& packed) override {
    if (ended) return false;
    if (!reads_at_once) unread += packed->size();
    if (unread > unread_max) {
      ended = overflown = true;
      return false;
    }
    v1::master::WatchResponse frame;
    EXPECT_TRUE(frame.ParseFromString(*packed));
    frames.push_back(packed);
    if (frame.has_resume_token()) token = frame.resume_token();
    snapshot_ended |= frame.snapshot_end();
    for (const auto& event : frame.events()) events.push_back(event);
    return true;
  }
  size_t unread_bytes() const override { return unread; }
  void Close(absl::Status status) override { closed = std::move(status); }

  std::vector<WatchFrame> frames;
  size_t unread = 0;
  size_t unread_max = SIZE_MAX;  // as of an outbox: then the stream is cut
  bool reads_at_once = true;
  bool overflown = false;
  std::vector<v1::master::WatchEvent> events;
  std::string token;
  bool snapshot_ended = false;
  bool ended = false;
  absl::Status closed;
};

class Watching : public ::testing::Test {
 protected:
  explicit Watching(WatchOptions options = {.max_watchers = 2,
                                            .ring_max = 5,
                                            .events_per_frame = 2,
                                            .examined_per_frame = 4,
                                            .showing_bytes_max = 1000})
      : hub_(options, "master") {}

  void AddAgent(const std::string& id) { Apply(AgentOf(id)); }
  static Publish::Change AgentOf(const std::string& id) {
    auto record = std::make_shared<AgentRecord>();
    record->id = AgentId(id);
    record->state = AgentState::kRegistered;
    record->info = std::make_shared<const v1::AgentInfo>();
    return std::shared_ptr<const AgentRecord>(record);
  }
  void Apply(Publish::Change change) {
    ApplyUnflushed(std::move(change));
    hub_.Flush();
  }
  void ApplyUnflushed(Publish::Change change) {
    const Publish publish{++revision_, std::move(change)};
    const Replaced replaced = view_.Apply(publish);
    hub_.Add(view_, publish, replaced);
  }
  void AddFramework(const std::string& id, std::vector<std::string> roles) {
    auto record = std::make_shared<FrameworkRecord>();
    record->id = FrameworkId(id);
    record->subscription.info = std::make_shared<const v1::FrameworkInfo>();
    record->subscription.roles = std::move(roles);
    Apply(std::shared_ptr<const FrameworkRecord>(record));
  }
  void AddTask(const std::string& framework, const std::string& id, uint64_t sequence,
               const std::string& role = "eng", const std::string& agent = "a") {
    TaskFacts facts;
    facts.sequence = sequence;
    facts.id = TaskId(id);
    facts.framework_id = Shared<FrameworkId>(FrameworkId(framework));
    facts.agent_id = Shared<AgentId>(AgentId(agent));
    facts.role = Shared<std::string>(role);
    Apply(TaskChanged{Task{Shared<TaskFacts>(std::move(facts))}});
  }
  void RemoveTask(const std::string& framework, const std::string& id, uint64_t sequence) {
    Apply(TaskRemoved{FrameworkId(framework), TaskId(id), sequence});
  }
  void SetRole(const std::string& role) {
    auto config = std::make_shared<RoleConfig>();
    config->role = role;
    config->weight = 2;
    Apply(RoleChanged{config});
  }

  std::shared_ptr<RecordingSink> Watch(const std::string& request) {
    v1::master::WatchRequest parsed;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(request, &parsed)) << request;
    return Watch(parsed);
  }
  std::shared_ptr<RecordingSink> Watch(v1::master::WatchRequest request = {}) {
    auto sink = Begin(request);
    ShowAll();
    return sink;
  }
  // Shows nothing yet.
  std::shared_ptr<RecordingSink> Begin(const v1::master::WatchRequest& request) {
    auto sink = std::make_shared<RecordingSink>();
    status_ = hub_.Start(view_, request, sink);
    return sink;
  }
  void ShowAll() {
    while (hub_.ShowMore(view_) == WatchHub::ToShow::kNow) {
    }
  }

  // Ids of what was told; with a '-' those that were told as removed.
  static std::vector<std::string> Told(const RecordingSink& sink) {
    std::vector<std::string> told;
    for (const v1::master::WatchEvent& event : sink.events) told.push_back(IdOf(event));
    return told;
  }
  static std::string IdOf(const v1::master::WatchEvent& event) {
    if (event.has_agent()) return event.agent().info().id().value();
    if (event.has_framework()) return event.framework().info().id().value();
    if (event.has_task()) return event.task().task().task_id().value();
    if (event.has_role()) return event.role().role();
    if (event.has_agent_removed()) return "-" + event.agent_removed().value();
    if (event.has_framework_removed()) return "-" + event.framework_removed().value();
    return "-" + event.task_removed().task_id().value();
  }

  ClusterView view_;
  WatchHub hub_;
  uint64_t revision_ = 0;
  uint64_t sequence_ = 1;
  absl::Status status_;
};

}  // namespace meros::master::testing
