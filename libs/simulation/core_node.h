// CoreNode runs a production core as a node of a World, as runtime::CoreStrand does in a process:
// inputs are drained in batches, stepped with one time, and the effects of the batch are applied in
// order.
//
// A binding is a subclass per service, the simulated counterpart of the service's shell:
//
//   class MasterNode : public CoreNode<master::Core> {
//     void Start() override { CoreNode::Start(); registry_ = context().Open("registry"); }
//     void OnStreamMessage(ConnectionId id, const std::string& bytes) override {
//       Post(wire::ToInput(id, bytes));                                  // parse, validate, post
//     }
//     void Apply(absl::Time now, Effect effect) override { ... }       // send, commit, open, close
//     std::string Describe(const Effect& effect) const override { ... }  // serialized, for the hash
//   };
//
// Before each effect the node may die; the effects after that point are never applied.
//
// Thread rule: thread-compatible; a simulation is one thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "libs/runtime/tick.h"
#include "libs/simulation/world.h"

namespace meros::simulation {

template <typename Core>
class CoreNode : public Node {
 public:
  using Input = typename Core::Input;
  using Effect = typename Core::Effect;

  // `context` is that of this incarnation.
  CoreNode(NodeContext* context, Core core) : context_(*context), core_(std::move(core)) {}

  // A binding that overrides this calls it.
  void Start() override { ArmDeadline(); }

  // An input that must not be lost: answers of collaborators.
  void Post(Input input) {
    mailbox_.push_back(std::move(input));
    ScheduleStep(absl::ZeroDuration());
  }

  // False when the mailbox is full: the binding refuses its peer, as the shell does.
  [[nodiscard]] bool TryPost(Input input) {
    if (mailbox_.size() >= context_.knobs().mailbox_max) return false;
    Post(std::move(input));
    return true;
  }

  // For workloads and invariants.
  const Core& core() const { return core_; }
  size_t queued() const { return mailbox_.size(); }

  // What a core that has no unary calls or streams may leave out.
  void OnCall(const std::string&, const std::string&) override {}
  void OnStreamOpen(ConnectionId, const std::string&) override {}
  void OnStreamMessage(ConnectionId, const std::string&) override {}
  void OnStreamClosed(ConnectionId, const absl::Status&) override {}

 protected:
  virtual void Apply(absl::Time now, Effect effect) = 0;
  virtual std::string Describe(const Effect& effect) const = 0;
  // All effects of a batch are applied: the place to write one frame per stream.
  virtual void OnBatchApplied(absl::Time now) {}

  NodeContext& context() { return context_; }

  // Another core begins in the place of this one, whose mailbox is dropped with it.
  void Replace(Core core) {
    core_ = std::move(core);
    mailbox_.clear();
    armed_for_ = absl::InfiniteFuture();
    ArmDeadline();
  }

 private:
  // Virtual time that a batch takes; keeps a core that wakes itself from stopping time.
  static constexpr absl::Duration kBatchTime = absl::Microseconds(10);

  void ScheduleStep(absl::Duration delay) {
    if (is_step_scheduled_) return;
    is_step_scheduled_ = true;
    context_.After(delay, [this] { StepBatch(); });
  }

  void ArmDeadline() {
    const absl::Time deadline = core_.NextDeadline();
    if (deadline == absl::InfiniteFuture() || deadline >= armed_for_) return;
    armed_for_ = deadline;
    context_.At(std::max(deadline, context_.Now() + kBatchTime), [this, deadline] {
      if (armed_for_ != deadline) return;  // an earlier deadline came in between
      armed_for_ = absl::InfiniteFuture();
      ScheduleStep(absl::ZeroDuration());
    });
  }

  void StepBatch() {
    is_step_scheduled_ = false;
    const absl::Time now = context_.Now();
    const size_t inputs = std::min(mailbox_.size(), context_.knobs().batch_max);
    std::vector<Effect> effects;
    for (size_t i = 0; i < inputs; ++i) {
      Input input = std::move(mailbox_.front());
      mailbox_.pop_front();
      core_.Step(now, std::move(input), &effects);
    }
    if (core_.NextDeadline() <= now) core_.Step(now, Input(runtime::Tick{}), &effects);
    core_.CheckInvariants();
    for (Effect& effect : effects) {
      if (!context_.Record(Describe(effect))) return;
      Apply(now, std::move(effect));
      if (!context_.IsAlive()) return;
    }
    if (!effects.empty()) OnBatchApplied(now);
    if (!context_.IsAlive()) return;
    if (!mailbox_.empty()) ScheduleStep(kBatchTime);
    ArmDeadline();
  }

  NodeContext& context_;
  Core core_;
  std::deque<Input> mailbox_;
  bool is_step_scheduled_ = false;
  absl::Time armed_for_ = absl::InfiniteFuture();
};

}  // namespace meros::simulation
