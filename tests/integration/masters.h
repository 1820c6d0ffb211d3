// What the masters of a cluster say of themselves, and who of them leads.
//
// Thread rule: thread-compatible; the cluster outlives it.
#pragma once

#include <chrono>

#include "gtest/gtest.h"
#include "libs/rpc/channel.h"
#include "libs/testing/local_cluster.h"
#include "meros/registry/v1/registry_service.grpc.pb.h"
#include "meros/v1/master/master_service.grpc.pb.h"

namespace meros::integration {

class Masters {
 public:
  // All questions together may take so long.
  static constexpr absl::Duration kLimit = absl::Seconds(180);

  Masters(testing::LocalCluster* cluster, int count) : cluster_(cluster), count_(count) {}

  std::unique_ptr<meros::v1::master::MasterService::Stub> Dial(int i) const {
    return meros::v1::master::MasterService::NewStub(
        *rpc::MakeChannel(cluster_->master_address(i), {.insecure = true}));
  }
  // What a master says of itself; nothing when it does not answer in 2 s.
  meros::v1::master::GetMasterResponse Of(int i) const {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(2));
    meros::v1::master::GetMasterResponse response;
    if (!Dial(i)->GetMaster(&context, {}, &response).ok()) response.Clear();
    return response;
  }
  // Whether it says that it does not lead, waiting for its word.
  bool SaysItDoesNotLead(int i) const {
    meros::v1::master::GetMasterResponse now;
    const bool answers = testing::Eventually(kLimit, [&] {
      now = Of(i);
      return !now.state().empty();
    });
    return answers && !now.leading();
  }
  // The master that leads, waiting for it; `not_this` is known not to. -1 if none comes to lead.
  int AwaitLeader(int not_this = -1) const {
    int leader = -1;
    EXPECT_TRUE(testing::Eventually(kLimit, [&] {
      for (int i = 0; i < count_; ++i) {
        if (i != not_this && Of(i).leading()) leader = i;
      }
      return leader >= 0;
    }));
    return leader;
  }
  // Whether a master comes to stand by for that leader.
  bool EventuallyFollows(int i, int leader) const {
    return testing::Eventually(kLimit, [&] {
      const auto now = Of(i);
      return now.state() == "STANDBY" && now.leader_address() == cluster_->master_address(leader);
    });
  }
  // What the registry answers to a write of a leader of that epoch; UNKNOWN if nothing in 120 s.
  absl::StatusCode WriteWith(uint64_t epoch) const {
    auto stub = registry::v1::RegistryService::NewStub(
        *rpc::MakeChannel(cluster_->registry_address(), {.insecure = true}));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(120));
    auto stream = stub->Session(&context);
    registry::v1::SessionRequest frame;
    registry::v1::Request* request = frame.add_requests();
    request->set_id(1);
    request->mutable_commit()->set_epoch(epoch);
    registry::v1::Mutation* mutation = request->mutable_commit()->add_mutations();
    mutation->mutable_key()->set_kind(registry::v1::RECORD_KIND_MINIMUM_CAPABILITY);
    mutation->mutable_key()->set_name("OF_AN_OLD_LEADER");
    mutation->set_put("");
    registry::v1::SessionResponse response;
    if (!stream->Write(frame) || !stream->Read(&response)) return absl::StatusCode::kUnknown;
    context.TryCancel();
    return static_cast<absl::StatusCode>(response.responses(0).code());
  }

 private:
  testing::LocalCluster* const cluster_;
  const int count_;
};

}  // namespace meros::integration
