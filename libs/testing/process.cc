#include "libs/testing/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/runtime/clock.h"

extern char** environ;

namespace meros::testing {
namespace {

std::string ReadAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string Tail(const std::string& text, size_t bytes = 2000) {
  return text.size() <= bytes ? text : text.substr(text.size() - bytes);
}

// The value of " key=" in a line, up to the next space.
std::string Field(const std::string& line, const std::string& key) {
  const std::string mark = absl::StrCat(" ", key, "=");
  const size_t at = line.find(mark);
  if (at == std::string::npos) return "";
  const size_t start = at + mark.size();
  return line.substr(start, line.find_first_of(" \n", start) - start);
}

int OpenForAppend(const std::string& path) {
  return open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Process>> Process::Start(ProcessOptions options) {
  std::vector<char*> argv = {const_cast<char*>(options.program.c_str())};
  for (const std::string& argument : options.arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  std::vector<std::string> added;
  for (const auto& [name, value] : options.environment) {
    added.push_back(absl::StrCat(name, "=", value));
  }
  std::vector<char*> envp;
  for (const std::string& entry : added) envp.push_back(const_cast<char*>(entry.c_str()));
  for (char** entry = environ; *entry != nullptr; ++entry) envp.push_back(*entry);
  envp.push_back(nullptr);
  const std::string out_path = absl::StrCat(options.log_dir, "/", options.name, ".out");
  const int out = OpenForAppend(out_path);
  const int log = OpenForAppend(absl::StrCat(options.log_dir, "/", options.name, ".log"));
  const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  auto process = std::unique_ptr<Process>(new Process(options));
  process->output_start_ = ReadAll(out_path).size();
  process->pid_ = fork();
  if (process->pid_ == 0) {
    // Only calls that are safe after fork in a program with threads.
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that is killed leaves nothing running
    dup2(null, 0);
    dup2(out, 1);
    dup2(log, 2);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    setpgid(0, 0);
    execve(argv[0], argv.data(), envp.data());
    _exit(127);
  }
  close(out);
  close(log);
  close(null);
  if (process->pid_ < 0) {
    return absl::InternalError(absl::StrCat("fork: ", std::strerror(errno)));
  }
  return process;
}

Process::~Process() { Kill(); }

bool Process::Reap(bool block) {
  if (wait_status_.has_value()) return true;
  int status = 0;
  if (waitpid(pid_, &status, block ? 0 : WNOHANG) != pid_) return false;
  wait_status_ = status;
  return true;
}

bool Process::running() { return !Reap(/*block=*/false); }

absl::Status Process::WaitReady(absl::Duration limit) {
  const std::string mark = " ready ";
  std::string output;
  const bool ready = Eventually(limit, [&] {
    output = Output();
    return output.find(mark) != std::string::npos || !running();
  });
  const size_t at = output.find(mark);
  if (at == std::string::npos) {
    const std::string text =
        absl::StrCat(options_.name, ready ? " ended" : " is not ready", ":\n", Tail(Log()));
    return ready ? absl::FailedPreconditionError(text) : absl::DeadlineExceededError(text);
  }
  const std::string line = output.substr(at);
  address_ = Field(line, "grpc");
  if (!absl::SimpleAtoi(Field(line, "metrics"), &metrics_port_)) metrics_port_ = 0;
  return absl::OkStatus();
}

void Process::Signal(int number) {
  if (running()) kill(pid_, number);
}

void Process::Pause() {
  Signal(SIGSTOP);
  if (wait_status_.has_value()) return;
  // Reported when all threads have stopped; how it ended is left to Reap.
  siginfo_t how = {};
  while (waitid(P_PID, static_cast<id_t>(pid_), &how, WSTOPPED | WEXITED | WNOWAIT) != 0) {
    if (errno != EINTR) break;
  }
}

void Process::Resume() { Signal(SIGCONT); }

void Process::Kill() {
  Signal(SIGKILL);
  Reap(/*block=*/true);
}

absl::StatusOr<int> Process::Wait(absl::Duration limit) {
  if (!Eventually(limit, [&] { return !running(); })) {
    return absl::DeadlineExceededError(absl::StrCat(options_.name, " still runs:\n", Tail(Log())));
  }
  return *wait_status_;
}

absl::StatusOr<int> Process::Stop(absl::Duration limit) {
  Signal(SIGTERM);
  auto status = Wait(limit);
  if (!status.ok()) Kill();
  return status;
}

std::string Process::Output() const {
  const std::string all = ReadAll(absl::StrCat(options_.log_dir, "/", options_.name, ".out"));
  return all.size() > output_start_ ? all.substr(output_start_) : "";
}

std::string Process::Log() const {
  return ReadAll(absl::StrCat(options_.log_dir, "/", options_.name, ".log"));
}

std::string BinaryPath(const std::string& name) {
  const char* directory = std::getenv("MEROS_BIN_DIR");
  return absl::StrCat(directory == nullptr ? "build/release/bin" : directory, "/", name);
}

void PollPause() { usleep(5000); }
absl::Time PollNow() { return runtime::ProcessClock::Get().Now(); }

}  // namespace meros::testing
