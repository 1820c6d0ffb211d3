// Goal: every leadership of a master is a candidate of its own at the registry, so that nothing of
// a former one is taken for the present one's. Method: requests and answers, without a registry.
#include "services/master/shell/registry_exchange.h"

#include <gtest/gtest.h>

#include <set>

namespace meros::master {
namespace {

namespace pb = registry::v1;

constexpr absl::Duration kTtl = absl::Seconds(1);
const absl::Time kNow = absl::FromUnixSeconds(1000);

class RegistryExchangeTest : public ::testing::Test {
 protected:
  pb::Request Ask(const Effect& effect) {
    pb::Request request;
    EXPECT_TRUE(exchange_.Ask(kNow, effect, &request));
    return request;
  }
  std::optional<RegistryExchange::Answer> Grant(const pb::Request& request, uint64_t epoch) {
    pb::Response response;
    response.set_id(request.id());
    response.mutable_lease()->set_epoch(epoch);
    return exchange_.Take(std::move(response));
  }
  std::optional<RegistryExchange::Answer> Refuse(const pb::Request& request) {
    pb::Response response;
    response.set_id(request.id());
    response.set_code(static_cast<int>(absl::StatusCode::kFailedPrecondition));
    return exchange_.Take(std::move(response));
  }

  static std::string CandidateOf(const pb::Request& request) {
    return request.acquire_lease().candidate_id();
  }

  RegistryExchange exchange_{{.candidate_id = "m", .master_info = {}}};
};

TEST_F(RegistryExchangeTest, UntilItIsGrantedTheLeaseIsAskedForUnderOneName) {
  const pb::Request first = Ask(AcquireLease{1, kTtl});
  EXPECT_TRUE(Refuse(first).has_value());
  const pb::Request unanswered = Ask(AcquireLease{2, kTtl});

  EXPECT_EQ(CandidateOf(first), "m");
  EXPECT_EQ(CandidateOf(unanswered), "m");
  EXPECT_EQ(CandidateOf(Ask(AcquireLease{3, kTtl})), "m");
}

// The registry repeats its answer to the same name at once; another name would wait for the end of
// the lease, and so again and again where answers take long.
TEST_F(RegistryExchangeTest, AGrantThatNobodyActedOnIsAskedForUnderTheSameName) {
  const pb::Request slow = Ask(AcquireLease{1, kTtl});
  const pb::Request again = Ask(AcquireLease{2, kTtl});
  EXPECT_TRUE(Grant(slow, 1).has_value());

  EXPECT_EQ(CandidateOf(Ask(AcquireLease{3, kTtl})), CandidateOf(slow));
  EXPECT_TRUE(Grant(again, 1).has_value());
}

TEST_F(RegistryExchangeTest, EveryLeadershipHasANameOfItsOwn) {
  std::set<std::string> names;
  for (uint64_t epoch = 1; epoch <= 3; ++epoch) {
    const pb::Request acquire = Ask(AcquireLease{2 * epoch, kTtl});
    EXPECT_TRUE(names.insert(CandidateOf(acquire)).second) << CandidateOf(acquire);
    EXPECT_TRUE(Grant(acquire, epoch).has_value());
    EXPECT_TRUE(Grant(Ask(RenewLease{2 * epoch + 1, epoch, kTtl}), epoch).has_value());
  }
}

TEST_F(RegistryExchangeTest, AnswersToAFormerLeadershipAreDropped) {
  EXPECT_TRUE(Grant(Ask(AcquireLease{1, kTtl}), 1).has_value());
  const pb::Request former_read = Ask(ReadRegistry{1});
  const pb::Request former_renewal = Ask(RenewLease{2, 1, kTtl});

  const pb::Request acquire = Ask(AcquireLease{3, kTtl});

  EXPECT_FALSE(Refuse(former_read).has_value());
  EXPECT_FALSE(Grant(former_renewal, 1).has_value());
  const auto granted = Grant(acquire, 2);
  ASSERT_TRUE(granted.has_value());
  EXPECT_EQ(std::get<LeaseAnswer>(granted->input).epoch, 2);
}

}  // namespace
}  // namespace meros::master
