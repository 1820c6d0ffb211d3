// meros flags: what the leading master runs with.
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "cli/format.h"
#include "cli/verbs.h"

namespace meros::cli {
namespace {

namespace pb = ::meros::v1::master;

absl::Status ShowFlags(const Common& common, const std::string& name) {
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return cluster.status();
  auto flags = cluster->Call(&Cluster::MasterStub::GetFlags, pb::GetFlagsRequest());
  if (!flags.ok()) return flags.status();
  if (!name.empty()) {
    for (const v1::Flag& flag : flags->flags()) {
      if (flag.name() != name) continue;
      std::puts(common.json ? Json(flag).c_str() : flag.value().c_str());
      return absl::OkStatus();
    }
    return absl::NotFoundError(absl::StrCat("the master has no flag ", name));
  }
  if (common.json) {
    std::puts(Json(*flags).c_str());
    return absl::OkStatus();
  }
  Table table({"NAME", "VALUE", "FROM"});
  for (const v1::Flag& flag : flags->flags()) {
    table.Add({flag.name(), flag.value(), flag.source()});
  }
  std::fputs(table.Print().c_str(), stdout);
  return absl::OkStatus();
}

}  // namespace

void AddMasterFlags(CLI::App* app, Common* common) {
  auto name = std::make_shared<std::string>();
  CLI::App* verb = app->add_subcommand("flags", "Shows what the master runs with");
  verb->add_option("name", *name, "Only this flag's value, without dashes; none: all of them");
  verb->callback([=] {
    common->chosen = [=] {
      const absl::Status status = ShowFlags(*common, *name);
      return status.ok() ? 0 : Fail(status);
    };
  });
}

}  // namespace meros::cli
