#include "services/allocator/core/hoarding.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/base/check.h"
#include "services/allocator/core/demand.h"

namespace meros::allocator {
namespace {

constexpr size_t kDescribedMax = 3;
// Far above what is on offer at any time; a master that tells of no end must not cost all memory.
constexpr size_t kOffersMax = 1'000'000;
// An account below this, without offers, is forgotten.
constexpr double kForgotten = 1e-4;

bool WantsOffersAtAll(const FrameworkState& state) {
  return std::any_of(state.roles.begin(), state.roles.end(),
                     [&](const std::string& role) { return WantsOffers(state, role); });
}

// Whether somebody else than `framework` wants offers.
bool OthersWantOffers(const Mirror& mirror, const FrameworkId& framework) {
  return std::any_of(mirror.frameworks().begin(), mirror.frameworks().end(),
                     [&](const auto& entry) {
                       return entry.first != framework && WantsOffersAtAll(entry.second->state);
                     });
}

}  // namespace

void Hoarding::SetLevel(absl::Time now, Account* account, const ResourceQuantities& totals) {
  account->area += account->level * absl::ToDoubleSeconds(now - account->since);
  account->since = now;
  account->level = DominantShare(account->offered, totals);
}

void Hoarding::OnOffer(absl::Time now, uint64_t id, const FrameworkId& framework,
                       const AgentId& agent, const Resources& resources,
                       const ResourceQuantities& totals) {
  if (offers_.size() >= kOffersMax) return;
  Offer offer{framework, agent, resources.ScalarQuantities()};
  const auto [found, is_new] = accounts_.try_emplace(framework);
  Account& account = found->second;
  if (is_new) account.since = account.last_run = now;
  ++account.offers;
  account.offered += offer.amount;
  SetLevel(now, &account, totals);
  const bool is_first = offers_.emplace(id, std::move(offer)).second;
  MEROS_CHECK(is_first) << id;
  offers_by_agent_.emplace(agent, id);
}

void Hoarding::OnEnded(absl::Time now, uint64_t id, const ResourceQuantities& totals) {
  const auto found = offers_.find(id);
  if (found == offers_.end()) return;
  Account& account = accounts_.at(found->second.framework);
  --account.offers;
  account.offered -= found->second.amount;
  SetLevel(now, &account, totals);
  offers_by_agent_.erase({found->second.agent, id});
  offers_.erase(found);
}

void Hoarding::OnFrameworkRemoved(const FrameworkId& framework) {
  const auto account = accounts_.find(framework);
  if (account == accounts_.end()) return;
  hoarders_ -= account->second.hoards ? 1 : 0;
  accounts_.erase(account);
  for (auto it = offers_.begin(); it != offers_.end();) {
    if (it->second.framework != framework) {
      ++it;
      continue;
    }
    offers_by_agent_.erase({it->second.agent, it->first});
    it = offers_.erase(it);
  }
}

void Hoarding::OnAgentRemoved(absl::Time now, const AgentId& agent,
                              const ResourceQuantities& totals) {
  for (;;) {
    const auto next = offers_by_agent_.lower_bound({agent, 0});
    if (next == offers_by_agent_.end() || next->first != agent) return;
    OnEnded(now, next->second, totals);
  }
}

void Hoarding::Run(absl::Time now, const Mirror& mirror,
                   absl::FunctionRef<void(HoardingChange)> emit) {
  for (auto it = accounts_.begin(); it != accounts_.end();) {
    const FrameworkId& id = it->first;
    Account& account = it->second;
    SetLevel(now, &account, mirror.roles().totals());
    const absl::Duration passed = now - account.last_run;
    if (passed > absl::ZeroDuration()) {
      const double mean = account.area / absl::ToDoubleSeconds(passed);
      const double weight = 1 - std::exp(-absl::FDivDuration(passed, window_));
      account.average += (mean - account.average) * weight;
      account.area = 0;
      account.last_run = now;
    }
    const bool hoards =
        account.hoards ? account.average >= share_ / 2
                       : share_ > 0 && account.average >= share_ && OthersWantOffers(mirror, id);
    if (hoards != account.hoards) {
      account.hoards = hoards;
      hoarders_ += hoards ? 1 : -1;
      emit({id, hoards, account.average});
    }
    const bool is_over = account.offers == 0 && !hoards && account.average < kForgotten;
    it = is_over ? accounts_.erase(it) : std::next(it);
  }
}

std::vector<std::string> Hoarding::Describe() const {
  std::vector<std::string> lines;
  for (const auto& [id, account] : accounts_) {
    if (!account.hoards || lines.size() == kDescribedMax) continue;
    lines.push_back(absl::StrFormat(
        "framework %s hoards: on average %.0f%% of the cluster were on offer to it over about %s",
        id.value(), account.average * 100, absl::FormatDuration(window_)));
  }
  return lines;
}

void Hoarding::CheckInvariants() const {
  absl::btree_map<FrameworkId, Account> sums;
  for (const auto& [id, offer] : offers_) {
    ++sums[offer.framework].offers;
    sums[offer.framework].offered += offer.amount;
  }
  size_t hoarders = 0;
  for (const auto& [id, account] : accounts_) {
    const Account& sum = sums[id];
    MEROS_CHECK(account.offers == sum.offers && account.offered == sum.offered) << id;
    hoarders += account.hoards ? 1 : 0;
  }
  MEROS_CHECK(sums.size() == accounts_.size());
  MEROS_CHECK(hoarders == hoarders_);
  MEROS_CHECK(offers_by_agent_.size() == offers_.size());
}

}  // namespace meros::allocator
