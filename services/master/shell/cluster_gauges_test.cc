// Goal: what readers see of the cluster comes out as Prometheus reads it, and every value of a
// label that docs/reference/mesos-metrics.md promises is one that the master writes. Method: a view
// that is fed with published changes, measured by all that measures it.
#include "services/master/shell/cluster_gauges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "libs/testing/metric_promises.h"
#include "services/master/shell/master_metrics.h"
#include "services/master/view/test_view.h"

namespace meros::master {
namespace {

using ::meros::testing::Keeps;
using ::meros::testing::LabelsPromisedIn;
using ::meros::testing::MetricPromise;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class ClusterGaugesTest : public testing::ViewTest {
 protected:
  void AddOffer(uint64_t sequence) {
    auto offer = std::make_shared<Offer>();
    offer->sequence = sequence;
    Apply(OfferRef(offer));
  }
  void AddInverseOffer(uint64_t sequence) {
    auto offer = std::make_shared<InverseOffer>();
    offer->sequence = sequence;
    Apply(InverseOfferRef(offer));
  }
  void AddOperation(uint64_t sequence, OperationType type, v1::OperationState state) {
    auto operation = std::make_shared<Operation>();
    operation->sequence = sequence;
    auto info = std::make_shared<v1::Offer::Operation>();
    info->set_type(type);
    operation->info = info;
    auto status = std::make_shared<v1::OperationStatus>();
    status->set_state(state);
    operation->status = status;
    Apply(std::shared_ptr<const Operation>(operation));
  }
  void SetQuota(const std::string& role, RoleQuota quota) {
    auto config = std::make_shared<RoleConfig>();
    config->role = role;
    config->quota = std::move(quota);
    Apply(RoleChanged{config});
  }
  std::string Text() {
    metrics_.cluster.Measure(view_);
    metrics_.roles.Measure(view_);
    metrics_.counts.Measure(view_, /*framework_series_max=*/100);
    return registry_.Serialize();
  }

  telemetry::MetricRegistry registry_{"master"};
  MasterMetrics metrics_{&registry_};
};

TEST_F(ClusterGaugesTest, OffersAreCountedByKindUntilTheyEnd) {
  AddOffer(1);
  AddOffer(2);
  AddInverseOffer(3);

  EXPECT_THAT(Text(), AllOf(HasSubstr("meros_master_offers{kind=\"resources\"} 2\n"),
                            HasSubstr("meros_master_offers{kind=\"inverse\"} 1\n")));
  for (uint64_t sequence : {1, 2, 3}) Apply(OfferEnded{sequence});
  EXPECT_THAT(Text(), AllOf(HasSubstr("meros_master_offers{kind=\"resources\"} 0\n"),
                            HasSubstr("meros_master_offers{kind=\"inverse\"} 0\n")));
}

TEST_F(ClusterGaugesTest, OperationsAreCountedByTypeAndStateUntilTheyAreDoneWith) {
  AddOperation(1, v1::Offer::Operation::RESERVE, v1::OPERATION_PENDING);
  AddOperation(2, v1::Offer::Operation::RESERVE, v1::OPERATION_PENDING);
  AddOperation(2, v1::Offer::Operation::RESERVE, v1::OPERATION_FINISHED);
  AddOperation(3, v1::Offer::Operation::CREATE, v1::OPERATION_PENDING);
  Apply(OperationRemoved{3});

  const std::string text = Text();

  const std::string reserves = "meros_master_operations{type=\"reserve\",";
  EXPECT_THAT(text, AllOf(HasSubstr(reserves + "state=\"pending\"} 1\n"),
                          HasSubstr(reserves + "state=\"finished\"} 1\n"),
                          Not(HasSubstr("meros_master_operations{type=\"create\""))));
}

TEST_F(ClusterGaugesTest, QuotaIsShownByResourceWithWhatIsHeldOfIt) {
  AddFramework("f", FrameworkState::kConnected, {"eng"});
  RoleUsage usage;
  usage.used = resources::Resources::Of(3, 512).Quantities();
  Apply(FrameworkUsage{FrameworkId("f"), {{"eng", usage}}, nullptr});
  RoleQuota quota;
  quota.guarantees.Add(resources::ResourceName::Cpus(), resources::Scalar::FromUnits(2));
  quota.limits.Set(resources::ResourceName::Cpus(), resources::Scalar::FromUnits(4));
  quota.limits.Set(resources::ResourceName::Gpus(), resources::Scalar());
  SetQuota("eng", quota);

  const std::string text = Text();

  const std::string cpus = "meros_master_role_quota{role=\"eng\",resource=\"cpus\",";
  const std::string gpus = "meros_master_role_quota{role=\"eng\",resource=\"gpus\",";
  EXPECT_THAT(
      text, AllOf(HasSubstr(cpus + "what=\"guarantee\"} 2\n"),
                  HasSubstr(cpus + "what=\"limit\"} 4\n"), HasSubstr(cpus + "what=\"held\"} 3\n")));
  EXPECT_THAT(text,
              AllOf(HasSubstr(gpus + "what=\"limit\"} 0\n"), HasSubstr(gpus + "what=\"held\"} 0\n"),
                    Not(HasSubstr(gpus + "what=\"guarantee\""))));
  EXPECT_THAT(text, Not(HasSubstr("resource=\"mem\""))) << "the quota does not name it";
  SetQuota("eng", {});
  EXPECT_THAT(Text(), Not(HasSubstr("meros_master_role_quota{")));
}

TEST_F(ClusterGaugesTest, NoFrameworkHidesARoleOfWhichSomethingIsSet) {
  std::vector<std::string> roles;
  for (size_t i = 0; i < RoleGauges::kMaxRoles; ++i) roles.push_back(absl::StrCat("a", i));
  AddFramework("many", FrameworkState::kConnected, roles);
  const std::string before = Text();
  EXPECT_THAT(before, HasSubstr("meros_master_role_share{role=\"a9\"}"));
  AddFramework("f", FrameworkState::kConnected, {"eng"});
  RoleQuota quota;
  quota.limits.Set(resources::ResourceName::Cpus(), resources::Scalar::FromUnits(4));
  SetQuota("eng", quota);

  const std::string text = Text();

  EXPECT_THAT(text, HasSubstr("meros_master_role_quota{role=\"eng\",resource=\"cpus\""));
  EXPECT_THAT(text, HasSubstr("meros_master_role_limit_used{role=\"eng\"}"));
  EXPECT_THAT(text, HasSubstr("meros_master_role_share{role=\"a0\"}"));
  EXPECT_THAT(text, Not(HasSubstr("meros_master_role_share{role=\"a9\"}"))) << "one too many";
}

TEST_F(ClusterGaugesTest, AQuotaOfManyResourcesShowsTheFirst) {
  RoleQuota quota;
  for (char name = 'a'; name <= 'z'; ++name) {
    quota.limits.Set(resources::ResourceName(std::string(1, name)), resources::Scalar());
  }
  SetQuota("eng", quota);

  const std::string text = Text();

  EXPECT_THAT(text, HasSubstr("resource=\"h\",what=\"limit\""));
  EXPECT_THAT(text, Not(HasSubstr("resource=\"i\",what=\"limit\"")));
}

// One of each that is counted.
ClusterCounts CountsOfAll() {
  ClusterCounts counts;
  counts.calls.fill(1);
  counts.agent_said.fill(1);
  counts.agent_changes.fill(1);
  for (int state = v1::OperationState_MIN; state <= v1::OperationState_MAX; ++state) {
    counts.operations[{v1::Offer::Operation::RESERVE, static_cast<v1::OperationState>(state)}] = 1;
  }
  return counts;
}

TEST_F(ClusterGaugesTest, EveryValueOfALabelThatTheMappingTablePromisesIsWritten) {
  std::ifstream page(std::string(std::getenv("MEROS_SOURCE_DIR")) +
                     "/docs/reference/mesos-metrics.md");
  std::stringstream table;
  table << page.rdbuf();
  std::vector<MetricPromise> promises = LabelsPromisedIn(table.str());
  std::erase_if(promises, [](const MetricPromise& promise) {
    return promise.value.empty() || !absl::StartsWith(promise.metric, "meros_master_");
  });
  ASSERT_THAT(promises, SizeIs(::testing::Gt(30u))) << "the table was not read";
  Apply(CountsChanged{std::make_shared<const ClusterCounts>(CountsOfAll())});
  AddOperation(1, v1::Offer::Operation::RESERVE, v1::OPERATION_PENDING);
  RoleQuota quota;
  quota.guarantees.Add(resources::ResourceName::Cpus(), resources::Scalar::FromUnits(2));
  quota.limits.Set(resources::ResourceName::Cpus(), resources::Scalar::FromUnits(4));
  SetQuota("eng", quota);

  const std::string text = Text();

  std::vector<std::string> missing;
  for (const MetricPromise& promise : promises) {
    if (!Keeps(text, promise)) missing.push_back(ToString(promise));
  }
  EXPECT_THAT(missing, IsEmpty());
}

}  // namespace
}  // namespace meros::master
