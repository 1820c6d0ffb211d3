// A scheduler for tests: keeps every offer and update it hears of, in order, and lets the test's
// thread wait for what it needs.
//
// Thread rule: thread-safe.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/base/mutex.h"
#include "libs/testing/process.h"
#include "sdk/cpp/scheduler_driver.h"

namespace meros::integration {

class RecordingScheduler : public sdk::Scheduler {
 public:
  void Registered(sdk::SchedulerDriver*, const std::string& framework_id,
                  const meros::v1::MasterInfo&, sdk::Registration) override {
    MutexLock lock(&mutex_);
    framework_id_ = framework_id;
    ++subscriptions_;
    offers_.clear();  // those from before a break are void
  }
  void ResourceOffers(sdk::SchedulerDriver*, const std::vector<meros::v1::Offer>& offers) override {
    MutexLock lock(&mutex_);
    offers_.insert(offers_.end(), offers.begin(), offers.end());
    largest_event_ = std::max(largest_event_, offers.size());
  }
  void OfferRescinded(sdk::SchedulerDriver*, const meros::v1::OfferID& id) override {
    MutexLock lock(&mutex_);
    std::erase_if(offers_, [&](const auto& offer) { return offer.id().value() == id.value(); });
  }
  void InverseOffers(sdk::SchedulerDriver*,
                     const std::vector<meros::v1::InverseOffer>& offers) override {
    MutexLock lock(&mutex_);
    inverse_offers_.insert(inverse_offers_.end(), offers.begin(), offers.end());
  }
  void InverseOfferRescinded(sdk::SchedulerDriver*, const meros::v1::OfferID& id) override {
    MutexLock lock(&mutex_);
    std::erase_if(inverse_offers_,
                  [&](const auto& offer) { return offer.id().value() == id.value(); });
    ++inverse_rescinds_;
  }
  void StatusUpdate(sdk::SchedulerDriver*, const meros::v1::TaskStatus& status) override {
    MutexLock lock(&mutex_);
    updates_[status.task_id().value()].push_back(status);
  }
  void OperationUpdate(sdk::SchedulerDriver*, const meros::v1::OperationStatus& status) override {
    MutexLock lock(&mutex_);
    operations_[status.operation_id().value()].push_back(status.state());
  }
  void GangEnded(sdk::SchedulerDriver*,
                 const meros::v1::scheduler::Event::GangEnded& gang) override {
    MutexLock lock(&mutex_);
    ended_gangs_.push_back(gang);
  }
  void Ended(sdk::SchedulerDriver*, const absl::Status& status) override {
    MutexLock lock(&mutex_);
    ended_.push_back(status);
  }

  // The oldest unused offer, waiting for one.
  std::optional<meros::v1::Offer> WaitOffer(absl::Duration limit = absl::Seconds(60)) {
    return WaitFirst(&offers_, limit);
  }
  std::optional<meros::v1::InverseOffer> WaitInverseOffer(
      absl::Duration limit = absl::Seconds(60)) {
    return WaitFirst(&inverse_offers_, limit);
  }

  // Waits for an update of the task in that state; nothing if it does not come.
  std::optional<meros::v1::TaskStatus> WaitState(const std::string& task,
                                                 meros::v1::TaskState state,
                                                 absl::Duration limit = absl::Seconds(60)) {
    std::optional<meros::v1::TaskStatus> found;
    testing::Eventually(limit, [&] {
      MutexLock lock(&mutex_);
      for (const auto& status : updates_[task]) {
        if (status.state() == state) found = status;
      }
      return found.has_value();
    });
    return found;
  }

  // Whether an operation comes to be in that state.
  bool WaitOperation(const std::string& operation, meros::v1::OperationState state,
                     absl::Duration limit = absl::Seconds(60)) {
    return testing::Eventually(limit, [&] {
      MutexLock lock(&mutex_);
      const auto& states = operations_[operation];
      return std::find(states.begin(), states.end(), state) != states.end();
    });
  }

  std::vector<meros::v1::TaskStatus> updates(const std::string& task) const {
    MutexLock lock(&mutex_);
    const auto it = updates_.find(task);
    return it == updates_.end() ? std::vector<meros::v1::TaskStatus>() : it->second;
  }
  std::string framework_id() const {
    MutexLock lock(&mutex_);
    return framework_id_;
  }
  int subscriptions() const {
    MutexLock lock(&mutex_);
    return subscriptions_;
  }
  std::vector<absl::Status> ended() const {
    MutexLock lock(&mutex_);
    return ended_;
  }
  // Of the events with offers so far, the most offers in one.
  size_t largest_event() const {
    MutexLock lock(&mutex_);
    return largest_event_;
  }
  std::vector<meros::v1::scheduler::Event::GangEnded> ended_gangs() const {
    MutexLock lock(&mutex_);
    return ended_gangs_;
  }
  // Inverse offers that were taken back.
  int inverse_rescinds() const {
    MutexLock lock(&mutex_);
    return inverse_rescinds_;
  }
  bool has_offers() const {
    MutexLock lock(&mutex_);
    return !offers_.empty();
  }

 private:
  template <typename T>
  std::optional<T> WaitFirst(std::deque<T>* queue, absl::Duration limit) {
    std::optional<T> found;
    testing::Eventually(limit, [&] {
      MutexLock lock(&mutex_);
      if (queue->empty()) return false;
      found = std::move(queue->front());
      queue->pop_front();
      return true;
    });
    return found;
  }

  mutable Mutex mutex_;
  std::string framework_id_ MEROS_GUARDED_BY(mutex_);
  int subscriptions_ MEROS_GUARDED_BY(mutex_) = 0;
  std::deque<meros::v1::Offer> offers_ MEROS_GUARDED_BY(mutex_);
  std::deque<meros::v1::InverseOffer> inverse_offers_ MEROS_GUARDED_BY(mutex_);
  int inverse_rescinds_ MEROS_GUARDED_BY(mutex_) = 0;
  std::map<std::string, std::vector<meros::v1::TaskStatus>> updates_ MEROS_GUARDED_BY(mutex_);
  std::map<std::string, std::vector<meros::v1::OperationState>> operations_
      MEROS_GUARDED_BY(mutex_);
  std::vector<absl::Status> ended_ MEROS_GUARDED_BY(mutex_);
  size_t largest_event_ MEROS_GUARDED_BY(mutex_) = 0;
  std::vector<meros::v1::scheduler::Event::GangEnded> ended_gangs_ MEROS_GUARDED_BY(mutex_);
};

inline meros::v1::Resource ScalarResource(const std::string& name, double amount) {
  meros::v1::Resource resource;
  resource.set_name(name);
  resource.set_type(meros::v1::Value::SCALAR);
  resource.mutable_scalar()->set_value(amount);
  return resource;
}

inline double Amount(const google::protobuf::RepeatedPtrField<meros::v1::Resource>& resources,
                     const std::string& name) {
  double sum = 0;
  for (const auto& resource : resources) {
    if (resource.name() == name) sum += resource.scalar().value();
  }
  return sum;
}

inline meros::v1::TaskInfo ShellTask(const std::string& id, const meros::v1::Offer& offer,
                                     double cpus, double mem, const std::string& command) {
  meros::v1::TaskInfo task;
  task.set_name(id);
  task.mutable_task_id()->set_value(id);
  *task.mutable_agent_id() = offer.agent_id();
  *task.add_resources() = ScalarResource("cpus", cpus);
  *task.add_resources() = ScalarResource("mem", mem);
  task.mutable_command()->set_value(command);
  return task;
}

inline meros::v1::FrameworkInfo Framework(const std::string& name) {
  using Capability = meros::v1::FrameworkInfo::Capability;
  meros::v1::FrameworkInfo info;
  info.set_name(name);
  info.set_user("root");
  info.add_roles("*");
  info.set_failover_timeout(600);
  info.set_checkpoint(true);
  for (auto type :
       {Capability::MULTI_ROLE, Capability::PARTITION_AWARE, Capability::TASK_KILLING_STATE}) {
    info.add_capabilities()->set_type(type);
  }
  return info;
}

}  // namespace meros::integration
