// REQUEST for a gang, and the proposals that answer it.
#include <algorithm>
#include <iterator>

#include "absl/container/btree_set.h"
#include "absl/strings/str_cat.h"
#include "services/master/core/allocator_session.h"
#include "services/master/core/scheduler_calls.h"

namespace meros::master {
namespace {

// The role that is meant. ERRORS: InvalidArgument naming the field.
absl::StatusOr<std::string> RoleMeant(const Framework& framework, const std::string& named) {
  const std::vector<std::string>& roles = framework.record.subscription.roles;
  if (named.empty() && roles.size() == 1) return roles[0];
  if (framework.record.subscription.HasRole(named)) return named;
  return absl::FailedPreconditionError(
      named.empty()
          ? absl::StrCat("request.role: must be set, the framework has ", roles.size(), " roles")
          : absl::StrCat("request.role: the framework is not subscribed to role ", named));
}

absl::Status CheckBounds(const MasterOptions& options, const GangRequest& request,
                         size_t other_gangs) {
  uint64_t bundles = 0;
  for (const GangBundle& bundle : request.bundles) bundles += bundle.count;
  if (bundles > options.max_gang_bundles) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "request.requests: a gang may have max_gang_bundles = ", options.max_gang_bundles,
        " bundles, this one has ", bundles));
  }
  if (other_gangs >= options.max_gangs_per_framework) {
    return absl::ResourceExhaustedError(
        absl::StrCat("request.gang_id: the framework waits for max_gangs_per_framework = ",
                     options.max_gangs_per_framework, " other gangs already"));
  }
  if (request.deadline != absl::InfiniteDuration() &&
      request.deadline > options.max_gang_deadline) {
    return absl::ResourceExhaustedError(
        absl::StrCat("request.deadline: may be max_gang_deadline = ",
                     absl::FormatDuration(options.max_gang_deadline), ", is ",
                     absl::FormatDuration(request.deadline)));
  }
  return absl::OkStatus();
}

absl::Status Ask(Transaction* tx, const Framework& framework, GangRequest request) {
  absl::StatusOr<std::string> role = RoleMeant(framework, request.role);
  if (!role.ok()) return role.status();
  const GangBook& gangs = tx->books().gangs;
  const Gang* replaced = gangs.Find(framework.record.id, request.gang_id);
  const size_t others = gangs.Of(framework.record.id).size() - (replaced == nullptr ? 0 : 1);
  if (absl::Status status = CheckBounds(tx->options(), request, others); !status.ok()) {
    return status;
  }
  if (replaced != nullptr) tx->EndGang(*replaced);
  Gang gang;
  gang.framework_id = framework.record.id;
  gang.id = std::move(request.gang_id);
  gang.role = *std::move(role);
  gang.bundles = std::move(request.bundles);
  gang.distinct_agents = request.distinct_agents;
  gang.deadline = tx->now() + std::min(request.deadline, tx->options().max_gang_deadline);
  tx->AddGang(std::move(gang));
  return absl::OkStatus();
}

using Reject = ProposalResultMessage::Reject;

// Why the gang as a whole cannot be offered so.
Reject JudgeWhole(Transaction* tx, const GangProposal& proposal) {
  const Gang* gang = tx->books().gangs.Find(proposal.framework_id, proposal.gang_id);
  if (gang == nullptr || gang->role != proposal.role) return Reject::kGang;
  const Framework* framework = tx->books().frameworks.Find(proposal.framework_id);
  if (framework->offers.size() + proposal.parts.size() > tx->options().max_offers_per_framework) {
    return Reject::kTooManyOffers;
  }
  absl::btree_set<AgentId> agents;
  resources::ResourceQuantities sum;
  resources::ResourceQuantities scalars;
  for (const Proposal& part : proposal.parts) {
    if (!agents.insert(part.agent_id).second) return Reject::kInvalid;
    sum += part.resources.Quantities();
    scalars += part.resources.ScalarQuantities();
  }
  if (!sum.Contains(gang->Total())) return Reject::kInvalid;
  const bool exceeds =
      ExceedsNewLimit(tx->books(), proposal.role, proposal.based_on_version, scalars);
  return exceeds ? Reject::kNotFree : Reject::kNone;
}

}  // namespace

absl::Status HandleGangRequest(Transaction* tx, Framework* framework, GangRequest request) {
  const std::string id = request.gang_id;
  if (request.bundles.empty()) {
    const Gang* gang = tx->books().gangs.Find(framework->record.id, id);
    if (gang != nullptr) tx->EndGang(*gang);
    return absl::OkStatus();
  }
  absl::Status status = Ask(tx, *framework, std::move(request));
  if (status.ok()) return status;
  // On a stream nobody sees the status, and a gang that was not taken must not be waited for.
  tx->Tell(*framework,
           GangEndedEvent{id, GangEndedEvent::Reason::kRefused, std::string(status.message())});
  return status;
}

void HandleGangProposal(Transaction* tx, GangProposal proposal) {
  const Reject whole = JudgeWhole(tx, proposal);
  std::vector<Reject> rejects;
  for (const Proposal& part : proposal.parts) {
    rejects.push_back(whole != Reject::kNone ? whole : JudgeProposal(tx, part));
  }
  // One without parts is refused as a whole.
  const bool is_taken =
      whole == Reject::kNone && std::all_of(rejects.begin(), rejects.end(),
                                            [](Reject reject) { return reject == Reject::kNone; });
  if (!is_taken) {
    for (size_t i = 0; i < rejects.size(); ++i) {
      tx->SendAllocator(ProposalResultMessage{
          proposal.parts[i].id, rejects[i] == Reject::kNone ? Reject::kGang : rejects[i]});
    }
    return tx->Add(Count::kProposalsRejected, rejects.size());
  }
  Framework* framework = tx->books().frameworks.Find(proposal.framework_id);
  const Subscription& subscription = framework->record.subscription;
  OffersEvent event{{}, subscription.multi_role, subscription.reservation_refinement};
  for (Proposal& part : proposal.parts) {
    tx->SendAllocator(ProposalResultMessage{part.id, Reject::kNone});
    event.offers.push_back(tx->MakeOffer(framework, tx->books().agents.Find(part.agent_id),
                                         part.role, std::move(part.resources), part.id,
                                         proposal.gang_id));
  }
  tx->EndGang(*tx->books().gangs.Find(proposal.framework_id, proposal.gang_id));
  tx->Tell(*framework, std::move(event));
  tx->Add(Count::kGangsOffered);
}

void OnGangDeadline(Transaction* tx, uint64_t sequence) {
  const Gang* gang = tx->books().gangs.Find(sequence);
  if (gang == nullptr) return;
  tx->Tell(*tx->books().frameworks.Find(gang->framework_id),
           GangEndedEvent{gang->id, GangEndedEvent::Reason::kDeadline,
                          "not all bundles were free at once before the deadline"});
  tx->EndGang(*gang);
  tx->Add(Count::kGangsExpired);
}

}  // namespace meros::master
