// meros explain: why a framework is, or is not, offered what it waits for.
#include <cstdio>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/amounts.h"
#include "cli/format.h"
#include "cli/verbs.h"

namespace meros::cli {
namespace {

namespace pb = meros::v1::master;

struct ExplainOptions {
  std::string framework, role, wanted;
  uint32_t examples = 3;
};

std::string Agent(const pb::ExplainAgent& agent) {
  std::string text = absl::StrCat(agent.hostname(), " (", agent.agent_id().value(), ")");
  absl::StrAppend(&text, ": has ", AmountsText(AmountsOf(agent.available())));
  if (!agent.lacking().empty()) {
    absl::StrAppend(&text, ", lacks ", AmountsText(AmountsOf(agent.lacking())));
  }
  if (agent.has_refused_for()) {
    absl::StrAppendFormat(&text, ", refused for another %.1f s",
                          agent.refused_for().nanoseconds() * 1e-9);
  }
  return text;
}

std::string Stages(const pb::ExplainResponse& response) {
  Table table({"STAGE", "REJECTED", "REASON"});
  for (const pb::ExplainStage& stage : response.stages()) {
    table.Add({stage.stage(), absl::StrCat(stage.agents_rejected()), stage.reason()});
  }
  std::string text = table.Print();
  for (const pb::ExplainStage& stage : response.stages()) {
    for (const pb::ExplainAgent& agent : stage.examples()) {
      absl::StrAppend(&text, "  ", stage.stage(), ": ", Printable(Agent(agent)), "\n");
    }
  }
  return text;
}

// "2 of 5", counted from 1; nobody who wants offers: nobody is in line.
std::string Turn(uint64_t before, uint64_t all) {
  return all == 0 ? "nobody waits" : absl::StrCat(before + 1, " of ", all);
}

std::string Roles(const pb::ExplainResponse& response) {
  Table table({"ROLE", "SHARE/WEIGHT", "WEIGHT", "PRIORITY", "TURN", "GUARANTEE", "LIMIT",
               "CONSUMED", "LIMIT LEFT"});
  for (const pb::ExplainRole& role : response.roles()) {
    table.Add({role.role(), absl::StrFormat("%.3f", role.share()), Number(role.weight()),
               absl::StrCat(role.priority()),
               Turn(role.position(), role.siblings()),
               AmountsText(AmountsOf(role.guarantees())), AmountsText(AmountsOf(role.limits())),
               AmountsText(AmountsOf(role.consumed())), AmountsText(AmountsOf(role.limit_left()))});
  }
  return table.Print();
}

std::string Nearest(const pb::ExplainResponse& response) {
  if (!response.has_nearest_agent()) return "no agents\n";
  return absl::StrCat("nearest: ", Printable(response.nearest_hostname()), " (",
                      Printable(response.nearest_agent().value()), "), stage ",
                      response.nearest_stage(), ", lacks ",
                      AmountsText(AmountsOf(response.shortfall())), "\n");
}

std::string Text(const pb::ExplainResponse& response) {
  std::string text;
  for (const std::string& reason : response.blocked()) {
    absl::StrAppend(&text, "nothing is offered: ", Printable(reason), "\n");
  }
  for (const std::string& note : response.notes()) {
    absl::StrAppend(&text, "note: ", Printable(note), "\n");
  }
  absl::StrAppend(&text, "agents: ", response.agents(), ", of which ", response.offerable(),
                  " can be offered; refusals in force: ", response.filters(), "\n",
                  Nearest(response));
  if (!response.stages().empty()) absl::StrAppend(&text, "\n", Stages(response));
  absl::StrAppendFormat(&text, "\nturn among the role's frameworks: %s, share %.3f\n",
                        Turn(response.position(), response.competitors()), response.share());
  absl::StrAppend(&text, Roles(response));
  if (!response.guarantees_lacking().empty()) {
    absl::StrAppend(&text, "guarantees of the cluster lack ",
                    AmountsText(AmountsOf(response.guarantees_lacking())), "\n");
  }
  if (!response.headroom().empty()) {
    absl::StrAppend(&text, "free beyond guarantees of others: ",
                    AmountsText(AmountsOf(response.headroom())), "\n");
  }
  return text;
}

int Explain(const Common& common, const ExplainOptions& options) {
  const absl::StatusOr<Amounts> wanted = ParseAmounts(options.wanted);
  if (!wanted.ok()) return Fail(wanted.status());
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return Fail(cluster.status());
  pb::ExplainRequest request;
  request.mutable_framework_id()->set_value(options.framework);
  if (!options.role.empty()) request.set_role(options.role);
  request.set_examples_max(options.examples);
  for (const auto& [name, amount] : *wanted) {
    meros::v1::Resource* resource = request.add_wanted();
    resource->set_name(name);
    resource->set_type(meros::v1::Value::SCALAR);
    resource->mutable_scalar()->set_value(amount);
  }
  const auto response = cluster->Call(&Cluster::MasterStub::Explain, request);
  if (!response.ok()) return Fail(response.status());
  std::fputs(common.json ? (Json(*response) + "\n").c_str() : Text(*response).c_str(), stdout);
  return 0;
}

}  // namespace

void AddExplain(CLI::App* app, Common* common) {
  auto options = std::make_shared<ExplainOptions>();
  CLI::App* verb =
      app->add_subcommand("explain", "Why a framework is not offered what it waits for");
  verb->add_option("framework", options->framework, "Framework id")->required();
  verb->add_option("--role", options->role, "Role, when the framework has several");
  verb->add_option("--wanted", options->wanted,
                   "What it wants on one agent: NAME=AMOUNT,...; without: anything worth offering");
  verb->add_option("--examples", options->examples, "Agents named per stage")
      ->check(CLI::Range(1, 100));
  verb->callback([=] { common->chosen = [=] { return Explain(*common, *options); }; });
}

}  // namespace meros::cli
