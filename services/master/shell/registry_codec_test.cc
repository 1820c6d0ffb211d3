// What one leader writes to the registry the next one reads.
#include "services/master/shell/registry_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meros::master {
namespace {

using ::testing::HasSubstr;

TEST(RegistryRecords, RoundTrip) {
  const absl::Time now = absl::UnixEpoch() + absl::Seconds(5000);
  auto info = std::make_shared<v1::AgentInfo>();
  info->set_hostname("h");
  auto framework = std::make_shared<v1::FrameworkInfo>();
  framework->set_name("f");
  framework->set_user("u");
  framework->mutable_id()->set_value("f");
  AgentOrders draining;
  draining.deactivated = true;
  draining.drain = AgentOrders::Drain::kDraining;
  draining.max_grace = absl::Seconds(3);
  draining.mark_gone = true;
  AgentOrders asked = draining;
  asked.drain = AgentOrders::Drain::kAsked;
  asked.delay_until = now + absl::Seconds(60);
  asked.ordered = now - absl::Seconds(1);
  using Capability = v1::AgentInfo::Capability;
  const RegistryRecord records[] = {
      AdmitAgentRecord{{AgentId("a"), "key", info, "10.0.0.1", {}, "1.2.3",
                        {Capability::RESIZE_VOLUME, Capability::AGENT_DRAINING}}},
      UnreachableAgentRecord{{AgentId("b"), "key-b", info, "", {}}, now},
      PutFrameworkRecord{
          FrameworkId("f"), framework, {"*"}, absl::Seconds(7), now, now + absl::Seconds(9)},
      RemoveFrameworkRecord{FrameworkId("g")},
      AgentOrdersRecord{{AgentId("c"), "key-c", info, "", draining}, absl::InfinitePast()},
      AgentOrdersRecord{{AgentId("d"), "key-d", info, "", draining}, now},
      GoneAgentRecord{{AgentId("e"), "key-e", info, "", {}}},
      AgentOrdersRecord{{AgentId("i"), "key-i", info, "", asked}, absl::InfinitePast()},
  };
  std::vector<registry::v1::Record> stored;
  for (const RegistryRecord& record : records) {
    const registry::v1::Mutation mutation = EncodeRecord(record, now)[0];
    stored.emplace_back();
    *stored.back().mutable_key() = mutation.key();
    stored.back().set_value(mutation.put());
  }

  auto snapshot = DecodeRecords(stored);

  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->agents[0].registration_key, "key");
  EXPECT_EQ(snapshot->agents[1].state, RegistrySnapshot::AgentEntry::State::kUnreachable);
  EXPECT_EQ(snapshot->agents[1].unreachable_since, now);
  EXPECT_EQ(snapshot->agents[0].ip, "10.0.0.1");
  EXPECT_EQ(snapshot->agents[0].version, "1.2.3");
  EXPECT_TRUE(snapshot->agents[0].capabilities.Has(Capability::RESIZE_VOLUME));
  EXPECT_TRUE(snapshot->agents[0].capabilities.Has(Capability::AGENT_DRAINING));
  EXPECT_FALSE(snapshot->agents[0].capabilities.Has(Capability::TASK_RESOURCE_LIMITS));
  EXPECT_EQ(snapshot->agents[0].orders, AgentOrders());
  EXPECT_EQ(snapshot->agents[2].orders, draining);
  EXPECT_EQ(snapshot->agents[3].orders, draining);
  EXPECT_EQ(snapshot->agents[3].state, RegistrySnapshot::AgentEntry::State::kUnreachable);
  EXPECT_EQ(snapshot->agents[4].state, RegistrySnapshot::AgentEntry::State::kGone);
  EXPECT_EQ(snapshot->agents[4].registration_key, "key-e");
  EXPECT_EQ(snapshot->agents[5].orders, asked);
  EXPECT_EQ(snapshot->frameworks[0].failover_deadline, now + absl::Seconds(9));
  EXPECT_TRUE(snapshot->frameworks[1].removed);
  EXPECT_TRUE(EncodeRecord(RemoveAgentRecord{AgentId("a")}, now)[0].remove());
  EXPECT_TRUE(EncodeRecord(ForgetFrameworkRecord{FrameworkId("g")}, now)[0].remove());
  stored[0].set_value("\xff\xff");
  EXPECT_TRUE(absl::IsDataLoss(DecodeRecords(stored).status()));
}

RoleConfigRef ARoleConfig() {
  auto config = std::make_shared<RoleConfig>();
  config->role = "eng/web";
  config->quota.guarantees.Add(resources::ResourceName::Cpus(), resources::Scalar::FromMillis(1));
  config->quota.limits.Set(resources::ResourceName("gpus"), resources::Scalar());
  config->weight = 2.5;
  config->policy = {.priority = -7,
                    .preemptible = true,
                    .placement = RolePlacement::kPack,
                    .sorter = RoleSorter::kRandom};
  config->policy.offer_max.Add(resources::ResourceName::Cpus(), resources::Scalar::FromUnits(8));
  config->policy.min_allocatable = MinAllocatable{config->policy.offer_max};
  config->policy.offer_timeout = absl::Seconds(20);
  config->policy.max_offers_in_flight = 7;
  config->policy.offer_split = RoleOfferSplit::kByDemand;
  config->version = 12;
  return config;
}

TEST(RoleRecords, ComeBackAsTheyWereAndDefaultOnesAreDeleted) {
  auto none = std::make_shared<RoleConfig>();
  none->role = "ops";
  const auto mutations = EncodeRecord(PutRolesRecord{{ARoleConfig(), none}}, absl::UnixEpoch());
  ASSERT_EQ(mutations.size(), 2u);
  EXPECT_TRUE(mutations[1].remove());
  EXPECT_EQ(mutations[1].key().name(), "ops");

  registry::v1::Record record;
  *record.mutable_key() = mutations[0].key();
  record.set_value(mutations[0].put());
  auto snapshot = DecodeRecords({record});

  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  ASSERT_EQ(snapshot->roles.size(), 1u);
  const RoleConfig& back = *snapshot->roles[0];
  EXPECT_EQ(back.role, "eng/web");
  EXPECT_EQ(back.quota, ARoleConfig()->quota);
  EXPECT_EQ(back.weight, 2.5);
  EXPECT_EQ(back.policy, ARoleConfig()->policy);
  EXPECT_EQ(back.version, 12u);
  record.set_value("\xff");
  EXPECT_TRUE(absl::IsDataLoss(DecodeRecords({record}).status()));
}

TEST(RoleRecords, ThatOffersNeverExpireAndThatEverythingIsWorthOfferingIsKept) {
  auto config = std::make_shared<RoleConfig>(*ARoleConfig());
  config->policy.offer_timeout = absl::InfiniteDuration();
  config->policy.min_allocatable.emplace();
  const auto mutations = EncodeRecord(PutRolesRecord{{config}}, absl::UnixEpoch());
  registry::v1::Record record;
  *record.mutable_key() = mutations[0].key();
  record.set_value(mutations[0].put());

  auto snapshot = DecodeRecords({record});

  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->roles[0]->policy, config->policy);
}

TEST(MinimumCapability, OneThatThisVersionDoesNotHaveIsAReasonNotToLead) {
  registry::v1::Record record;
  record.mutable_key()->set_kind(registry::v1::RECORD_KIND_MINIMUM_CAPABILITY);
  record.mutable_key()->set_name("NEWER");

  const absl::Status status = DecodeRecords({record}).status();

  EXPECT_TRUE(absl::IsUnimplemented(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("NEWER"));
}
}  // namespace
}  // namespace meros::master
