// Drives a master core by hand: a clock that the test moves, inputs with short names, and the
// effects of each step. CheckInvariants is called after every step.
//
// Thread rule: thread-compatible.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "services/master/core/master_core.h"
#include "services/master/core/testing/trace.h"

namespace meros::master::testing {

inline MasterOptions TestOptions() {
  MasterOptions options;
  options.master_id = "m";
  options.advertise_address = "master:7050";
  options.fenced_max = absl::Minutes(2);
  return options;
}

// What a test says of a framework.
struct AFramework {
  std::string name = "f";
  std::string id;  // empty: new
  std::vector<std::string> roles = {"*"};
  bool partition_aware = true;
  absl::Duration failover_timeout = absl::Seconds(100);
  std::string principal;
  bool shared_resources = false;
};
Subscription SubscriptionOf(const AFramework& framework);

AgentDescription DescriptionOf(const std::string& key, const resources::Resources& total,
                               const std::string& id = "");

TaskLaunch ATask(const std::string& id, const std::string& agent_id,
                 const resources::Resources& resources);

ReportedTask AReportedTask(const std::string& id, const std::string& framework_id,
                           v1::TaskState state, const resources::Resources& resources);

class CoreDriver {
 public:
  explicit CoreDriver(MasterOptions options = TestOptions(), uint64_t seed = 1)
      : options_(options), core_(options, seed) {}

  // Steps and returns what it caused, traced; the effects themselves are in effects().
  std::vector<std::string> Do(Input input);
  // Moves the clock, stepping at every deadline on the way; returns what all of it caused. Lease
  // questions are answered while `registry_answers` is set.
  std::vector<std::string> Advance(absl::Duration by);

  // Makes the core lead with an empty registry, or with what `snapshot` holds. What that caused is
  // in effects().
  void Lead(uint64_t epoch = 1, RegistrySnapshot snapshot = {});
  // Answers all writes that were asked for, in order, until there are no more.
  std::vector<std::string> CommitWrites(absl::Status status = absl::OkStatus());

  // Shorthands for what most tests start with.
  std::vector<std::string> Subscribe(StreamId stream, const AFramework& framework = {});
  std::vector<std::string> Register(StreamId stream, const std::string& key,
                                    const resources::Resources& total);
  std::vector<std::string> ConnectAllocator(StreamId stream = 900);
  std::vector<std::string> Propose(uint64_t id, const std::string& framework,
                                   const std::string& agent, const resources::Resources& resources,
                                   const std::string& role = "*");
  // Parts on these agents, the first with proposal `id`.
  std::vector<std::string> ProposeGang(uint64_t id, const std::string& framework,
                                       const std::string& gang,
                                       const std::vector<std::string>& agents,
                                       const resources::Resources& each);
  std::vector<std::string> Call(StreamId stream, const std::string& framework,
                                SchedulerCall::Body body, uint64_t call = 0,
                                const std::string& request_id = "");
  // TEARDOWN, and its tombstone durable, with all that was to be written before.
  std::vector<std::string> Teardown(const std::string& framework, uint64_t call = 0);
  std::vector<std::string> Update(StreamId stream, const std::string& framework,
                                  const std::string& task, v1::TaskState state,
                                  const std::string& uuid);
  // The id of the offer with this number. Empty if there is none.
  OfferId Offer(uint64_t sequence) const;

  const EffectList& effects() const { return effects_; }
  // How often something was counted in effects().
  uint64_t Counts(Count what) const;
  void ForgetEffects() { effects_.clear(); }
  const MasterCore& core() const { return core_; }
  const Books& books() const { return core_.books(); }
  absl::Time now() const { return now_; }
  void set_now(absl::Time now) { now_ = now; }
  void set_registry_answers(bool answers) { registry_answers_ = answers; }
  const MasterOptions& options() const { return options_; }

 private:
  void Step(Input input, EffectList* out);

  const MasterOptions options_;
  MasterCore core_;
  absl::Time now_ = absl::UnixEpoch() + absl::Seconds(1000);
  EffectList effects_;
  std::vector<uint64_t> open_writes_;
  uint64_t epoch_ = 0;
  bool registry_answers_ = true;
};

}  // namespace meros::master::testing
