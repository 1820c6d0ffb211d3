// meros maintenance: when machines go away, bringing them down, and back.
#include "cli/maintenance.h"

#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/agents.h"
#include "cli/format.h"
#include "cli/schedule.h"
#include "libs/base/rng.h"
#include "libs/runtime/clock.h"
#include "libs/runtime/random_seed.h"

namespace meros::cli {
namespace {

namespace pb = meros::v1::master;
using meros::v1::MachineID;
using meros::v1::allocator::InverseOfferStatus;
using meros::v1::maintenance::ClusterStatus;

struct MaintenanceOptions {
  std::vector<std::string> machines;
  std::optional<std::string> file;
  std::string start = "now";
  std::optional<std::string> duration;
  bool all = false;
};

std::string RequestId() { return Rng(runtime::RandomSeed()).Uuid(); }

absl::StatusOr<std::vector<MachineID>> Machines(const MaintenanceOptions& options) {
  std::vector<MachineID> machines;
  for (const std::string& text : options.machines) {
    absl::StatusOr<MachineID> machine = ParseMachine(text);
    if (!machine.ok()) return machine.status();
    machines.push_back(*std::move(machine));
  }
  return machines;
}

absl::StatusOr<meros::v1::maintenance::Schedule> Present(const Cluster& cluster) {
  auto response = cluster.Call(&Cluster::MasterStub::GetMaintenanceSchedule,
                               pb::GetMaintenanceScheduleRequest());
  if (!response.ok()) return response.status();
  return std::move(*response->mutable_schedule());
}

absl::StatusOr<ClusterStatus> Status(const Cluster& cluster) {
  auto response =
      cluster.Call(&Cluster::MasterStub::GetMaintenanceStatus, pb::GetMaintenanceStatusRequest());
  if (!response.ok()) return response.status();
  return std::move(*response->mutable_status());
}

absl::Status ReplaceSchedule(const Cluster& cluster, meros::v1::maintenance::Schedule schedule) {
  pb::UpdateMaintenanceScheduleRequest request;
  *request.mutable_schedule() = std::move(schedule);
  request.set_request_id(RequestId());
  return cluster.Call(&Cluster::MasterStub::UpdateMaintenanceSchedule, request).status();
}

// ---- Looking ----

absl::Status ShowSchedule(const Common& common, const MaintenanceOptions&) {
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return cluster.status();
  const auto schedule = Present(*cluster);
  if (!schedule.ok()) return schedule.status();
  Table table({"START", "DURATION", "MACHINES"});
  for (const auto& window : schedule->windows()) {
    std::vector<std::string> machines;
    for (const MachineID& machine : window.machine_ids()) machines.push_back(MachineText(machine));
    table.Add({StartText(window.unavailability()), LengthText(window.unavailability()),
               absl::StrJoin(machines, " ")});
  }
  std::fputs(common.json ? (Json(*schedule) + "\n").c_str() : table.Print().c_str(), stdout);
  return absl::OkStatus();
}

absl::Status ShowStatus(const Common& common, const MaintenanceOptions&) {
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return cluster.status();
  const auto status = Status(*cluster);
  if (!status.ok()) return status.status();
  Table table({"MACHINE", "MODE", "FRAMEWORK", "ANSWER", "SINCE"});
  for (const auto& draining : status->draining_machines()) {
    const std::string machine = MachineText(draining.id());
    if (draining.statuses().empty()) table.Add({machine, "DRAINING", "", "", ""});
    for (const InverseOfferStatus& answer : draining.statuses()) {
      table.Add({machine, "DRAINING", answer.framework_id().value(),
                 std::string(AnswerText(answer.status())),
                 Age(static_cast<double>(answer.timestamp().nanoseconds()) / 1e9)});
    }
  }
  for (const MachineID& down : status->down_machines()) {
    table.Add({MachineText(down), "DOWN", "", "", ""});
  }
  std::fputs(common.json ? (Json(*status) + "\n").c_str() : table.Print().c_str(), stdout);
  return absl::OkStatus();
}

// ---- Planning ----

absl::StatusOr<std::string> Contents(const std::string& file) {
  if (file == "-") {
    return std::string(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>());
  }
  std::ifstream in(file, std::ios::binary);
  if (!in) return absl::NotFoundError(absl::StrCat("--file ", file, ": cannot be opened"));
  return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

absl::Status SetFromFile(const Common& common, const std::string& file) {
  const auto json = Contents(file);
  if (!json.ok()) return json.status();
  const auto schedule = ParseSchedule(*json);
  if (!schedule.ok()) return schedule.status();
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return cluster.status();
  return ReplaceSchedule(*cluster, *schedule);
}

absl::Status SetSchedule(const Common& common, const MaintenanceOptions& options) {
  if (options.file.has_value() != options.machines.empty()) {
    return absl::InvalidArgumentError("name either machines or --file");
  }
  if (options.file.has_value()) return SetFromFile(common, *options.file);
  const auto machines = Machines(options);
  if (!machines.ok()) return machines.status();
  const auto start = ParseStart(options.start, runtime::ProcessClock::Get().Now());
  if (!start.ok()) return start.status();
  meros::v1::Unavailability when;
  when.mutable_start()->set_nanoseconds(absl::ToUnixNanos(*start));
  if (options.duration.has_value()) {
    const auto length = ParseLength(*options.duration);
    if (!length.ok()) return length.status();
    when.mutable_duration()->set_nanoseconds(absl::ToInt64Nanoseconds(*length));
  }
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return cluster.status();
  auto schedule = Present(*cluster);
  if (!schedule.ok()) return schedule.status();
  Schedule(*machines, when, &*schedule);
  return ReplaceSchedule(*cluster, *std::move(schedule));
}

absl::Status ClearSchedule(const Common& common, const MaintenanceOptions& options) {
  if (options.all != options.machines.empty()) {
    return absl::InvalidArgumentError("name either machines or --all");
  }
  const auto machines = Machines(options);
  if (!machines.ok()) return machines.status();
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return cluster.status();
  if (options.all) return ReplaceSchedule(*cluster, {});
  auto schedule = Present(*cluster);
  if (!schedule.ok()) return schedule.status();
  Unschedule(*machines, &*schedule);
  return ReplaceSchedule(*cluster, *std::move(schedule));
}

// ---- Down and up ----

template <typename Request, typename Response>
absl::Status Bring(const Common& common, const MaintenanceOptions& options, Request request,
                   grpc::Status (Cluster::MasterStub::*method)(grpc::ClientContext*, const Request&,
                                                               Response*)) {
  const auto machines = Machines(options);
  if (!machines.ok()) return machines.status();
  for (const MachineID& machine : *machines) *request.add_machines() = machine;
  request.set_request_id(RequestId());
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return cluster.status();
  return cluster->Call(method, request).status();
}

absl::Status Start(const Common& common, const MaintenanceOptions& options) {
  return Bring(common, options, pb::StartMaintenanceRequest(),
               &Cluster::MasterStub::StartMaintenance);
}

absl::Status Stop(const Common& common, const MaintenanceOptions& options) {
  return Bring(common, options, pb::StopMaintenanceRequest(),
               &Cluster::MasterStub::StopMaintenance);
}

}  // namespace

void AddMaintenance(CLI::App* app, Common* common) {
  auto options = std::make_shared<MaintenanceOptions>();
  CLI::App* verb = app->add_subcommand("maintenance", "Planned maintenance of machines");
  verb->require_subcommand(1);
  const auto add = [=](const char* name, const char* help, auto run) {
    CLI::App* sub = verb->add_subcommand(name, help);
    sub->callback([=] {
      common->chosen = [=] {
        const absl::Status status = run(*common, *options);
        return status.ok() ? 0 : Fail(status);
      };
    });
    return sub;
  };
  const auto machines = [=](CLI::App* sub) {
    return sub->add_option("machines", options->machines, "HOSTNAME, IP or HOSTNAME/IP");
  };
  add("schedule", "Shows when which machines go away", ShowSchedule);
  add("status", "Shows what frameworks say to it, and which machines are down", ShowStatus);
  CLI::App* set =
      add("set", "Plans maintenance of machines, or replaces the schedule", SetSchedule);
  machines(set);
  set->add_option("--start", options->start, "now, +90m or 2030-01-31T22:00:00Z");
  set->add_option("--duration", options->duration, "As 2h30m; not known without it");
  set->add_option("--file", options->file,
                  "A whole schedule as JSON, as `schedule --json` prints it; - for stdin");
  CLI::App* clear = add("clear", "Takes machines off the schedule", ClearSchedule);
  machines(clear);
  clear->add_flag("--all", options->all, "All of them");
  machines(add("start", "Brings machines down: their agents and tasks end", Start))->required();
  machines(add("stop", "Brings machines up again, off the schedule", Stop))->required();
}

}  // namespace meros::cli
