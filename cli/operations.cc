// meros reserve, unreserve, volume and operations: what agents keep for roles, and what was asked
// of them. The forms of resources are looked up at the agent, so that nobody has to write them.
#include <cstdio>
#include <optional>

#include "absl/strings/str_cat.h"
#include "cli/amounts.h"
#include "cli/format.h"
#include "cli/verbs.h"
#include "libs/base/rng.h"
#include "libs/runtime/random_seed.h"

namespace meros::cli {
namespace {

namespace pb = meros::v1::master;
using meros::v1::Resource;

struct Options {
  std::string agent, amounts, role, principal, volume, size, path, framework;
  bool shared = false;
  std::vector<std::string> states, types;
};

std::string NewRequestId() { return Rng(runtime::RandomSeed()).Uuid(); }

absl::StatusOr<Amounts> NotEmpty(absl::StatusOr<Amounts> amounts) {
  if (amounts.ok() && amounts->empty()) return absl::InvalidArgumentError("no amounts are named");
  return amounts;
}

// "10G" as MiB.
absl::StatusOr<double> Size(const std::string& text) {
  absl::StatusOr<Amounts> amounts = ParseAmounts(absl::StrCat("disk=", text));
  if (!amounts.ok()) return amounts.status();
  return amounts->at("disk");
}

absl::StatusOr<pb::AgentView> Agent(const Cluster& cluster, const std::string& id) {
  pb::GetAgentRequest request;
  request.mutable_agent_id()->set_value(id);
  auto response = cluster.Call(&Cluster::MasterStub::GetAgent, request);
  if (!response.ok()) return response.status();
  return std::move(*response->mutable_agent());
}

bool IsReservedFor(const Resource& resource, const std::string& role) {
  return !resource.reservations().empty() && resource.reservations().rbegin()->role() == role &&
         resource.reservations().rbegin()->type() == Resource::ReservationInfo::DYNAMIC;
}

// As much of what is reserved for the role and no volume. ERRORS: FailedPrecondition.
absl::StatusOr<Resource> FindReserved(const pb::AgentView& agent, const std::string& role,
                                      const std::string& name, double amount) {
  for (const Resource& resource : agent.total()) {
    if (resource.name() != name || !IsReservedFor(resource, role)) continue;
    if (resource.disk().has_persistence() || resource.scalar().value() < amount) continue;
    Resource found = resource;
    found.mutable_scalar()->set_value(amount);
    return found;
  }
  return absl::FailedPreconditionError(absl::StrCat("agent ", agent.info().id().value(),
                                                    " has not ", Number(amount), " of ", name,
                                                    " reserved for role ", role));
}

// ERRORS: NotFound.
absl::StatusOr<Resource> FindVolume(const pb::AgentView& agent, const std::string& role,
                                    const std::string& id) {
  for (const Resource& resource : agent.total()) {
    if (IsReservedFor(resource, role) && resource.disk().persistence().id() == id) return resource;
  }
  return absl::NotFoundError(
      absl::StrCat("role ", role, " has no volume ", id, " on agent ", agent.info().id().value()));
}

absl::Status Reserve(const Common& common, const Options& o) {
  const absl::StatusOr<Amounts> amounts = NotEmpty(ParseAmounts(o.amounts));
  if (!amounts.ok()) return amounts.status();
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return cluster.status();
  pb::ReserveResourcesRequest request;
  request.set_request_id(NewRequestId());
  request.mutable_agent_id()->set_value(o.agent);
  for (const auto& [name, amount] : *amounts) {
    Resource* resource = request.add_resources();
    resource->set_name(name);
    resource->set_type(meros::v1::Value::SCALAR);
    resource->mutable_scalar()->set_value(amount);
    Resource::ReservationInfo* reservation = resource->add_reservations();
    reservation->set_type(Resource::ReservationInfo::DYNAMIC);
    reservation->set_role(o.role);
    if (!o.principal.empty()) reservation->set_principal(o.principal);
  }
  return cluster->Call(&Cluster::MasterStub::ReserveResources, request).status();
}

absl::Status Unreserve(const Common& common, const Options& o) {
  const absl::StatusOr<Amounts> amounts = NotEmpty(ParseAmounts(o.amounts));
  if (!amounts.ok()) return amounts.status();
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return cluster.status();
  const absl::StatusOr<pb::AgentView> agent = Agent(*cluster, o.agent);
  if (!agent.ok()) return agent.status();
  pb::UnreserveResourcesRequest request;
  request.set_request_id(NewRequestId());
  request.mutable_agent_id()->set_value(o.agent);
  for (const auto& [name, amount] : *amounts) {
    const absl::StatusOr<Resource> reserved = FindReserved(*agent, o.role, name, amount);
    if (!reserved.ok()) return reserved.status();
    *request.add_resources() = *reserved;
  }
  return cluster->Call(&Cluster::MasterStub::UnreserveResources, request).status();
}

absl::Status CreateVolume(const Common& common, const Options& o) {
  const absl::StatusOr<double> size = Size(o.size);
  if (!size.ok()) return size.status();
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return cluster.status();
  const absl::StatusOr<pb::AgentView> agent = Agent(*cluster, o.agent);
  if (!agent.ok()) return agent.status();
  absl::StatusOr<Resource> volume = FindReserved(*agent, o.role, "disk", *size);
  if (!volume.ok()) return volume.status();
  const std::string principal = volume->reservations().rbegin()->principal();
  Resource::DiskInfo* disk = volume->mutable_disk();
  disk->mutable_persistence()->set_id(o.volume);
  if (!principal.empty()) disk->mutable_persistence()->set_principal(principal);
  disk->mutable_volume()->set_container_path(o.path.empty() ? o.volume : o.path);
  disk->mutable_volume()->set_mode(meros::v1::Volume::RW);
  if (o.shared) volume->mutable_shared();
  pb::CreateVolumesRequest request;
  request.set_request_id(NewRequestId());
  request.mutable_agent_id()->set_value(o.agent);
  *request.add_volumes() = *std::move(volume);
  return cluster->Call(&Cluster::MasterStub::CreateVolumes, request).status();
}

// A call about a volume that is there.
template <typename Call>
absl::Status WithVolume(const Common& common, const Options& o, Call call) {
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return cluster.status();
  const absl::StatusOr<pb::AgentView> agent = Agent(*cluster, o.agent);
  if (!agent.ok()) return agent.status();
  const absl::StatusOr<Resource> volume = FindVolume(*agent, o.role, o.volume);
  if (!volume.ok()) return volume.status();
  return call(*cluster, *volume);
}

absl::Status DestroyVolume(const Common& common, const Options& o) {
  return WithVolume(common, o, [&](const Cluster& cluster, const Resource& volume) {
    pb::DestroyVolumesRequest request;
    request.set_request_id(NewRequestId());
    request.mutable_agent_id()->set_value(o.agent);
    *request.add_volumes() = volume;
    return cluster.Call(&Cluster::MasterStub::DestroyVolumes, request).status();
  });
}

absl::Status GrowVolume(const Common& common, const Options& o) {
  const absl::StatusOr<double> size = Size(o.size);
  if (!size.ok()) return size.status();
  return WithVolume(common, o, [&](const Cluster& cluster, const Resource& volume) {
    pb::GrowVolumeRequest request;
    request.set_request_id(NewRequestId());
    request.mutable_agent_id()->set_value(o.agent);
    *request.mutable_volume() = volume;
    Resource* addition = request.mutable_addition();
    *addition = volume;
    addition->mutable_scalar()->set_value(*size);
    addition->mutable_disk()->clear_persistence();
    addition->mutable_disk()->clear_volume();
    if (!addition->disk().has_source()) addition->clear_disk();
    return cluster.Call(&Cluster::MasterStub::GrowVolume, request).status();
  });
}

absl::Status ShrinkVolume(const Common& common, const Options& o) {
  const absl::StatusOr<double> size = Size(o.size);
  if (!size.ok()) return size.status();
  return WithVolume(common, o, [&](const Cluster& cluster, const Resource& volume) {
    pb::ShrinkVolumeRequest request;
    request.set_request_id(NewRequestId());
    request.mutable_agent_id()->set_value(o.agent);
    *request.mutable_volume() = volume;
    request.set_subtract_mb(*size);
    return cluster.Call(&Cluster::MasterStub::ShrinkVolume, request).status();
  });
}

absl::StatusOr<pb::ListOperationsRequest> ListRequest(const Options& o) {
  pb::ListOperationsRequest request;
  if (!o.agent.empty()) request.mutable_agent_id()->set_value(o.agent);
  if (!o.framework.empty()) request.mutable_framework_id()->set_value(o.framework);
  for (const std::string& name : o.states) {
    meros::v1::OperationState state;
    if (!meros::v1::OperationState_Parse("OPERATION_" + name, &state)) {
      return absl::InvalidArgumentError(
          absl::StrCat("--state: no state of operations is called '", name, "'"));
    }
    request.add_states(state);
  }
  for (const std::string& name : o.types) {
    meros::v1::Offer::Operation::Type type;
    if (!meros::v1::Offer::Operation::Type_Parse(name, &type)) {
      return absl::InvalidArgumentError(
          absl::StrCat("--type: no type of operations is called '", name, "'"));
    }
    request.add_types(type);
  }
  return request;
}

absl::Status List(const Common& common, const Options& o) {
  const auto wanted = ListRequest(o);
  if (!wanted.ok()) return wanted.status();
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return cluster.status();
  const auto all =
      cluster->List<meros::v1::master::ListOperationsResponse>("ListOperations", *wanted);
  if (!all.ok()) return all.status();
  Table table({"AGENT", "FRAMEWORK", "TYPE", "ID", "STATE", "MESSAGE"});
  for (const meros::v1::Operation& operation : all->operations()) {
    const std::string& framework = operation.framework_id().value();
    const std::string& id = operation.info().id().value();
    table.Add({operation.agent_id().value(), framework.empty() ? "-" : framework,
               meros::v1::Offer::Operation::Type_Name(operation.info().type()),
               id.empty() ? "-" : id,
               meros::v1::OperationState_Name(operation.latest_status().state()),
               operation.latest_status().message()});
  }
  std::fputs(common.json ? (Json(*all) + "\n").c_str() : table.Print().c_str(), stdout);
  return absl::OkStatus();
}

using Verb = absl::Status (*)(const Common&, const Options&);

void Choose(CLI::App* verb, Common* common, std::shared_ptr<Options> options, Verb run) {
  verb->callback([=] {
    common->chosen = [=] {
      const absl::Status status = run(*common, *options);
      return status.ok() ? 0 : Fail(status);
    };
  });
}

CLI::App* AddVolumeVerb(CLI::App* volume, const char* name, const char* help,
                        const std::shared_ptr<Options>& options) {
  CLI::App* verb = volume->add_subcommand(name, help);
  verb->add_option("agent", options->agent, "Agent id")->required();
  verb->add_option("volume", options->volume, "Id of the volume, unique per role and agent")
      ->required();
  verb->add_option("--role", options->role, "Role that its disk is reserved for")->required();
  return verb;
}

}  // namespace

void AddReserve(CLI::App* app, Common* common) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app->add_subcommand("reserve", "Keeps free resources of an agent for a role");
  verb->add_option("agent", options->agent, "Agent id")->required();
  verb->add_option("amounts", options->amounts, "NAME=AMOUNT,...; disk=10G")->required();
  verb->add_option("--role", options->role, "Role, at any depth")->required();
  verb->add_option("--principal", options->principal, "On whose behalf");
  Choose(verb, common, options, Reserve);
}

void AddUnreserve(CLI::App* app, Common* common) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app->add_subcommand("unreserve", "Gives back what is reserved and not in use");
  verb->add_option("agent", options->agent, "Agent id")->required();
  verb->add_option("amounts", options->amounts, "NAME=AMOUNT,...; disk=10G")->required();
  verb->add_option("--role", options->role, "Role that it is reserved for")->required();
  Choose(verb, common, options, Unreserve);
}

void AddVolume(CLI::App* app, Common* common) {
  auto options = std::make_shared<Options>();
  CLI::App* volume = app->add_subcommand("volume", "Persistent volumes on agents");
  volume->require_subcommand(1);

  CLI::App* create = AddVolumeVerb(volume, "create", "Makes one of reserved disk", options);
  create->add_option("--size", options->size, "MiB, or with M, G, T")->required();
  create->add_option("--path", options->path,
                     "Where tasks see it, below their sandbox; its id if not given");
  create->add_flag("--shared", options->shared,
                   "Tasks may use it at the same time (frameworks with SHARED_RESOURCES)");
  Choose(create, common, options, CreateVolume);

  CLI::App* destroy = AddVolumeVerb(volume, "destroy",
                                    "Deletes one with its data; its disk stays reserved", options);
  Choose(destroy, common, options, DestroyVolume);

  CLI::App* grow = AddVolumeVerb(volume, "grow", "Adds reserved disk to one", options);
  grow->add_option("--by", options->size, "MiB, or with M, G, T")->required();
  Choose(grow, common, options, GrowVolume);

  CLI::App* shrink = AddVolumeVerb(volume, "shrink", "Takes disk from one", options);
  shrink->add_option("--by", options->size, "MiB, or with M, G, T")->required();
  Choose(shrink, common, options, ShrinkVolume);
}

void AddOperations(CLI::App* app, Common* common) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app->add_subcommand(
      "operations", "Operations on reservations and volumes that are not done with");
  verb->add_option("--agent", options->agent, "Only of this agent");
  verb->add_option("--framework", options->framework, "Only of this framework");
  verb->add_option("--state", options->states, "Only in one of these states, e.g. PENDING")
      ->delimiter(',');
  verb->add_option("--type", options->types, "Only of one of these types, e.g. RESERVE")
      ->delimiter(',');
  Choose(verb, common, options, List);
}

}  // namespace meros::cli
