// Snapshots over gRPC: what an operator saves is what an allocator would be told.
#include <gtest/gtest.h>

#include "meros/allocator/v1/snapshot.grpc.pb.h"
#include "services/master/shell/test_master.h"

namespace meros::master {
namespace {

namespace pb = ::meros::allocator::v1;

using testing::MasterOverGrpc;

class SnapshotOverGrpc : public MasterOverGrpc {
 protected:
  grpc::Status Take() {
    lines_.clear();
    grpc::ClientContext context;
    auto stub = pb::SnapshotService::NewStub(channel_);
    auto reader = stub->GetSnapshot(&context, {});
    pb::GetSnapshotResponse frame;
    while (reader->Read(&frame)) {
      lines_.insert(lines_.end(), frame.lines().begin(), frame.lines().end());
    }
    return reader->Finish();
  }

  std::vector<pb::SnapshotLine> lines_;
};

TEST_F(SnapshotOverGrpc, ShowsTheBooksBetweenHeaderAndEnd) {
  ASSERT_EQ(AwaitState("LEADING"), "LEADING");
  auto agent = Agent();
  const std::string agent_id = Register(agent.get(), "key");
  auto scheduler = Scheduler();
  const std::string framework_id = Subscribe(scheduler.get());

  const grpc::Status status = Take();

  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_GE(lines_.size(), 4u);
  EXPECT_EQ(lines_[0].header().format_version(), 1u);
  EXPECT_EQ(lines_[0].header().master_address(), shell_->advertised());
  EXPECT_GT(lines_[0].header().epoch(), 0u);
  EXPECT_GT(lines_[0].header().revision(), 0u);
  EXPECT_EQ(lines_[1].delta().upsert_framework().framework_id(), framework_id);
  const pb::AgentState& shown = lines_[2].delta().upsert_agent();
  EXPECT_EQ(shown.agent_id(), agent_id);
  EXPECT_EQ(shown.info().hostname(), "host");
  EXPECT_EQ(shown.total_size(), 2);
  EXPECT_EQ(lines_.back().end().lines(), lines_.size() - 1);
}

TEST_F(SnapshotOverGrpc, SaysWhoLeadsWhenItDoesNot) {
  registry_.SetAway(true);
  shell_.reset();
  StartMaster();

  EXPECT_EQ(Take().error_code(), grpc::StatusCode::FAILED_PRECONDITION);
}

// Without a core: the readers are told of a cluster of five agents.
TEST(SnapshotService, ALargeClusterComesInManyFrames) {
  telemetry::MetricRegistry registry("master");
  MasterMetrics metrics(&registry);
  ReadReplica replica({}, "m", &metrics);
  ShellContext context;
  context.replica = &replica;
  RateLimiter unlimited({}, absl::UnixEpoch(), &registry);
  context.limiter = &unlimited;
  context.metrics = &metrics;
  std::vector<Publish> changes;
  changes.push_back({1, LeadershipRecord{.state = LeadershipState::kLeading, .epoch = 3}});
  for (int i = 0; i < 5; ++i) {
    auto record = std::make_shared<AgentRecord>();
    record->id = AgentId(absl::StrCat("a", i));
    record->state = AgentState::kRegistered;
    record->info = std::make_shared<v1::AgentInfo>();
    changes.push_back({changes.size() + 1, std::shared_ptr<const AgentRecord>(record)});
  }
  replica.Push(std::move(changes));
  SnapshotService service(&context, /*objects_per_frame=*/2);
  const auto server = MasterOverGrpc::Serve({&service});
  auto stub = pb::SnapshotService::NewStub(grpc::CreateChannel(
      absl::StrCat("127.0.0.1:", server->port(0)), grpc::InsecureChannelCredentials()));

  grpc::ClientContext call;
  auto reader = stub->GetSnapshot(&call, {});
  pb::GetSnapshotResponse frame;
  std::vector<int> sizes;
  std::vector<pb::SnapshotLine> lines;
  while (reader->Read(&frame)) {
    sizes.push_back(frame.lines_size());
    lines.insert(lines.end(), frame.lines().begin(), frame.lines().end());
  }

  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(sizes, (std::vector<int>{3, 2, 2}));
  EXPECT_EQ(lines.at(0).header().epoch(), 3u);
  EXPECT_EQ(lines.at(5).delta().upsert_agent().agent_id(), "a4");
  EXPECT_EQ(lines.at(6).end().lines(), 6u);
}

}  // namespace
}  // namespace meros::master
