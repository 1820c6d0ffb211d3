// What operators ask of the master as a process, and set there: from messages to values and back.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/build_facts/build_facts.h"
#include "libs/config/flag_set.h"
#include "libs/telemetry/log_level.h"
#include "meros/v1/master.pb.h"
#include "meros/v1/master/operator/cluster.pb.h"
#include "services/master/core/effects.h"

namespace meros::master {

// What SetLogLevel asks for.
struct LevelChange {
  telemetry::Severity level;
  absl::Duration duration = absl::InfiniteDuration();  // infinite: for good
};

// ERRORS: InvalidArgument naming the field and the limit.
absl::StatusOr<LevelChange> LevelChangeOf(const v1::master::SetLogLevelRequest& request);

v1::master::GetLogLevelResponse EncodeLogLevel(const telemetry::LogLevelControl::Setting& setting);
v1::master::GetVersionResponse EncodeVersion(const BuildFacts& build);
v1::master::GetFlagsResponse EncodeFlags(const std::vector<config::EffectiveFlag>& flags);
v1::master::GetMasterResponse EncodeMaster(const v1::MasterInfo& info, absl::Time started,
                                           const LeadershipRecord& leadership);

}  // namespace meros::master
