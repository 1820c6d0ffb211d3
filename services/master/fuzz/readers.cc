#include "services/master/fuzz/readers.h"

#include <string>
#include <utility>

#include "libs/base/check.h"
#include "meros/v1/master/operator/agents.pb.h"
#include "meros/v1/master/operator/executors.pb.h"
#include "meros/v1/master/operator/frameworks.pb.h"
#include "meros/v1/master/operator/maintenance.pb.h"
#include "meros/v1/master/operator/offers.pb.h"
#include "meros/v1/master/operator/operations.pb.h"
#include "meros/v1/master/operator/roles.pb.h"
#include "meros/v1/master/operator/tasks.pb.h"
#include "meros/v1/master/operator/watch.pb.h"
#include "services/master/view/allocation_view.h"
#include "services/master/view/executor_listing.h"
#include "services/master/view/listing_pages.h"
#include "services/master/view/listings.h"
#include "services/master/view/maintenance_view.h"
#include "services/master/view/offer_listing.h"
#include "services/master/view/operation_listing.h"

namespace meros::master {
namespace {

namespace pb = ::meros::v1::master;

// Bounds that a script can reach.
constexpr PageLimits kPageLimits = {.examined_max = 3, .bytes_max = 600};

// A watcher who checks that what he is sent can be read, and that revisions never go back.
class Watcher final : public WatchSink {
 public:
  bool Send(const WatchFrame& frame) override {
    pb::WatchResponse response;
    MEROS_CHECK(response.ParseFromString(*frame));
    for (const pb::WatchEvent& event : response.events()) {
      MEROS_CHECK(event.revision() >= revision_);
      revision_ = event.revision();
    }
    return true;
  }
  size_t unread_bytes() const override { return 0; }
  void Close(absl::Status) override {}

 private:
  uint64_t revision_ = 0;
};

bool IsSame(const MaintenancePlan& a, const MaintenancePlan& b) {
  return a.Down() == b.Down() &&
         ScheduleOf(a).SerializeAsString() == ScheduleOf(b).SerializeAsString();
}

template <typename Message>
bool Parse(absl::string_view bytes, Message* message) {
  return message->ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

}  // namespace

void Readers::Follow(const EffectList& effects) {
  for (const Effect& effect : effects) {
    const auto* publish = std::get_if<Publish>(&effect);
    if (publish == nullptr) continue;
    MEROS_CHECK(publish->revision > view_.revision());
    const Replaced replaced = view_.Apply(*publish);
    hub_.Add(view_, *publish, replaced);
  }
  hub_.Flush();
  hub_.ShowMore(view_);
}

void Readers::CompareAgent(const Agent& agent, const Books& books) const {
  const AgentEntry* seen = view_.FindAgent(agent.record.id);
  MEROS_CHECK(seen != nullptr) << agent.record.id;
  MEROS_CHECK(seen->record->state == agent.record.state) << agent.record.id;
  MEROS_CHECK(seen->record->total == agent.record.total) << agent.record.id;
  for (const auto& [key, executor] : agent.executors) {
    MEROS_CHECK(view_.executors().contains({agent.record.id, key.first, key.second}))
        << agent.record.id << " " << key.second;
  }
  if (books.stale_agents.contains(agent.record.id)) return;
  MEROS_CHECK(seen->used == agent.record.used) << agent.record.id;
  MEROS_CHECK(seen->offered == agent.record.offered) << agent.record.id;
}

void Readers::CompareTasks(const Books& books) const {
  for (const auto& [sequence, task] : books.tasks.all()) {
    const auto seen = view_.tasks().find(TaskKey{task->framework_id(), task->id(), sequence});
    MEROS_CHECK(seen != view_.tasks().end()) << task->id();
    MEROS_CHECK((*seen)->task.state == task->state) << task->id();
    MEROS_CHECK(!(*seen)->completed) << task->id();
  }
  // The others have ended, or were lost with their agent, and are seen for a while.
  size_t all = books.tasks.size();
  const auto add = [&all](const Framework& framework) {
    all += framework.completed.size() + framework.unreachable.size();
  };
  for (const auto& [sequence, framework] : books.frameworks.all()) add(*framework);
  for (const auto& framework : books.completed_frameworks) add(*framework);
  MEROS_CHECK(view_.tasks().size() == all) << view_.tasks().size() << " of " << all;
}

void Readers::CompareOffers(const Books& books) const {
  for (const auto& [sequence, offer] : books.offers.all()) {
    MEROS_CHECK(view_.offers().contains(sequence)) << offer->id;
  }
  for (const auto& [sequence, offer] : books.inverse_offers.all()) {
    MEROS_CHECK(view_.offers().contains(sequence)) << offer->id;
  }
  MEROS_CHECK(view_.offers().size() ==
              books.offers.all().size() + books.inverse_offers.all().size());
}

void Readers::Compare(const Books& books) const {
  size_t executors = 0;
  for (const auto& [sequence, agent] : books.agents.all()) {
    CompareAgent(*agent, books);
    executors += agent->executors.size();
  }
  MEROS_CHECK(view_.agents().size() == books.agents.all().size());
  MEROS_CHECK(view_.executors().size() == executors);
  for (const auto& [sequence, framework] : books.frameworks.all()) {
    const FrameworkEntry* seen = view_.FindFramework(framework->record.id);
    MEROS_CHECK(seen != nullptr) << framework->record.id;
    MEROS_CHECK(seen->record->state == framework->record.state) << framework->record.id;
  }
  MEROS_CHECK(view_.frameworks().size() ==
              books.frameworks.size() + books.completed_frameworks.size());
  CompareTasks(books);
  CompareOffers(books);
  for (const auto& [sequence, operation] : books.operations.all()) {
    const auto seen = view_.operations().find(sequence);
    MEROS_CHECK(seen != view_.operations().end()) << operation->id;
    MEROS_CHECK(seen->second->status->state() == operation->status->state()) << operation->id;
  }
  MEROS_CHECK(view_.operations().size() == books.operations.all().size());
  for (const auto& [role, config] : books.roles.all()) {
    const auto seen = view_.roles().find(role);
    MEROS_CHECK(seen != view_.roles().end() && seen->second->version == config->version) << role;
  }
  MEROS_CHECK(view_.roles().size() == books.roles.all().size());
  MEROS_CHECK(IsSame(*view_.maintenance(), *books.maintenance.plan));
  MEROS_CHECK(AllocationsOf(view_).agents.size() <= view_.agents().size());
}

template <typename Request, typename Response, typename Read>
bool Readers::Get(absl::string_view message, Read read) const {
  Request request;
  if (!Parse(message, &request)) return false;
  const absl::StatusOr<Response> response = read(view_, request);
  return response.ok() && Response().ParsePartialFromString(response->SerializePartialAsString());
}

template <typename Request, typename Response>
bool Readers::List(absl::string_view message) const {
  Request request;
  if (!Parse(message, &request)) return false;
  // All pages, as long as there is progress.
  for (size_t left =
           2 * (view_.agents().size() + view_.frameworks().size() + view_.tasks().size() + 1);
       left > 0; --left) {
    const auto page = TakePage(view_, request, kPageLimits);
    if (!page.ok()) return false;
    Response response;
    MEROS_CHECK(response.ParsePartialFromString(Pack(*page, kPageLimits)));
    if (response.next_page_token().empty()) return true;
    MEROS_CHECK(response.next_page_token() != request.page_token());
    request.set_page_token(response.next_page_token());
  }
  MEROS_CHECK(false) << "a listing has no last page";
  return false;
}

bool Readers::Watch(absl::string_view message) {
  pb::WatchRequest request;
  if (!Parse(message, &request)) return false;
  return hub_.Start(view_, request, std::make_shared<Watcher>()).ok();
}

bool Readers::Ask(Speaker speaker, absl::string_view message) {
  switch (speaker) {
    case Speaker::kListAgents:
      return List<pb::ListAgentsRequest, pb::ListAgentsResponse>(message);
    case Speaker::kListFrameworks:
      return List<pb::ListFrameworksRequest, pb::ListFrameworksResponse>(message);
    case Speaker::kListTasks:
      return List<pb::ListTasksRequest, pb::ListTasksResponse>(message);
    case Speaker::kListRoles:
      return Get<pb::ListRolesRequest, pb::ListRolesResponse>(message, ListRoles);
    case Speaker::kListQuotas:
      return Get<pb::ListQuotasRequest, pb::ListQuotasResponse>(message, ListQuotas);
    case Speaker::kListWeights:
      return Get<pb::ListWeightsRequest, pb::ListWeightsResponse>(message, ListWeights);
    case Speaker::kListOperations:
      return Get<pb::ListOperationsRequest, pb::ListOperationsResponse>(
          message, [](const ClusterView& view, const pb::ListOperationsRequest& request) {
            return ListOperations(view, request, kPageLimits);
          });
    case Speaker::kListExecutors:
      return Get<pb::ListExecutorsRequest, pb::ListExecutorsResponse>(
          message, [](const ClusterView& view, const pb::ListExecutorsRequest& request) {
            return ListExecutors(view, request, kPageLimits);
          });
    case Speaker::kListOffers:
      return Get<pb::ListOffersRequest, pb::ListOffersResponse>(
          message, [](const ClusterView& view, const pb::ListOffersRequest& request) {
            return ListOffers(view, request, kPageLimits);
          });
    case Speaker::kGetAgent:
      return Get<pb::GetAgentRequest, pb::GetAgentResponse>(message, GetAgent);
    case Speaker::kGetFramework:
      return Get<pb::GetFrameworkRequest, pb::GetFrameworkResponse>(message, GetFramework);
    case Speaker::kGetTask:
      return Get<pb::GetTaskRequest, pb::GetTaskResponse>(message, GetTask);
    case Speaker::kGetSchedule:
      return Get<pb::GetMaintenanceScheduleRequest, pb::GetMaintenanceScheduleResponse>(
          message, GetMaintenanceSchedule);
    case Speaker::kGetMaintenance:
      return Get<pb::GetMaintenanceStatusRequest, pb::GetMaintenanceStatusResponse>(
          message, GetMaintenanceStatus);
    case Speaker::kWatch:
      return Watch(message);
    default:
      return false;
  }
}

}  // namespace meros::master
