// The smallest useful framework: runs N tasks, each on whatever offer fits, and ends when all have.
//
//   meros-example-framework MASTER N        plaintext, for a ./quickstart cluster
#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "sdk/cpp/scheduler_driver.h"

namespace {

using meros::sdk::SchedulerDriver;
using meros::v1::Offer;
using meros::v1::Resource;
using meros::v1::TaskInfo;

Resource Scalar(const std::string& name, double amount) {
  Resource resource;
  resource.set_name(name);
  resource.set_type(meros::v1::Value::SCALAR);
  resource.mutable_scalar()->set_value(amount);
  return resource;
}

double Amount(const Offer& offer, const std::string& name) {
  double sum = 0;
  for (const Resource& resource : offer.resources()) {
    if (resource.name() == name) sum += resource.scalar().value();
  }
  return sum;
}

class Hello : public meros::sdk::Scheduler {
 public:
  explicit Hello(int wanted) : wanted_(wanted) {}

  void ResourceOffers(SchedulerDriver* driver, const std::vector<Offer>& offers) override {
    for (const Offer& offer : offers) {
      std::vector<TaskInfo> tasks;
      double cpus = Amount(offer, "cpus"), mem = Amount(offer, "mem");
      for (; launched_ < wanted_ && cpus >= 0.1 && mem >= 32; cpus -= 0.1, mem -= 32) {
        tasks.push_back(NextTask(offer));
      }
      if (tasks.empty()) {
        driver->DeclineOffer(offer.id());
      } else {
        driver->LaunchTasks({offer.id()}, tasks);
      }
    }
    if (launched_ == wanted_) driver->SuppressOffers();
  }

  void StatusUpdate(SchedulerDriver* driver, const meros::v1::TaskStatus& status) override {
    std::printf("%s %s %s\n", status.task_id().value().c_str(),
                meros::v1::TaskState_Name(status.state()).c_str(), status.message().c_str());
    switch (status.state()) {
      case meros::v1::TASK_FINISHED:
        if (++finished_ == wanted_) driver->Stop();
        return;
      case meros::v1::TASK_STAGING:
      case meros::v1::TASK_STARTING:
      case meros::v1::TASK_RUNNING:
        return;
      default:
        failed_ = true;
        driver->Stop();
    }
  }

  bool failed() const { return failed_; }

 private:
  TaskInfo NextTask(const Offer& offer) {
    TaskInfo task;
    task.set_name("hello");
    task.mutable_task_id()->set_value(absl::StrCat("hello-", ++launched_));
    *task.mutable_agent_id() = offer.agent_id();
    *task.add_resources() = Scalar("cpus", 0.1);
    *task.add_resources() = Scalar("mem", 32);
    task.mutable_command()->set_value("echo hello from $MESOS_TASK_ID");
    return task;
  }

  const int wanted_;
  int launched_ = 0;
  int finished_ = 0;
  bool failed_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 || std::atoi(argv[2]) < 1) {
    std::fprintf(stderr, "usage: %s MASTER_HOST:PORT NUMBER_OF_TASKS\n", argv[0]);
    return 2;
  }
  meros::v1::FrameworkInfo framework;
  framework.set_user("root");
  framework.set_name("hello");
  framework.add_roles("*");
  framework.add_capabilities()->set_type(meros::v1::FrameworkInfo::Capability::MULTI_ROLE);
  framework.add_capabilities()->set_type(meros::v1::FrameworkInfo::Capability::PARTITION_AWARE);

  Hello hello(std::atoi(argv[2]));
  SchedulerDriver driver(&hello,
                         {.masters = {argv[1]}, .framework = framework, .tls = {.insecure = true}});
  absl::Status status = driver.Start();
  if (status.ok()) status = driver.Join();
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() && !hello.failed() ? 0 : 1;
}
