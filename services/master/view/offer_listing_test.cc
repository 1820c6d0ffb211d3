// Outstanding offers of a view that was fed with published changes.
#include "services/master/view/offer_listing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "services/master/view/test_view.h"

namespace meros::master {
namespace {

namespace pb = ::meros::v1::master;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const absl::Time kMade = absl::UnixEpoch() + absl::Seconds(1000000);

std::shared_ptr<const v1::AgentInfo> InfoOf(const std::string& agent) {
  auto info = std::make_shared<v1::AgentInfo>();
  info->set_hostname("host-" + agent);
  return info;
}

class OfferListing : public testing::ViewTest {
 protected:
  void AddOffer(uint64_t sequence, const std::string& framework, const std::string& agent,
                const std::string& role = "*") {
    auto offer = std::make_shared<Offer>();
    offer->sequence = sequence;
    offer->id = OfferId(absl::StrCat("O", sequence));
    offer->framework_id = FrameworkId(framework);
    offer->role = role;
    offer->agent_id = AgentId(agent);
    offer->resources = resources::Resources::Of(2, 512);
    offer->made = kMade;
    offer->expires = absl::InfiniteFuture();
    offer->agent_info = InfoOf(agent);
    offer->agent_ip = "10.0.0.7";
    Apply(OfferRef(offer));
  }
  void AddInverseOffer(uint64_t sequence, const std::string& framework, const std::string& agent) {
    auto offer = std::make_shared<InverseOffer>();
    offer->sequence = sequence;
    offer->id = OfferId(absl::StrCat("O", sequence));
    offer->framework_id = FrameworkId(framework);
    offer->agent_id = AgentId(agent);
    offer->agent_info = InfoOf(agent);
    offer->unavailability = {.start = kMade + absl::Hours(1)};
    offer->made = kMade;
    offer->expires = kMade + absl::Minutes(1);
    Apply(InverseOfferRef(offer));
  }
  std::vector<std::string> Ids(const pb::ListOffersRequest& request, PageLimits limits = {}) {
    const auto response = ListOffers(view_, request, limits);
    EXPECT_TRUE(response.ok()) << response.status();
    std::vector<std::string> ids;
    for (const pb::OfferView& view : response->offers()) {
      ids.push_back(view.has_offer() ? view.offer().id().value()
                                     : view.inverse_offer().id().value());
    }
    return ids;
  }
};

TEST_F(OfferListing, ShowsWhatIsOfferedToWhom) {
  AddFramework("f");
  AddOffer(1, "f", "a0", "eng");

  const auto response = ListOffers(view_, {});

  ASSERT_TRUE(response.ok()) << response.status();
  ASSERT_EQ(response->offers_size(), 1);
  const pb::OfferView& view = response->offers(0);
  EXPECT_FALSE(view.has_inverse_offer());
  EXPECT_EQ(view.offer().framework_id().value(), "f");
  EXPECT_EQ(view.offer().agent_id().value(), "a0");
  EXPECT_EQ(view.offer().allocation_info().role(), "eng");
  ASSERT_EQ(view.offer().resources_size(), 2);
  EXPECT_EQ(view.offer().resources(0).allocation_info().role(), "eng");
  EXPECT_EQ(view.offer().url().address().ip(), "10.0.0.7");
  EXPECT_EQ(view.offer().url().address().hostname(), "host-a0");
  EXPECT_EQ(view.offer().url().address().port(), 5051);
  EXPECT_EQ(view.framework_name(), "name-f");
  EXPECT_EQ(view.agent_hostname(), "host-a0");
  EXPECT_EQ(view.made_time(), 1'000'000);
  EXPECT_EQ(view.expires_time(), 0);
  EXPECT_EQ(response->revision(), view_.revision());
}

TEST_F(OfferListing, ShowsWhatIsAskedBack) {
  AddInverseOffer(1, "f", "a0");

  const auto response = ListOffers(view_, {});

  ASSERT_TRUE(response.ok()) << response.status();
  ASSERT_EQ(response->offers_size(), 1);
  const pb::OfferView& view = response->offers(0);
  EXPECT_FALSE(view.has_offer());
  EXPECT_EQ(view.inverse_offer().agent_id().value(), "a0");
  EXPECT_EQ(view.inverse_offer().unavailability().start().nanoseconds(),
            absl::ToUnixNanos(kMade + absl::Hours(1)));
  EXPECT_FALSE(view.inverse_offer().url().address().has_ip());
  EXPECT_EQ(view.expires_time(), 1'000'060);
}

TEST_F(OfferListing, FiltersByFrameworkAgentAndRole) {
  AddOffer(1, "f", "a0", "eng");
  AddOffer(2, "f", "a1", "ops");
  AddOffer(3, "g", "a0", "eng");
  AddInverseOffer(4, "f", "a0");
  const auto filtered = [&](auto set) {
    pb::ListOffersRequest request;
    set(&request);
    return Ids(request);
  };

  EXPECT_THAT(filtered([](auto* r) { r->mutable_framework_id()->set_value("f"); }),
              ElementsAre("O1", "O2", "O4"));
  EXPECT_THAT(filtered([](auto* r) { r->mutable_agent_id()->set_value("a0"); }),
              ElementsAre("O1", "O3", "O4"));
  EXPECT_THAT(filtered([](auto* r) { r->set_role("eng"); }), ElementsAre("O1", "O3"));
}

TEST_F(OfferListing, ThoseThatEndedAreGone) {
  AddOffer(1, "f", "a0");
  AddInverseOffer(2, "f", "a0");
  AddOffer(3, "f", "a0");
  Apply(OfferEnded{1});
  Apply(OfferEnded{2});
  EXPECT_THAT(Ids({}), ElementsAre("O3"));

  Apply(Cleared{});

  EXPECT_THAT(Ids({}), IsEmpty());
}

TEST_F(OfferListing, PagesAreInTheOrderInWhichTheyWereMade) {
  for (uint64_t sequence : {1, 2, 10}) AddOffer(sequence, "f", "a0");
  pb::ListOffersRequest request;
  request.set_page_size(2);
  const auto first = ListOffers(view_, request);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_THAT(Ids(request), ElementsAre("O1", "O2"));

  request.set_page_token(first->next_page_token());
  const auto second = ListOffers(view_, request);

  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_THAT(Ids(request), ElementsAre("O10"));
  EXPECT_EQ(second->next_page_token(), "");
}

TEST_F(OfferListing, APageEndsWhenEnoughWereLookedAt) {
  AddOffer(1, "f", "a0");
  AddOffer(2, "f", "a0");
  AddOffer(3, "g", "a0");
  pb::ListOffersRequest request;
  request.mutable_framework_id()->set_value("g");

  const auto first = ListOffers(view_, request, {.examined_max = 2, .bytes_max = 1 << 20});

  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->offers_size(), 0);
  request.set_page_token(first->next_page_token());
  EXPECT_THAT(Ids(request), ElementsAre("O3"));
}

TEST_F(OfferListing, RefusesWhatCannotBe) {
  const auto refused = [&](auto set) {
    pb::ListOffersRequest request;
    set(&request);
    return std::string(ListOffers(view_, request).status().message());
  };

  EXPECT_THAT(refused([](auto* r) { r->set_page_token("x"); }), ::testing::HasSubstr("page_token"));
  EXPECT_THAT(refused([](auto* r) { r->set_page_size(10'001); }),
              ::testing::HasSubstr("page_size"));
  EXPECT_THAT(refused([](auto* r) { r->set_role("a//b"); }), ::testing::HasSubstr("role"));
  EXPECT_THAT(refused([](auto* r) { r->mutable_agent_id()->set_value("a/b"); }),
              ::testing::HasSubstr("agent_id"));
}

}  // namespace
}  // namespace meros::master
