// A real program under test: started with arguments, its output kept in files, killed only by the
// pid that was started here.
//
//   auto registry = Process::Start({.name = "registry", .program = BinaryPath("meros-registry"),
//                                   .arguments = {...}, .log_dir = dir.path()});
//   ASSERT_TRUE(registry->WaitReady(absl::Seconds(30)).ok());
//   registry->address() == "127.0.0.1:40123"
//
// Services announce themselves on stdout with one line "meros-<service> ready grpc=HOST:PORT
// metrics=PORT" (telemetry::AnnounceReady).
//
// Thread rule: thread-compatible.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace meros::testing {

struct ProcessOptions {
  std::string name;                                                   // of the log files
  std::string program;                                                // absolute path
  std::vector<std::string> arguments;                                 // without the program itself
  std::vector<std::pair<std::string, std::string>> environment = {};  // added to ours
  std::string log_dir;  // <log_dir>/<name>.out and .log are appended to
};

class Process {
 public:
  // ERRORS: Internal when the program cannot be started.
  static absl::StatusOr<std::unique_ptr<Process>> Start(ProcessOptions options);
  ~Process();  // kills it if it lives
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // ERRORS: DeadlineExceeded, or FailedPrecondition when it has ended; both with the end of its
  // log.
  absl::Status WaitReady(absl::Duration limit);
  // From the ready line.
  const std::string& address() const { return address_; }
  int metrics_port() const { return metrics_port_; }

  pid_t pid() const { return pid_; }
  bool running();
  void Signal(int number);
  // SIGSTOP; returns when no thread of it runs any more, or it has ended. A signal alone leaves
  // them some milliseconds on a busy machine, in which it may still answer.
  void Pause();
  void Resume();  // SIGCONT
  // SIGKILL, and reaps it.
  void Kill();
  // SIGTERM, and the exit status as wait(2) reports it. ERRORS: DeadlineExceeded (then it is
  // killed).
  absl::StatusOr<int> Stop(absl::Duration limit);
  // The exit status as wait(2) reports it. ERRORS: DeadlineExceeded.
  absl::StatusOr<int> Wait(absl::Duration limit);

  // What it wrote so far.
  std::string Output() const;
  std::string Log() const;

 private:
  explicit Process(ProcessOptions options) : options_(std::move(options)) {}
  bool Reap(bool block);

  const ProcessOptions options_;
  pid_t pid_ = -1;
  std::optional<int> wait_status_;
  size_t output_start_ = 0;  // what earlier processes of the same name wrote
  std::string address_;
  int metrics_port_ = 0;
};

// A built program: $MEROS_BIN_DIR/NAME.
std::string BinaryPath(const std::string& name);

// Polls `condition` every few milliseconds until it holds or `limit` has passed; says whether it
// held.
template <typename Condition>
bool Eventually(absl::Duration limit, Condition condition);

// Sleeps between two polls.
void PollPause();
absl::Time PollNow();

template <typename Condition>
bool Eventually(absl::Duration limit, Condition condition) {
  const absl::Time deadline = PollNow() + limit;
  while (!condition()) {
    if (PollNow() > deadline) return condition();
    PollPause();
  }
  return true;
}

}  // namespace meros::testing
