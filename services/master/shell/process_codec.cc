#include "services/master/shell/process_codec.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "services/master/shell/order_codec.h"
#include "services/master/view/encode_view.h"

namespace meros::master {
namespace {

namespace pb = ::meros::v1::master;

constexpr absl::Duration kLeastDuration = absl::Milliseconds(1);
constexpr absl::Duration kMostDuration = absl::Hours(24 * 365);

}  // namespace

absl::StatusOr<LevelChange> LevelChangeOf(const pb::SetLogLevelRequest& request) {
  MEROS_RETURN_IF_ERROR(CheckRequestId(request.request_id()));
  const absl::StatusOr<telemetry::Severity> level = telemetry::ParseSeverity(request.level());
  if (!level.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("level: ", level.status().message()));
  }
  if (!request.has_duration()) return LevelChange{*level};
  const absl::Duration duration = absl::Nanoseconds(request.duration().nanoseconds());
  if (duration < kLeastDuration || duration > kMostDuration) {
    return absl::InvalidArgumentError(absl::StrCat("duration: must be from 1 ms to 365 days, is ",
                                                   absl::FormatDuration(duration)));
  }
  return LevelChange{*level, duration};
}

pb::GetLogLevelResponse EncodeLogLevel(const telemetry::LogLevelControl::Setting& setting) {
  pb::GetLogLevelResponse answer;
  answer.set_level(std::string(telemetry::SeverityName(setting.level)));
  answer.set_lasting_level(std::string(telemetry::SeverityName(setting.lasting)));
  if (setting.remaining != absl::InfiniteDuration()) {
    answer.mutable_remaining()->set_nanoseconds(absl::ToInt64Nanoseconds(setting.remaining));
  }
  return answer;
}

pb::GetVersionResponse EncodeVersion(const BuildFacts& build) {
  pb::GetVersionResponse answer;
  v1::VersionInfo* out = answer.mutable_version();
  out->set_version(build.version);
  if (build.built != absl::InfinitePast()) {
    out->set_build_date(absl::FormatTime(absl::RFC3339_sec, build.built, absl::UTCTimeZone()));
    out->set_build_time(SecondsOf(build.built));
  }
  if (!build.user.empty()) out->set_build_user(build.user);
  if (!build.git_sha.empty()) out->set_git_sha(build.git_sha);
  if (!build.git_branch.empty()) out->set_git_branch(build.git_branch);
  if (!build.git_tag.empty()) out->set_git_tag(build.git_tag);
  return answer;
}

pb::GetFlagsResponse EncodeFlags(const std::vector<config::EffectiveFlag>& flags) {
  pb::GetFlagsResponse answer;
  for (const config::EffectiveFlag& flag : flags) {
    v1::Flag* out = answer.add_flags();
    out->set_name(flag.name);
    out->set_value(flag.value);
    out->set_source(std::string(config::SourceName(flag.source)));
  }
  return answer;
}

pb::GetMasterResponse EncodeMaster(const v1::MasterInfo& info, absl::Time started,
                                   const LeadershipRecord& leadership) {
  pb::GetMasterResponse answer;
  *answer.mutable_master_info() = info;
  answer.set_start_time(SecondsOf(started));
  answer.set_leading(leadership.state == LeadershipState::kLeading);
  if (leadership.led_since > absl::InfinitePast()) {
    answer.set_elected_time(SecondsOf(leadership.led_since));
  }
  answer.set_leader_address(leadership.leader_address);
  answer.set_epoch(leadership.epoch);
  answer.set_agents_recovering(leadership.agents_recovering);
  answer.set_agents_to_recover(leadership.agents_to_recover);
  answer.set_agents_held_back(leadership.agents_held_back);
  answer.set_state(std::string(LeadershipStateName(leadership.state)));
  return answer;
}

}  // namespace meros::master
