// Goal: what is taken and refused at the bounds of a request. Method: as registry_core_test.cc.
#include "services/registry/core/validation.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/registry/core/test_core.h"

namespace meros::registry {
namespace {

using ::testing::HasSubstr;

class ValidationTest : public RegistryCoreTest {
 protected:
  // Of as many machines, each down, and the schedule.
  static v1::Request Maintenance(uint64_t epoch, int machines) {
    v1::Request request = Put(1, epoch, "schedule", std::string(900'000, 's'));
    request.mutable_commit()->mutable_mutations(0)->mutable_key()->set_kind(
        v1::RECORD_KIND_MAINTENANCE_SCHEDULE);
    for (int i = 0; i < machines; ++i) {
      v1::Mutation* const mutation = request.mutable_commit()->add_mutations();
      mutation->mutable_key()->set_kind(v1::RECORD_KIND_MACHINE);
      mutation->mutable_key()->set_name(absl::StrCat("machine-", i, "/"));
      mutation->set_put(std::string(320, 'm'));  // about what the longest name takes
    }
    return request;
  }
};

TEST_F(ValidationTest, AFullScheduleOfMachinesThatAreDownIsOneCommit) {
  const uint64_t epoch = Lead("a");

  const auto replies = Settle(Ask(1, Maintenance(epoch, 10'000)));

  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(replies[0].code(), 0) << replies[0].message();
  EXPECT_EQ(core_.records().size(), 10'002u) << "and the lease";
}

TEST_F(ValidationTest, ALargerCommitIsRefusedWithTheLimit) {
  const absl::Status status = ValidateCommit(Maintenance(1, 10'001).commit());

  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr("commit.mutations: must have 1 to 10001 entries"));
}

}  // namespace
}  // namespace meros::registry
