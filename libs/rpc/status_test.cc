// Statuses on their way through gRPC: what arrives is what was sent, and what programs read of it.
#include "libs/rpc/status.h"

#include <gtest/gtest.h>

#include <string>

#include "libs/base/leader_hint.h"
#include "meros/status_details/v1/status_details.pb.h"

namespace meros::rpc {
namespace {

TEST(Status, CodeAndMessageSurviveTheRoundTrip) {
  for (const absl::Status& status :
       {absl::OkStatus(), absl::NotFoundError("no such agent"), NotLeadingError("m1:7050")}) {
    EXPECT_EQ(FromGrpc(ToGrpc(status)), status);
  }
}

TEST(Status, ALongMessageIsCut) {
  const grpc::Status sent = ToGrpc(absl::InternalError(std::string(5000, 'x')));

  EXPECT_EQ(sent.error_message().size(), kStatusMessageBytesMax);
}

TEST(Status, WhoLeadsIsADetailForPrograms) {
  const grpc::Status sent = ToGrpc(NotLeadingError("m1:7050"));

  status_details::v1::Status details;
  ASSERT_TRUE(details.ParseFromString(sent.error_details()));
  EXPECT_EQ(details.code(), static_cast<int>(grpc::StatusCode::FAILED_PRECONDITION));
  EXPECT_EQ(details.message(), sent.error_message());
  ASSERT_EQ(details.details_size(), 1);
  EXPECT_EQ(details.details(0).type_url(), "type.googleapis.com/google.rpc.ErrorInfo");
  status_details::v1::ErrorInfo info;
  ASSERT_TRUE(info.ParseFromString(details.details(0).value()));
  EXPECT_EQ(info.reason(), "NOT_LEADING");
  EXPECT_EQ(info.domain(), "meros");
  EXPECT_EQ(info.metadata().at("leader"), "m1:7050");
}

TEST(Status, OthersHaveNoDetails) {
  EXPECT_EQ(ToGrpc(NotLeadingError("")).error_details(), "") << "nobody leads";
  EXPECT_EQ(ToGrpc(absl::UnavailableError("the master stops")).error_details(), "");
}

}  // namespace
}  // namespace meros::rpc
