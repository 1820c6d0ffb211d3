// meros log-level: how much the leading master logs, for good or for a while.
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "cli/format.h"
#include "cli/schedule.h"
#include "cli/verbs.h"

namespace meros::cli {
namespace {

namespace pb = ::meros::v1::master;

struct LogLevelOptions {
  std::string level;     // empty: show
  std::string duration;  // empty: for good
};

absl::Status Show(const Common& common) {
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return cluster.status();
  auto setting = cluster->Call(&Cluster::MasterStub::GetLogLevel, pb::GetLogLevelRequest());
  if (!setting.ok()) return setting.status();
  if (common.json) {
    std::puts(Json(*setting).c_str());
    return absl::OkStatus();
  }
  std::string text = setting->level();
  if (setting->has_remaining()) {
    const absl::Duration left = absl::Nanoseconds(setting->remaining().nanoseconds());
    absl::StrAppend(&text, " for ", absl::FormatDuration(absl::Ceil(left, absl::Seconds(1))),
                    ", then ", setting->lasting_level());
  }
  std::puts(text.c_str());
  return absl::OkStatus();
}

absl::Status Set(const Common& common, const LogLevelOptions& options) {
  pb::SetLogLevelRequest request;
  request.set_level(options.level);
  if (!options.duration.empty()) {
    const absl::StatusOr<absl::Duration> duration = ParseLength(options.duration);
    if (!duration.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("--duration: ", duration.status().message()));
    }
    request.mutable_duration()->set_nanoseconds(absl::ToInt64Nanoseconds(*duration));
  }
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return cluster.status();
  return cluster->Call(&Cluster::MasterStub::SetLogLevel, request).status();
}

}  // namespace

void AddLogLevel(CLI::App* app, Common* common) {
  auto options = std::make_shared<LogLevelOptions>();
  CLI::App* verb = app->add_subcommand("log-level", "Shows or sets how much the master logs");
  CLI::Option* level =
      verb->add_option("level", options->level, "debug, info, warning or error; none: show it");
  verb->add_option("--duration", options->duration, "Only for so long, e.g. 10m; none: for good")
      ->needs(level);
  verb->callback([=] {
    common->chosen = [=] {
      const absl::Status status = options->level.empty() ? Show(*common) : Set(*common, *options);
      return status.ok() ? 0 : Fail(status);
    };
  });
}

}  // namespace meros::cli
