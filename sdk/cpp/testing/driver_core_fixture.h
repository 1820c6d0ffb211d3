// What tests of the driver's core share: a core with two masters, whose clock and streams the test
// moves.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "sdk/cpp/driver_core.h"

namespace meros::sdk {

class DriverCoreTest : public ::testing::Test {
 protected:
  using Call = meros::v1::scheduler::Call;
  using Event = meros::v1::scheduler::Event;

  explicit DriverCoreTest(DriverCoreOptions options = Options()) : core_(std::move(options)) {}

  static DriverCoreOptions Options() {
    DriverCoreOptions options;
    options.masters = {"a:1", "b:2"};
    options.framework.set_name("test");
    options.framework.add_roles("web");
    return options;
  }

  std::vector<DriverCore::Effect> Step(DriverCore::Input input) {
    std::vector<DriverCore::Effect> out;
    core_.Step(now_, std::move(input), &out);
    return out;
  }

  // All effects of one kind.
  template <typename T>
  static std::vector<T> Of(const std::vector<DriverCore::Effect>& effects) {
    std::vector<T> found;
    for (const auto& effect : effects) {
      if (const T* match = std::get_if<T>(&effect)) found.push_back(*match);
    }
    return found;
  }
  static std::vector<Call::Type> Sent(const std::vector<DriverCore::Effect>& effects) {
    std::vector<Call::Type> types;
    for (const auto& send : Of<DriverCore::Send>(effects)) types.push_back(send.call.type());
    return types;
  }

  static DriverCore::Stop AskToTearDown() { return {DriverCore::Stop::Tasks::kTearDown}; }

  static Event Error(const std::string& message) {
    Event error;
    error.set_type(Event::ERROR);
    error.mutable_error()->set_message(message);
    return error;
  }

  // Steps a Tick at the core's own deadline.
  std::vector<DriverCore::Effect> Wake() {
    now_ = core_.NextDeadline();
    return Step(runtime::Tick{});
  }

  static Event Subscribed() {
    Event event;
    event.set_type(Event::SUBSCRIBED);
    event.mutable_subscribed()->mutable_framework_id()->set_value("f1");
    event.mutable_subscribed()->set_heartbeat_interval_seconds(15);
    return event;
  }
  std::vector<DriverCore::Effect> Subscribe(StreamId stream) {
    return Step(DriverCore::Received{stream, Subscribed()});
  }

  static Event Update(const std::string& task, meros::v1::TaskState state,
                      const std::string& uuid) {
    Event event;
    event.set_type(Event::UPDATE);
    auto* status = event.mutable_update()->mutable_status();
    status->mutable_task_id()->set_value(task);
    status->mutable_agent_id()->set_value("agent1");
    status->set_state(state);
    if (!uuid.empty()) status->set_uuid(uuid);
    return event;
  }

  // What a master says of a task of its own accord.
  static Event Word(const std::string& task, meros::v1::TaskState state,
                    meros::v1::TaskStatus::Reason reason) {
    Event event = Update(task, state, "");
    event.mutable_update()->mutable_status()->set_reason(reason);
    return event;
  }

  static Call Launch(const std::string& task) {
    Call call;
    call.set_type(Call::ACCEPT);
    auto* info = call.mutable_accept()->add_operations()->mutable_launch()->add_task_infos();
    info->mutable_task_id()->set_value(task);
    info->mutable_agent_id()->set_value("agent1");
    return call;
  }

  static Call Kill(const std::string& task) {
    Call call;
    call.set_type(Call::KILL);
    call.mutable_kill()->mutable_task_id()->set_value(task);
    return call;
  }

  DriverCore core_;
  absl::Time now_ = absl::FromUnixSeconds(1000);
};

}  // namespace meros::sdk
