// What operators set of roles, over gRPC: durable before it is answered, and kept.
#include <gtest/gtest.h>

#include <chrono>

#include "libs/testing/process.h"
#include "services/master/shell/test_master.h"

namespace meros::master {
namespace {

namespace ops = ::meros::v1::master;

using testing::MasterOverGrpc;

TEST_F(MasterOverGrpc, AQuotaIsKeptByARestartedMaster) {
  ASSERT_EQ(AwaitState("LEADING"), "LEADING");
  ops::UpdateQuotaRequest request;
  request.add_configs()->set_role("eng/web");
  (*request.mutable_configs(0)->mutable_limits())["cpus"].set_value(1.5);
  request.set_request_id("once");
  ops::UpdateQuotaResponse response;
  grpc::ClientContext first, again, stale;
  ASSERT_TRUE(operators_->UpdateQuota(&first, request, &response).ok());
  EXPECT_TRUE(operators_->UpdateQuota(&again, request, &response).ok());
  request.set_request_id("another");
  request.mutable_configs(0)->set_version(0);
  EXPECT_EQ(operators_->UpdateQuota(&stale, request, &response).error_code(),
            grpc::StatusCode::ABORTED);
  EXPECT_EQ(registry_.records(), 1u);

  shell_.reset();
  StartMaster();
  ASSERT_EQ(AwaitState("LEADING"), "LEADING");

  ops::ListQuotasResponse quotas;
  grpc::ClientContext list_context;
  ASSERT_TRUE(operators_->ListQuotas(&list_context, {}, &quotas).ok());
  ASSERT_EQ(quotas.configs_size(), 1);
  EXPECT_EQ(quotas.configs(0).role(), "eng/web");
  EXPECT_EQ(quotas.configs(0).limits().at("cpus").value(), 1.5);
  EXPECT_GT(quotas.configs(0).version(), 0u);
}

TEST_F(MasterOverGrpc, AQuotaIsNotAnsweredBeforeItIsDurable) {
  ASSERT_EQ(AwaitState("LEADING"), "LEADING");
  registry_.SetAway(true);
  ops::UpdateWeightsRequest request;
  request.add_weights()->set_role("eng");
  request.mutable_weights(0)->set_weight(2);
  ops::UpdateWeightsResponse response;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(500));
  EXPECT_EQ(operators_->UpdateWeights(&context, request, &response).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  ops::ListWeightsResponse weights;
  grpc::ClientContext list_context;
  EXPECT_TRUE(operators_->ListWeights(&list_context, {}, &weights).ok());
  EXPECT_TRUE(weights.weights().empty());

  registry_.SetAway(false);

  EXPECT_TRUE(meros::testing::Eventually(absl::Seconds(60), [&] {
    grpc::ClientContext later;
    operators_->ListWeights(&later, {}, &weights);
    return weights.weights_size() == 1;
  }));
}

}  // namespace
}  // namespace meros::master
