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
#include "absl/strings/str_cat.h"
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

  // Its uuid is "o<sequence>".
  void SetOperation(uint64_t sequence, const std::string& framework = "f",
                    const std::string& agent = "a",
                    v1::OperationState state = v1::OPERATION_PENDING) {
    auto operation = std::make_shared<Operation>();
    operation->sequence = sequence;
    operation->uuid = absl::StrCat("o", sequence);
    operation->framework_id = FrameworkId(framework);
    operation->agent_id = AgentId(agent);
    auto info = std::make_shared<v1::Offer::Operation>();
    info->set_type(v1::Offer::Operation::RESERVE);
    operation->info = std::move(info);
    auto status = std::make_shared<v1::OperationStatus>();
    status->set_state(state);
    operation->status = std::move(status);
    Apply(std::shared_ptr<const Operation>(std::move(operation)));
  }
  void AddExecutor(const std::string& id, const std::string& framework = "f",
                   const std::string& agent = "a") {
    auto info = std::make_shared<v1::ExecutorInfo>();
    info->mutable_executor_id()->set_value(id);
    Apply(ExecutorAdded{AgentId(agent), FrameworkId(framework), ExecutorId(id), std::move(info)});
  }
  void RemoveExecutor(const std::string& id, const std::string& framework = "f",
                      const std::string& agent = "a") {
    Apply(ExecutorRemoved{AgentId(agent), FrameworkId(framework), ExecutorId(id)});
  }
  // Machines go away together, some have.
  void Plan(std::vector<MachineId> machines, const absl::btree_set<MachineId>& down = {}) {
    MaintenancePlan::Windows windows;
    if (!machines.empty()) windows.push_back({std::move(machines), {absl::UnixEpoch()}});
    Apply(MaintenanceChanged{std::make_shared<const MaintenancePlan>(std::move(windows), down)});
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

  // Ids of what was told; with a '-' those that were told as removed. Of a maintenance plan how
  // many windows it has and how many machines are down.
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
    if (event.has_operation()) return event.operation().uuid().value();
    if (event.has_executor()) return event.executor().info().executor_id().value();
    if (event.has_maintenance()) {
      return absl::StrCat(event.maintenance().schedule().windows_size(), " planned, ",
                          event.maintenance().down_machines_size(), " down");
    }
    if (event.has_operation_removed()) return "-" + event.operation_removed().value();
    if (event.has_executor_removed()) {
      return "-" + event.executor_removed().executor_id().value();
    }
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
