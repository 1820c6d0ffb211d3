#include "tests/simulation/whitelist_ledger.h"

#include <algorithm>
#include <string>
#include <variant>

#include "absl/strings/str_cat.h"
#include "libs/simulation/probes.h"

namespace meros::simulation {

void WhitelistLedger::OnToAllocator(const master::ToAllocator& message) {
  if (std::holds_alternative<master::HelloMessage>(*message.message)) {
    told_ = nullptr;
    told_version_ = 0;
  }
  const auto* changed = std::get_if<master::WhitelistDelta>(message.message.get());
  // A snapshot says the same list again.
  if (changed == nullptr || changed->hostnames == told_) return;
  told_ = changed->hostnames;
  told_version_ = message.version;
}

void WhitelistLedger::OnFromAllocator(const master::Input& input, const master::Books& books) {
  const auto* proposals = std::get_if<master::AllocatorProposals>(&input);
  if (proposals == nullptr) return;
  for (const master::Proposal& proposal : proposals->proposals) OnProposal(proposal, books);
  for (const master::GangProposal& gang : proposals->gangs) {
    for (master::Proposal part : gang.parts) {
      part.based_on_version = gang.based_on_version;
      OnProposal(part, books);
    }
  }
}

void WhitelistLedger::OnProposal(const master::Proposal& proposal, const master::Books& books) {
  if (told_ == nullptr) return;
  const master::Agent* agent = books.agents.Find(proposal.agent_id);
  if (agent == nullptr) return;
  const std::string& hostname = agent->record.info->hostname();
  const bool is_listed = std::binary_search(told_->begin(), told_->end(), hostname);
  Sometimes<"an agent of the whitelist is proposed">(is_listed);
  if (is_listed) return;
  Sometimes<"an agent is proposed before the whitelist is known">(proposal.based_on_version <
                                                                  told_version_);
  if (proposal.based_on_version < told_version_) return;
  ledger_.Fail(absl::StrCat(hostname, " is proposed, which is not on the whitelist"));
}

}  // namespace meros::simulation
