// What a scheduler driver decides, without threads or network: to which master to connect and when
// again, what to re-send after a break, which updates are new, when to reconcile.
//
//        Start                  open ok, SUBSCRIBED
//  IDLE ──(1)──▶ CONNECTING ────────(2)──────────▶ SUBSCRIBED
//                  ▲    │ closed, no SUBSCRIBED       │ closed, or silent for 5 heartbeats
//               (4)│    └──(3)──▶ BACKING_OFF ◀──(5)──┘
//                  └──────delay over──┘
//  any ──(6) Stop, or an error that reconnecting cannot cure──▶ ENDED
//
//  A Stop that tears down goes on, through as many masters as it takes, until one says that the
//  framework has been removed: TEARDOWN is sent after every SUBSCRIBED, and the scheduler hears
//  only the end.
//
//  (1) the first master of the list; (3) the leader a follower named is tried at once, otherwise
//  the next master after a delay with jitter, which is told of one that did not answer: should it
//  take that one for the leader it answers when it knows of the next; (5) outstanding offers are
//  void, the scheduler is told; (2) kills still unanswered are sent again; a framework that was
//  known before asks what runs at all, then for the unfinished and the lost tasks that the answers
//  left out, again and again at growing intervals until each has been heard of (spec of the v1 API:
//  clients must reconcile). All of it is repeated after a long interval.
//
//  A kill is sent again whenever a master says that the task runs: it was asked, or the agent came
//  back. So it outlives TASK_LOST, which a master takes back with the agent.
//
// Owned by SchedulerDriver. Thread rule: strand-confined.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/base/ids.h"
#include "libs/base/rng.h"
#include "libs/runtime/backoff.h"
#include "libs/runtime/leader_search.h"
#include "libs/runtime/tick.h"
#include "meros/v1/scheduler/scheduler.pb.h"

namespace meros::sdk {

struct DriverCoreOptions {
  std::vector<std::string> masters;    // host:port, at least one
  meros::v1::FrameworkInfo framework;  // id set to take over an earlier subscription
  runtime::BackoffOptions reconnect = {.initial = absl::Milliseconds(200),
                                       .maximum = absl::Seconds(5)};
  absl::Duration connect_timeout = absl::Seconds(10);  // from opening to SUBSCRIBED
  runtime::BackoffOptions reconcile = {.initial = absl::Seconds(2), .maximum = absl::Minutes(1)};
  absl::Duration teardown_timeout = absl::Minutes(1);  // from Stop to the master's word
  // What runs at all is asked again so long after every task has been heard of.
  absl::Duration reconcile_interval = absl::Minutes(15);
  // Ends of tasks, some 200 bytes each, and as many losses that may be taken back.
  size_t ends_remembered = 10000;
  uint64_t seed = 1;
};

enum class DriverState { kIdle, kConnecting, kBackingOff, kSubscribed, kEnded };

class DriverCore {
 public:
  // ---- inputs ----
  struct Start {};
  // End the driver. Keep: leave tasks running for a later driver with the same framework id.
  struct Stop {
    enum class Tasks { kTearDown, kKeep } tasks;
  };
  struct Received {
    StreamId stream;
    meros::v1::scheduler::Event event;
  };
  struct Closed {
    StreamId stream;
    absl::Status status;
  };
  // A call of the scheduler; framework_id is filled in here.
  struct UserCall {
    meros::v1::scheduler::Call call;
  };
  using Input = std::variant<runtime::Tick, Start, Stop, Received, Closed, UserCall>;

  // ---- effects ----
  struct Open {
    StreamId stream;
    std::string address;
  };
  struct Send {
    StreamId stream;
    meros::v1::scheduler::Call call;
  };
  struct Close {
    StreamId stream;
    enum class How { kAfterQueued, kAtOnce } how;
  };
  // For the scheduler, in this order.
  struct Subscribed {
    std::string framework_id;
    meros::v1::MasterInfo master;
    bool again;  // true after a break
  };
  struct Disconnected {
    absl::Status reason;
  };
  struct Deliver {
    meros::v1::scheduler::Event event;
  };
  // The last effect of every driver: OK after Stop, otherwise why it gave up; DeadlineExceeded when
  // no master confirmed in time that the framework is removed.
  struct Ended {
    absl::Status status;
  };
  using Effect = std::variant<Open, Send, Close, Subscribed, Disconnected, Deliver, Ended>;

  explicit DriverCore(DriverCoreOptions options);

  void Step(absl::Time now, Input input, std::vector<Effect>* out);
  absl::Time NextDeadline() const;

  DriverState state() const { return state_; }

 private:
  struct KnownTask {
    std::string agent_id;
    std::string last_uuid;    // of the newest delivered update; empty for none
    bool terminal = false;    // kept until that is acknowledged, or no longer kept as a loss
    bool may_return = false;  // terminal for now: it may come back with its agent
    bool unheard = false;     // not heard of since all were asked for
    bool kill_wanted = false;
    meros::v1::scheduler::Call kill;  // as the scheduler asked

    bool has_ended() const { return terminal && !may_return; }
  };

  void On(absl::Time now, const runtime::Tick&, std::vector<Effect>* out);
  void On(absl::Time now, const Start&, std::vector<Effect>* out);
  void On(absl::Time now, const Stop&, std::vector<Effect>* out);
  void On(absl::Time now, Received&, std::vector<Effect>* out);
  void On(absl::Time now, Closed&, std::vector<Effect>* out);
  void On(absl::Time now, UserCall&, std::vector<Effect>* out);

  // Of a driver that is tearing down.
  void OnWhileLeaving(absl::Time now, const meros::v1::scheduler::Event& event,
                      std::vector<Effect>* out);
  void OpenStream(absl::Time now, std::vector<Effect>* out);
  void BackOff(absl::Time now, const absl::Status& reason, std::vector<Effect>* out);
  void End(absl::Status status, std::vector<Effect>* out);
  void OnSubscribed(absl::Time now, const meros::v1::scheduler::Event& event,
                    std::vector<Effect>* out);
  void OnUpdate(meros::v1::scheduler::Event* event, std::vector<Effect>* out);
  // Acknowledges it when the scheduler has heard it before.
  bool IsRepeated(const meros::v1::TaskStatus& status, std::vector<Effect>* out);
  bool IsOldEnd(const meros::v1::TaskStatus& status);
  // REQUIRES: the task is known, and has ended.
  void RememberEnd(const std::string& task_id);
  void RememberLoss(const std::string& task_id);
  void EnterSubscription(absl::Time now, const meros::v1::scheduler::Event& event);
  void SendTeardown(std::vector<Effect>* out);
  void SendCall(meros::v1::scheduler::Call call, std::vector<Effect>* out);
  void DropLaunches(const meros::v1::scheduler::Call& call, std::vector<Effect>* out);
  void RememberKill(const meros::v1::scheduler::Call& call);
  void RememberLaunches(const meros::v1::scheduler::Call& call);
  void RememberSuppression(const meros::v1::scheduler::Call& call);
  void AskForAll(absl::Time now, std::vector<Effect>* out);
  void Reconcile(absl::Time now, std::vector<Effect>* out);
  void AskUnheardByName(std::vector<Effect>* out);
  bool is_leaving() const { return leave_deadline_ != absl::InfiniteFuture(); }

  const DriverCoreOptions options_;
  meros::v1::FrameworkInfo framework_;
  Rng rng_;
  runtime::LeaderSearch search_;
  runtime::Backoff reconcile_backoff_;

  DriverState state_ = DriverState::kIdle;
  StreamId stream_ = 0;  // newest; events of older ones are ignored
  bool subscribed_before_ = false;
  absl::Duration silence_max_ = absl::Seconds(75);
  absl::Time state_deadline_ = absl::InfiniteFuture();  // timeout, end of delay, or silence
  absl::Time reconcile_deadline_ = absl::InfiniteFuture();
  bool all_due_ = false;  // then: what runs at all is asked, as all tasks have been heard of
  absl::Time leave_deadline_ = absl::InfiniteFuture();  // InfiniteFuture: it is not leaving
  std::map<std::string, KnownTask> tasks_;              // by task id
  // Ends that the scheduler has acknowledged, and those that masters told: uuids by task id, empty
  // for a master's, and their order. A master that dies may take an acknowledgement with it; then
  // the agent repeats the end.
  std::map<std::string, std::string> ends_;
  std::deque<std::string> ends_order_;
  std::deque<std::string> losses_;  // ids in the order in which they were told, some taken back
  std::set<std::string> suppressed_roles_;
};

}  // namespace meros::sdk
