// meros version: of this program and of the leading master.
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "cli/format.h"
#include "cli/verbs.h"

#ifndef MEROS_VERSION
#error "the build defines MEROS_VERSION"
#endif

namespace meros::cli {
namespace {

// "0.2.0", and of which commit, if that is known.
std::string Named(const v1::VersionInfo& version) {
  if (version.git_sha().empty()) return version.version();
  return absl::StrCat(version.version(), " (", version.git_sha().substr(0, 12), ")");
}

int Version(const Common& common) {
  // A cluster that is away is no failure: the question was about this program first.
  std::string server = "not reachable", leader;
  ConnectionOptions quick = common.connection;
  quick.timeout_seconds = std::min(quick.timeout_seconds, 2.0);
  const auto cluster = Cluster::Connect(quick);
  if (cluster.ok()) {
    const auto response =
        cluster->Call(&Cluster::MasterStub::GetVersion, meros::v1::master::GetVersionRequest());
    if (response.ok()) server = Named(response->version());
    leader = cluster->leader();
  }
  if (common.json) {
    std::printf("{\"client\": \"%s\", \"master\": \"%s\", \"leader\": \"%s\"}\n", MEROS_VERSION,
                cluster.ok() ? server.c_str() : "", leader.c_str());
  } else {
    std::printf("meros   %s\nmaster  %s%s%s\n", MEROS_VERSION, server.c_str(),
                leader.empty() ? "" : " at ", leader.c_str());
  }
  return 0;
}

}  // namespace

void AddVersion(CLI::App* app, Common* common) {
  CLI::App* verb =
      app->add_subcommand("version", "Shows the versions of this program and the master");
  verb->callback([=] { common->chosen = [=] { return Version(*common); }; });
}

}  // namespace meros::cli
