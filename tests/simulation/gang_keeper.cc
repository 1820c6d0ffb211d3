#include "tests/simulation/gang_keeper.h"

#include <iterator>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/simulation/probes.h"
#include "libs/wire/resources_proto.h"

namespace meros::simulation {
namespace {

using v1::scheduler::Call;
using v1::scheduler::Event;

constexpr size_t kAskedMax = 3;
constexpr uint32_t kTooMany = 5000;  // bundles; masters take fewer, though requests may name them

void SetScalar(const std::string& name, double amount, v1::Request* bundle) {
  v1::Resource* resource = bundle->add_resources();
  resource->set_name(name);
  resource->set_type(v1::Value::SCALAR);
  resource->mutable_scalar()->set_value(amount);
}

Call NewRequest(const std::string& id) {
  Call call;
  call.set_type(Call::REQUEST);
  call.mutable_request()->set_gang_id(id);
  return call;
}

}  // namespace

GangKeeper::GangKeeper(int agents, Ledger* ledger, Rng rng)
    : agents_(agents), ledger_(*ledger), rng_(rng) {
  asks_ = rng_.Chance(0.4);
}

std::optional<Call> GangKeeper::Draw() {
  if (!asks_) return std::nullopt;
  if (!asked_.empty() && rng_.Chance(0.1)) {
    auto chosen = asked_.begin();
    std::advance(chosen, rng_.Uniform(0, asked_.size() - 1));
    return Withdraw(chosen->first);
  }
  if (asked_.size() >= kAskedMax || !rng_.Chance(0.3)) return std::nullopt;
  return Ask();
}

Call GangKeeper::Ask() {
  const std::string id = rng_.Uuid();
  Call call = NewRequest(id);
  Asked asked;
  const uint64_t bundles = rng_.Uniform(1, static_cast<uint64_t>(agents_) + 1);
  const double cpus = 0.5 * static_cast<double>(rng_.Uniform(1, 4));
  v1::Request* const bundle = call.mutable_request()->add_requests();
  SetScalar("cpus", cpus, bundle);
  SetScalar("mem", 64, bundle);
  asked.is_too_large = rng_.Chance(0.1);
  bundle->set_count(asked.is_too_large ? kTooMany : static_cast<uint32_t>(bundles));
  asked.cpus = cpus * static_cast<double>(bundles);
  if (rng_.Chance(0.5)) {
    call.mutable_request()->set_distinct_agents(true);
    asked.agents_min = bundles;
  }
  if (rng_.Chance(0.8)) {
    call.mutable_request()->mutable_deadline()->set_nanoseconds(
        absl::ToInt64Nanoseconds(absl::Seconds(rng_.Uniform(1, 20))));
  }
  asked_[id] = asked;
  return call;
}

Call GangKeeper::Withdraw(const std::string& id) {
  asked_.at(id).is_withdrawn = true;
  Sometimes<"a gang is withdrawn">(true);
  return NewRequest(id);
}

void GangKeeper::OnOffers(const Event::Offers& offers) {
  std::map<std::string, std::vector<const v1::Offer*>> of_gang;
  for (const v1::Offer& offer : offers.offers()) {
    if (offer.has_gang_id()) of_gang[offer.gang_id()].push_back(&offer);
  }
  for (const auto& [id, its_offers] : of_gang) OnGang(id, its_offers);
}

void GangKeeper::OnGang(const std::string& id, const std::vector<const v1::Offer*>& offers) {
  const auto found = asked_.find(id);
  if (found == asked_.end()) {
    return ledger_.Fail(absl::StrCat("gang ", id, " is offered, for which nobody waits"));
  }
  const Asked asked = found->second;
  asked_.erase(found);
  resources::Scalar cpus;
  std::set<std::string> agents;
  for (const v1::Offer* offer : offers) {
    cpus += wire::ResourcesFromProto(offer->resources())->Cpus();
    agents.insert(offer->agent_id().value());
  }
  Sometimes<"a gang is offered">(true);
  Sometimes<"a gang is offered on several agents">(agents.size() > 1);
  Sometimes<"a gang is offered although it was withdrawn">(asked.is_withdrawn);
  const bool is_enough = cpus.ToDouble() >= asked.cpus && agents.size() >= asked.agents_min;
  if (is_enough && agents.size() == offers.size() && !asked.is_too_large) return;
  ledger_.Fail(absl::StrCat("gang ", id, " is offered as ", offers.size(), " offers of ",
                            agents.size(), " agents with ", cpus.ToString(), " cpus"));
}

void GangKeeper::OnEnded(const Event::GangEnded& ended) {
  const auto found = asked_.find(ended.gang_id());
  if (found == asked_.end()) {
    return ledger_.Fail(
        absl::StrCat("gang ", ended.gang_id(), " is ended, which was not open: ", ended.message()));
  }
  const bool is_refused = ended.reason() == Event::GangEnded::REFUSED;
  if (is_refused != found->second.is_too_large && !found->second.is_withdrawn) {
    ledger_.Fail(absl::StrCat("gang ", ended.gang_id(), " has the wrong end: ", ended.message()));
  }
  Sometimes<"a gang is refused">(is_refused);
  Sometimes<"a gang is not offered in time">(ended.reason() == Event::GangEnded::DEADLINE);
  asked_.erase(found);
}

}  // namespace meros::simulation
