// meros run: runs one task to its end; the exit code is the task's.
#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <memory>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/follow.h"
#include "cli/format.h"
#include "cli/run_scheduler.h"
#include "cli/verbs.h"
#include "libs/base/ids.h"
#include "libs/base/mutex.h"
#include "libs/base/rng.h"
#include "libs/base/status_macros.h"
#include "libs/runtime/random_seed.h"
#include "libs/runtime/signals.h"

namespace meros::cli {
namespace {

struct RunOptions {
  std::string command;
  std::vector<std::string> arguments;  // after --, run without a shell
  std::string name = "run";
  std::string role = "*";
  std::string user;
  double cpus = 0.1, mem_mb = 32, disk_mb = 0;
  std::vector<std::string> env;
  bool follow = false, detach = false;
  double kill_grace_seconds = 5;
};

std::string CurrentUser() {
  const passwd* entry = getpwuid(geteuid());
  return entry != nullptr ? entry->pw_name : absl::StrCat(geteuid());
}

void AddScalar(const std::string& name, double amount, const std::string& role,
               meros::v1::TaskInfo* task) {
  if (amount <= 0) return;
  meros::v1::Resource* resource = task->add_resources();
  resource->set_name(name);
  resource->set_type(meros::v1::Value::SCALAR);
  resource->mutable_scalar()->set_value(amount);
  resource->mutable_allocation_info()->set_role(role);
}

absl::StatusOr<meros::v1::TaskInfo> MakeTask(const RunOptions& options) {
  if (options.command.empty() == options.arguments.empty()) {
    return absl::InvalidArgumentError("give either --command TEXT or, after --, a program");
  }
  const absl::Status name_status = ValidateId(options.name);
  if (!name_status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("--name: ", name_status.message()));
  }
  meros::v1::TaskInfo task;
  task.set_name(options.name);
  Rng rng(runtime::RandomSeed());
  task.mutable_task_id()->set_value(
      absl::StrFormat("%s-%08x", options.name.substr(0, 200), static_cast<uint32_t>(rng.Next())));
  AddScalar("cpus", options.cpus, options.role, &task);
  AddScalar("mem", options.mem_mb, options.role, &task);
  AddScalar("disk", options.disk_mb, options.role, &task);
  auto* command = task.mutable_command();
  if (!options.command.empty()) {
    command->set_value(options.command);
  } else {
    command->set_shell(false);
    command->set_value(options.arguments[0]);
    for (const std::string& argument : options.arguments) command->add_arguments(argument);
  }
  if (!options.user.empty()) command->set_user(options.user);
  for (const std::string& entry : options.env) {
    const size_t at = entry.find('=');
    if (at == std::string::npos || at == 0) {
      return absl::InvalidArgumentError(absl::StrCat("--env: want NAME=VALUE, got '", entry, "'"));
    }
    auto* variable = command->mutable_environment()->add_variables();
    variable->set_name(entry.substr(0, at));
    variable->set_value(entry.substr(at + 1));
  }
  task.mutable_kill_policy()->mutable_grace_period()->set_nanoseconds(
      static_cast<int64_t>(options.kill_grace_seconds * 1e9));
  return task;
}

meros::v1::FrameworkInfo MakeFramework(const RunOptions& options) {
  using Capability = meros::v1::FrameworkInfo::Capability;
  meros::v1::FrameworkInfo framework;
  framework.set_name(absl::StrCat("meros run ", options.name));
  framework.set_user(options.user.empty() ? CurrentUser() : options.user);
  framework.add_roles(options.role);
  framework.set_checkpoint(true);
  // Long enough for a master to fail over; for ever (a year) when nobody waits here for the end.
  framework.set_failover_timeout(options.detach ? 365.0 * 86400 : 600);
  for (auto type :
       {Capability::MULTI_ROLE, Capability::PARTITION_AWARE, Capability::TASK_KILLING_STATE}) {
    framework.add_capabilities()->set_type(type);
  }
  return framework;
}

// Copies the task's output and error output while it runs.
class OutputFollowers {
 public:
  // ERRORS: no leader, or the task is unknown there.
  absl::Status Start(const ConnectionOptions& connection, const std::string& framework_id,
                     const std::string& task_id) {
    MEROS_ASSIGN_OR_RETURN(Cluster cluster, Cluster::Connect(connection));
    cluster_ = std::make_unique<Cluster>(std::move(cluster));
    meros::v1::master::GetTaskRequest request;
    request.mutable_framework_id()->set_value(framework_id);
    request.mutable_task_id()->set_value(task_id);
    MEROS_ASSIGN_OR_RETURN(auto task, cluster_->Call(&Cluster::MasterStub::GetTask, request));
    meros::v1::agent::SandboxPath file;
    *file.mutable_framework_id() = request.framework_id();
    *file.mutable_task_id() = request.task_id();
    for (auto [path, out] : {std::pair("stdout", stdout), std::pair("stderr", stderr)}) {
      file.set_path(path);
      followers_.push_back(std::make_unique<FileFollower>(
          cluster_.get(), task.task().agent_service_address(), file, out));
      threads_.emplace_back([follower = followers_.back().get()] {
        const absl::Status status = follower->Follow(FileFollower::Mode::kFollow, 0);
        if (!status.ok()) Complain(status);
      });
    }
    return absl::OkStatus();
  }

  // Waits until everything the task wrote is copied.
  ~OutputFollowers() {
    for (std::thread& thread : threads_) thread.join();
  }

  void Cancel() {
    for (auto& follower : followers_) follower->Cancel();
  }

  static void Complain(const absl::Status& status) {
    std::fprintf(stderr, "meros: cannot follow the task's output: %s\n",
                 std::string(status.message()).c_str());
  }

 private:
  std::unique_ptr<Cluster> cluster_;
  std::vector<std::unique_ptr<FileFollower>> followers_;
  std::vector<std::thread> threads_;
};

void Report(const meros::v1::TaskStatus& end) {
  if (end.state() == meros::v1::TASK_FINISHED) return;
  std::fprintf(stderr, "meros: the task ended %s%s%s%s%s\n", StateName(end.state()).c_str(),
               end.has_reason() ? ", " : "",
               end.has_reason() ? meros::v1::TaskStatus::Reason_Name(end.reason()).c_str() : "",
               end.message().empty() ? "" : ": ", Printable(end.message()).c_str());
}

// While it lives, turns the first SIGINT or SIGTERM into a kill of the task; the second ends this
// program at once. Its thread waits for signals as long as the process lives, longer than the
// driver, so the two share a state in which the driver can be taken back.
class SignalWatch {
 public:
  SignalWatch(sdk::SchedulerDriver* driver, const meros::v1::TaskID& task)
      : state_(std::make_shared<State>()) {
    {
      MutexLock lock(&state_->mutex);
      state_->driver = driver;
    }
    std::thread([state = state_, task] {
      runtime::WaitForStopSignal();
      std::fprintf(stderr, "meros: killing the task (again to give up on it)\n");
      {
        MutexLock lock(&state->mutex);
        if (state->driver != nullptr) state->driver->KillTask(task);
      }
      const int number = runtime::WaitForStopSignal();
      _exit(128 + number);
    }).detach();
  }
  ~SignalWatch() {
    MutexLock lock(&state_->mutex);
    state_->driver = nullptr;
  }

 private:
  struct State {
    Mutex mutex;
    sdk::SchedulerDriver* driver MEROS_GUARDED_BY(mutex) = nullptr;
  };
  const std::shared_ptr<State> state_;
};

int Run(const Common& common, const RunOptions& options) {
  const auto task = MakeTask(options);
  if (!task.ok()) return Fail(task.status());
  runtime::BlockStopSignals();  // before gRPC starts threads, which would take the signals
                                // otherwise
  // Says at once when no master answers, instead of waiting for offers for ever.
  const auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return Fail(cluster.status());
  RunScheduler scheduler(*task, /*quiet=*/common.json);
  sdk::SchedulerDriver driver(&scheduler, {.masters = common.connection.masters,
                                           .framework = MakeFramework(options),
                                           .tls = common.connection.tls});
  const absl::Status started = driver.Start();
  if (!started.ok()) return Fail(started);
  const SignalWatch signals(&driver, task->task_id());
  if (!scheduler.WaitStarted()) return Fail(scheduler.driver_status());
  if (options.detach) {
    driver.Detach();
    (void)driver.Join();
    std::printf("%s\n", task->task_id().value().c_str());
    return 0;
  }
  if (!options.follow && !common.json) {
    std::fprintf(stderr, "meros: task %s runs\n", task->task_id().value().c_str());
  }
  std::optional<meros::v1::TaskStatus> end;
  {
    OutputFollowers output;
    if (options.follow) {
      const absl::Status following =
          output.Start(common.connection, scheduler.framework_id(), task->task_id().value());
      if (!following.ok()) OutputFollowers::Complain(following);
    }
    end = scheduler.WaitEnded();
    if (!end.has_value()) output.Cancel();
  }
  if (!end.has_value()) return Fail(scheduler.driver_status());
  driver.Stop();
  (void)driver.Join();
  if (common.json) {
    std::printf("%s\n", Json(*end).c_str());
  } else {
    Report(*end);
  }
  return RunScheduler::ExitCode(*end);
}

}  // namespace

void AddRun(CLI::App* app, Common* common) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* verb = app->add_subcommand("run", "Runs a task; the exit code is the task's");
  const auto positive = CLI::Range(0.001, 1e9);
  verb->add_option("--command", options->command, "Shell command to run");
  verb->add_option("program", options->arguments, "Program and arguments, run without a shell");
  verb->add_option("--name", options->name, "Name of the task, and start of its id");
  verb->add_option("--cpus", options->cpus, "CPUs")->check(positive);
  verb->add_option("--mem", options->mem_mb, "Memory, MB")->check(positive);
  verb->add_option("--disk", options->disk_mb, "Disk, MB")->check(CLI::Range(0.0, 1e12));
  verb->add_option("--env", options->env, "Environment variable NAME=VALUE; may be repeated")
      ->allow_extra_args(false);
  verb->add_option("--role", options->role, "Role that is charged");
  verb->add_option("--user", options->user, "User to run as; default: you");
  verb->add_option("--kill_grace", options->kill_grace_seconds, "Seconds from SIGTERM to SIGKILL")
      ->check(CLI::Range(0.0, 86400.0));
  CLI::Option* follow =
      verb->add_flag("-f,--follow", options->follow, "Prints what the task writes");
  verb->add_flag("-d,--detach", options->detach,
                 "Prints the task id when it runs, and leaves it running")
      ->excludes(follow);
  verb->callback([=] { common->chosen = [=] { return Run(*common, *options); }; });
}

}  // namespace meros::cli
