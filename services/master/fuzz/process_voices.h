// Those who ask what the master is as a process, set how much it logs, or save its books, for
// fuzzing: their requests are read, and answered, as MasterService and SnapshotService do it.
//
// Thread rule: thread-compatible.
#pragma once

#include "absl/strings/string_view.h"
#include "libs/telemetry/log_level.h"
#include "services/master/fuzz/call_script.h"
#include "services/master/view/cluster_view.h"

namespace meros::master {

class ProcessVoices {
 public:
  // Whether the request was parsed and answered with OK. Fails a MEROS_CHECK where an answer cannot
  // be read or does not say what it should.
  bool Ask(Speaker speaker, absl::string_view message, const ClusterView& view);

 private:
  bool SetLevel(absl::string_view message);
  bool TellLevel(absl::string_view message) const;

  // As set; the level of this process stays as it is.
  telemetry::LogLevelControl::Setting setting_{.level = telemetry::Severity::kInfo,
                                               .lasting = telemetry::Severity::kInfo,
                                               .remaining = absl::InfiniteDuration()};
};

}  // namespace meros::master
