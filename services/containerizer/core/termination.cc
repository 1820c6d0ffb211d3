#include "services/containerizer/core/termination.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace meros::containerizer {
namespace {

// Layout of a wait status, as of waitpid(2) on Linux; spelled out because <sys/wait.h> has no place
// in a core.
std::optional<uint32_t> ExitCode(const EndFacts& facts) {
  if (!facts.wait_status.has_value() || (*facts.wait_status & 0x7f) != 0) return std::nullopt;
  return static_cast<uint32_t>(*facts.wait_status >> 8) & 0xff;
}

std::optional<uint32_t> Signal(const EndFacts& facts) {
  if (!facts.wait_status.has_value() || (*facts.wait_status & 0x7f) == 0) return std::nullopt;
  return static_cast<uint32_t>(*facts.wait_status) & 0x7f;
}

std::string Mebibytes(uint64_t bytes) {
  return absl::StrFormat("%.1f MiB", static_cast<double>(bytes) / (1 << 20));
}

std::string HowItEnded(const EndFacts& facts) {
  if (const auto code = ExitCode(facts)) return absl::StrCat("exited with status ", *code);
  if (const auto signal = Signal(facts)) return absl::StrCat("was ended by signal ", *signal);
  return "left no exit status";
}

v1::TerminationReason Reason(const EndReport& report) {
  const EndFacts& facts = report.facts;
  switch (report.cause) {
    case EndCause::kStartFailed:
      return v1::LAUNCH_FAILED;
    case EndCause::kMemoryLimit:
      return v1::LIMITATION_MEMORY;
    case EndCause::kRequested:
      return v1::REQUESTED;
    case EndCause::kNone:
    case EndCause::kByItself:
      break;
  }
  if (facts.oom_kills > 0) return v1::LIMITATION_MEMORY;
  if (!facts.wait_status.has_value()) return v1::LOST;
  const bool failed = *facts.wait_status != 0;
  if (failed && facts.forks_refused > 0) return v1::LIMITATION_PIDS;
  return v1::EXITED;
}

std::string Message(const EndReport& report, v1::TerminationReason reason) {
  const EndFacts& facts = report.facts;
  switch (reason) {
    case v1::LAUNCH_FAILED:
      return absl::StrCat("Could not be started: ", report.start_failure);
    case v1::LIMITATION_MEMORY:
      return absl::StrCat("Memory limit exceeded: limit ",
                          Mebibytes(report.limits.memory_limit_bytes()), ", peak ",
                          Mebibytes(facts.memory_peak_bytes));
    case v1::LIMITATION_PIDS:
      return absl::StrCat("Command ", HowItEnded(facts), " after ", facts.forks_refused,
                          " forks were refused at the limit of ", report.limits.pids_limit(),
                          " processes");
    case v1::REQUESTED:
      return absl::StrCat("Ended on request; command ",
                          facts.wait_status.has_value() ? HowItEnded(facts) : "was killed");
    case v1::LOST:
      return "Vanished without exit status; its meros-init was killed from outside";
    default:
      return absl::StrCat("Command ", HowItEnded(facts));
  }
}

}  // namespace

v1::Termination MakeTermination(const EndReport& report) {
  v1::Termination termination;
  const v1::TerminationReason reason = Reason(report);
  termination.set_reason(reason);
  termination.set_message(Message(report, reason));
  if (const auto code = ExitCode(report.facts)) termination.set_exit_code(*code);
  if (const auto signal = Signal(report.facts)) termination.set_signal(*signal);
  if (reason == v1::LIMITATION_MEMORY) {
    termination.mutable_limited_resources()->set_memory_limit_bytes(
        report.limits.memory_limit_bytes());
  }
  if (reason == v1::LIMITATION_PIDS) {
    termination.mutable_limited_resources()->set_pids_limit(report.limits.pids_limit());
  }
  termination.set_memory_peak_bytes(report.facts.memory_peak_bytes);
  termination.set_started_at_ns(report.started_at_ns);
  termination.set_finished_at_ns(report.finished_at_ns);
  return termination;
}

}  // namespace meros::containerizer
