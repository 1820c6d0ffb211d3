#include "services/allocator/whatif/what_if.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/status_macros.h"
#include "libs/resources/roles.h"
#include "libs/wire/resources_proto.h"
#include "services/allocator/shell/from_wire.h"
#include "services/allocator/whatif/played_master.h"
#include "services/allocator/whatif/report.h"

namespace meros::allocator {
namespace {

// Read together; more would only take memory.
constexpr size_t kLinesPerFrame = 1000;

absl::Status CheckRole(const std::string& role) {
  MEROS_RETURN_IF_ERROR(resources::ValidateRole(role));
  if (role != resources::kDefaultRole) return absl::OkStatus();
  return absl::InvalidArgumentError("role * is everybody's: nothing can be set of it");
}

// Amounts as they are, reservations and volumes gone.
Resources Plain(const Resources& total) {
  Resources plain;
  for (const resources::Resource& resource : total) {
    if (resource.is_persistent_volume()) {
      plain.Add(resources::Resource(resource.name(), resource.value()));
    } else {
      plain += Resources(resource).WithoutReservations();
    }
  }
  return plain;
}

Resources Scalars(const ResourceQuantities& amounts) {
  Resources total;
  for (const auto& [name, amount] : amounts) total.Add(resources::Resource(name, amount));
  return total;
}

absl::Status AtLine(size_t index, const absl::Status& status) {
  return absl::InvalidArgumentError(absl::StrCat("line ", index + 1, ": ", status.message()));
}

// What the deltas among the lines from `first` on say, at most kLinesPerFrame of them; `first` goes
// on to where the next begin.
absl::Status ReadDeltas(const SavedSnapshot& snapshot, size_t* first,
                        std::vector<Change>* changes) {
  v1::MasterFrame frame;
  std::vector<size_t> indices;
  for (; *first < snapshot.lines.size() && indices.size() < kLinesPerFrame; ++*first) {
    const v1::SnapshotLine& line = snapshot.lines[*first];
    if (!line.has_delta()) continue;
    *frame.add_messages()->mutable_delta() = line.delta();
    indices.push_back(*first);
  }
  std::vector<MasterMessage> messages = FromWire(frame);
  for (size_t i = 0; i < messages.size(); ++i) {
    if (const auto* unreadable = std::get_if<UnreadableDelta>(&messages[i])) {
      return AtLine(indices[i], absl::InvalidArgumentError(unreadable->what));
    }
    changes->push_back(std::move(std::get<Delta>(messages[i]).change));
  }
  return absl::OkStatus();
}

absl::Status ReadOpenOffers(const v1::OpenOffers& offers, Before* before) {
  MEROS_RETURN_IF_ERROR(ValidateId(offers.framework_id()));
  MEROS_RETURN_IF_ERROR(resources::ValidateRole(offers.role()));
  MEROS_ASSIGN_OR_RETURN(const Resources resources, wire::ResourcesFromProto(offers.resources()));
  before->AddOffered({FrameworkId(offers.framework_id()), offers.role()},
                     resources.ScalarQuantities());
  return absl::OkStatus();
}

}  // namespace

struct WhatIf::State {
  State(absl::Time now, uint64_t seed) : master(now, seed) {}

  v1::SnapshotHeader header;
  PlayedMaster master;
  Before before;
  size_t added = 0;
};

WhatIf::WhatIf(std::unique_ptr<State> state) : state_(std::move(state)) {}
WhatIf::WhatIf(WhatIf&& other) noexcept = default;
WhatIf& WhatIf::operator=(WhatIf&& other) noexcept = default;
WhatIf::~WhatIf() = default;

absl::StatusOr<WhatIf> WhatIf::Load(const SavedSnapshot& snapshot, uint64_t seed) {
  auto state = std::make_unique<State>(absl::FromUnixMillis(snapshot.header().taken_ms()), seed);
  state->header = snapshot.header();
  std::vector<Change> books;
  for (size_t next = 0; next < snapshot.lines.size();) {
    MEROS_RETURN_IF_ERROR(ReadDeltas(snapshot, &next, &books));
  }
  const absl::Status status = state->master.Load(std::move(books));
  if (!status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("contradicts itself: ", status.message()));
  }
  for (size_t i = 0; i < snapshot.lines.size(); ++i) {
    if (!snapshot.lines[i].has_open_offers()) continue;
    const absl::Status read = ReadOpenOffers(snapshot.lines[i].open_offers(), &state->before);
    if (!read.ok()) return AtLine(i, read);
  }
  state->before.Look(state->master.mirror());
  return WhatIf(std::move(state));
}

absl::Status WhatIf::AddAgents(size_t count, const ResourceQuantities& each) {
  if (count < 1 || count > kAgentsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat(count, " agents, must be from 1 to ", kAgentsMax));
  }
  std::vector<AgentState> templates;
  for (const auto& [id, agent] : state_->master.mirror().agents()) {
    if (!each.empty()) break;
    templates.push_back(agent->state);
    templates.back().total = Plain(agent->state.total);
  }
  if (!each.empty()) templates.push_back({.id = {}, .total = Scalars(each), .traits = {}});
  if (templates.empty()) {
    return absl::InvalidArgumentError(
        "the snapshot has no agents that new ones could be like: say what each has");
  }
  for (size_t i = 0; i < count; ++i) {
    AgentState agent = templates[i % templates.size()];
    agent.id = AgentId(absl::StrCat("added-", ++state_->added));
    agent.traits.hostname = agent.id.value();
    agent.active = true;
    agent.maintenance.reset();
    MEROS_RETURN_IF_ERROR(state_->master.Apply(UpsertAgent{std::move(agent)}));
  }
  return absl::OkStatus();
}

absl::Status WhatIf::RemoveAgent(const std::string& id) {
  const Mirror& mirror = state_->master.mirror();
  if (mirror.FindAgent(AgentId(id)) != nullptr) {
    return state_->master.Apply(allocator::RemoveAgent{AgentId(id)});
  }
  std::vector<std::string> some;
  for (const auto& [known, agent] : mirror.agents()) {
    if (some.size() == 3) break;
    some.push_back(known.value());
  }
  return absl::NotFoundError(
      absl::StrCat("no such agent among the ", mirror.agents().size(), " of the snapshot",
                   some.empty() ? "" : ", which are ids such as ", absl::StrJoin(some, ", ")));
}

absl::Status WhatIf::SetQuota(const std::string& role, std::optional<ResourceQuantities> guarantees,
                              std::optional<ResourceLimits> limits) {
  MEROS_RETURN_IF_ERROR(CheckRole(role));
  Quota quota;
  const RoleNode* present = state_->master.mirror().roles().FindRole(role);
  if (present != nullptr) quota = present->quota();
  if (guarantees.has_value()) quota.guarantees = *std::move(guarantees);
  if (limits.has_value()) quota.limits = *std::move(limits);
  for (const auto& [name, limit] : quota.limits) {
    if (limit >= quota.guarantees.Get(name)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("the limit of ", limit.ToString(), " ", name.text(),
                     " must be at least the guarantee of ", quota.guarantees.Get(name).ToString()));
  }
  return state_->master.Apply(allocator::SetQuota{role, std::move(quota)});
}

absl::Status WhatIf::SetWeight(const std::string& role, double weight) {
  MEROS_RETURN_IF_ERROR(CheckRole(role));
  if (!std::isfinite(weight) || weight < 0.001 || weight > 1e6) {
    return absl::InvalidArgumentError(
        absl::StrCat("weight ", weight, " must be from 0.001 to 1000000"));
  }
  return state_->master.Apply(allocator::SetWeight{role, weight});
}

v1::WhatIfReport WhatIf::Run(const RunOptions& options) {
  PlayedMaster::Outcome outcome = state_->master.Run(options.cycles_max);
  v1::WhatIfReport report =
      MakeReport(state_->before, outcome, state_->master.mirror(), options.with_agents);
  *report.mutable_snapshot() = state_->header;
  return report;
}

}  // namespace meros::allocator
