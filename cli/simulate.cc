// meros simulate: who would get what after a change, computed by the real allocator core on a saved
// snapshot, in this process. No cluster is asked.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "cli/format.h"
#include "cli/verbs.h"
#include "cli/what_if_flags.h"
#include "cli/what_if_table.h"
#include "libs/base/status_macros.h"
#include "services/allocator/whatif/what_if.h"

namespace meros::cli {
namespace {

using allocator::WhatIf;

struct SimulateOptions {
  std::string snapshot;
  std::vector<std::string> add_agents, remove_agents, set_quotas, set_weights;
  WhatIf::RunOptions run;
  uint64_t seed = 1;
};

// The flag and its value before what is wrong with it.
absl::Status OfFlag(absl::string_view flag, absl::string_view value, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(flag, " ", value, ": ", status.message()));
}

// Applies `parse`, then `change`, to each value of the flag.
template <typename Parse, typename Change>
absl::Status ForEachValue(absl::string_view flag, const std::vector<std::string>& values,
                          Parse parse, Change change) {
  for (const std::string& value : values) {
    auto parsed = parse(value);
    if (!parsed.ok()) return OfFlag(flag, value, parsed.status());
    const absl::Status status = change(*std::move(parsed));
    if (!status.ok()) return OfFlag(flag, value, status);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadFile(const std::string& file) {
  if (std::filesystem::is_directory(file)) return absl::InvalidArgumentError("is a directory");
  std::ifstream in(file);
  std::stringstream text;
  if (in) text << in.rdbuf();
  if (!in) return absl::NotFoundError(absl::StrCat("cannot be read: ", strerror(errno)));
  return text.str();
}

absl::StatusOr<WhatIf> Load(const SimulateOptions& options) {
  MEROS_ASSIGN_OR_RETURN(const std::string text, ReadFile(options.snapshot));
  MEROS_ASSIGN_OR_RETURN(const allocator::SavedSnapshot snapshot, allocator::ParseSnapshot(text));
  return WhatIf::Load(snapshot, options.seed);
}

absl::Status Change(const SimulateOptions& options, WhatIf* what_if) {
  MEROS_RETURN_IF_ERROR(ForEachValue(
      "--remove-agent", options.remove_agents,
      [](const std::string& id) { return absl::StatusOr<std::string>(id); },
      [&](const std::string& id) { return what_if->RemoveAgent(id); }));
  MEROS_RETURN_IF_ERROR(ForEachValue(
      "--add-agents", options.add_agents, ParseAddAgents,
      [&](const AddAgentsFlag& flag) { return what_if->AddAgents(flag.count, flag.each); }));
  MEROS_RETURN_IF_ERROR(
      ForEachValue("--set-quota", options.set_quotas, ParseSetQuota, [&](const SetQuotaFlag& flag) {
        return what_if->SetQuota(flag.role, flag.guarantees, flag.limits);
      }));
  return ForEachValue(
      "--set-weight", options.set_weights, ParseSetWeight,
      [&](const SetWeightFlag& flag) { return what_if->SetWeight(flag.role, flag.weight); });
}

int Simulate(const Common& common, const SimulateOptions& options) {
  absl::StatusOr<WhatIf> what_if = Load(options);
  if (!what_if.ok()) return Fail(OfFlag("--snapshot", options.snapshot, what_if.status()));
  const absl::Status changed = Change(options, &*what_if);
  if (!changed.ok()) return Fail(changed);
  const auto report = what_if->Run(options.run);
  std::fputs(common.json ? (Json(report) + "\n").c_str() : WhatIfText(report).c_str(), stdout);
  return 0;
}

}  // namespace

void AddSimulate(CLI::App* app, Common* common) {
  auto options = std::make_shared<SimulateOptions>();
  CLI::App* verb = app->add_subcommand(
      "simulate", "Who would get what after a change: the allocator on a saved snapshot");
  verb->add_option("--snapshot", options->snapshot, "File that meros snapshot has saved")
      ->required();
  verb->add_option("--add-agents", options->add_agents,
                   "N or N:NAME=AMOUNT,...: so many more, each with that or, without it, like "
                   "those that are there in turn")
      ->allow_extra_args(false);
  verb->add_option("--remove-agent", options->remove_agents,
                   "Agent id; what runs on it ends. May be repeated, as all changes")
      ->allow_extra_args(false);
  verb->add_option("--set-quota", options->set_quotas,
                   "ROLE:guarantee=NAME=AMOUNT,...:limit=NAME=AMOUNT,...: either part or both; "
                   "none removes it")
      ->allow_extra_args(false);
  verb->add_option("--set-weight", options->set_weights, "ROLE=WEIGHT")->allow_extra_args(false);
  verb->add_flag("--agents", options->run.with_agents, "Also who would have what on each agent");
  verb->add_option("--cycles", options->run.cycles_max,
                   "Allocation intervals at most; it ends before when nothing changes any more")
      ->check(CLI::Range(1, 1'000'000));
  verb->add_option("--seed", options->seed,
                   "Of what is random in the allocator; equal input gives equal output");
  verb->callback([=] { common->chosen = [=] { return Simulate(*common, *options); }; });
}

}  // namespace meros::cli
