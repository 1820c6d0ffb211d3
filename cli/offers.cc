// meros offers: what frameworks were offered, or asked to give back, and have not answered.
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "cli/format.h"
#include "cli/verbs.h"

namespace meros::cli {
namespace {

namespace pb = ::meros::v1::master;

std::vector<std::string> Row(const pb::OfferView& view) {
  const bool is_inverse = view.has_inverse_offer();
  const auto& offer = view.offer();
  const auto& inverse = view.inverse_offer();
  const auto amount = [&](absl::string_view name) {
    return is_inverse ? "-" : Number(Scalar(offer.resources(), name));
  };
  return {is_inverse ? inverse.id().value() : offer.id().value(),
          is_inverse ? "inverse" : "offer",
          view.framework_name(),
          is_inverse ? "-" : offer.allocation_info().role(),
          view.agent_hostname(),
          amount("cpus"),
          is_inverse ? "-" : Megabytes(Scalar(offer.resources(), "mem")),
          amount("gpus"),
          Age(view.made_time()),
          Until(view.expires_time())};
}

int Offers(const Common& common, pb::ListOffersRequest request) {
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return Fail(cluster.status());
  Table table({"OFFER", "KIND", "FRAMEWORK", "ROLE", "HOST", "CPUS", "MEM", "GPUS", "AGE", "ENDS"});
  const auto all = cluster->List<pb::ListOffersResponse>("ListOffers", request);
  if (!all.ok()) return Fail(all.status());
  for (const pb::OfferView& offer : all->offers()) table.Add(Row(offer));
  std::fputs(common.json ? absl::StrCat(Json(*all), "\n").c_str() : table.Print().c_str(), stdout);
  return 0;
}

}  // namespace

void AddOffers(CLI::App* app, Common* common) {
  struct Options {
    std::string framework, agent, role;
  };
  auto options = std::make_shared<Options>();
  CLI::App* verb = app->add_subcommand("offers", "Lists offers that are not answered");
  verb->add_option("--framework", options->framework, "Only to this framework");
  verb->add_option("--agent", options->agent, "Only of this agent");
  verb->add_option("--role", options->role, "Only to this very role");
  verb->callback([=] {
    common->chosen = [=] {
      pb::ListOffersRequest request;
      if (!options->framework.empty()) {
        request.mutable_framework_id()->set_value(options->framework);
      }
      if (!options->agent.empty()) request.mutable_agent_id()->set_value(options->agent);
      if (!options->role.empty()) request.set_role(options->role);
      return Offers(*common, request);
    };
  });
}

}  // namespace meros::cli
