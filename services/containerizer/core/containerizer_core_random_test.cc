// Goal: whatever clients ask and whatever the kernel does, every launch that was answered LAUNCHED
// ends in exactly one termination, and the books stay right. A random shell answers effects late,
// in any order across containers, and often with failures; everything comes from one seed.
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "libs/base/rng.h"
#include "services/containerizer/core/containerizer_core.h"

namespace meros::containerizer {
namespace {

class RandomShell {
 public:
  explicit RandomShell(uint64_t seed) : rng_(seed) { Step(StreamOpened{1}); }

  void RandomRequest() {
    v1::Request request;
    request.set_request_id(++request_id_);
    const std::string id = absl::StrCat("c", rng_.Uniform(0, 9));
    switch (rng_.Uniform(0, 6)) {
      case 0:
      case 1: {
        v1::LaunchSpec* const spec = request.mutable_launch()->mutable_spec();
        spec->set_container_id(id);
        spec->mutable_command()->set_value("true");
        spec->set_sandbox_directory("/tmp");
        launches_[request_id_] = id;
        break;
      }
      case 2:
        request.mutable_stop()->set_container_id(id);
        request.mutable_stop()->set_grace_ms(rng_.Uniform(0, 3) * 1000);
        break;
      case 3:
        request.mutable_destroy()->set_container_id(id);
        break;
      case 4:
        request.mutable_remove()->set_container_id(id);
        removes_[request_id_] = id;
        break;
      case 5:
        request.mutable_kill()->set_container_id(id);
        request.mutable_kill()->set_signal(static_cast<uint32_t>(rng_.Uniform(1, 20)));
        break;
      default:
        request.mutable_update()->set_container_id(id);
        break;
    }
    Step(RequestReceived{1, request});
  }

  // Answers one outstanding effect of a random container.
  void RandomAnswer() {
    if (outstanding_.empty()) return;
    auto at = outstanding_.begin();
    std::advance(at, rng_.Uniform(0, outstanding_.size() - 1));
    Input answer = std::move(at->second.front());
    at->second.pop_front();
    if (at->second.empty()) outstanding_.erase(at);
    Step(std::move(answer));
  }

  void RandomEvent() {
    const ContainerId id(absl::StrCat("c", rng_.Uniform(0, 9)));
    if (rng_.Chance(0.8)) return Step(ProcessEnded{id});
    Step(MemoryLimitHit{id});
  }

  void PassTime() {
    now_ += absl::Milliseconds(static_cast<int64_t>(rng_.Uniform(1, 2000)));
    if (core_.NextDeadline() <= now_) Step(runtime::Tick{});
  }

  // Ends all containers without further failures.
  void Settle() {
    failure_rate_ = 0;
    for (int i = 0; i < 10; ++i) {
      v1::Request request;
      request.set_request_id(++request_id_);
      request.mutable_destroy()->set_container_id(absl::StrCat("c", i));
      Step(RequestReceived{1, request});
    }
    for (int round = 0; round < 1000; ++round) {
      while (!outstanding_.empty()) RandomAnswer();
      now_ += absl::Seconds(31);
      if (core_.NextDeadline() <= now_) Step(runtime::Tick{});
    }
  }

  // Containers that are launched and have not terminated.
  const std::set<std::string>& alive() const { return alive_; }
  int terminations() const { return terminations_; }

 private:
  void Step(Input input) {
    std::vector<Effect> effects;
    core_.Step(now_, std::move(input), &effects);
    core_.CheckInvariants();
    for (Effect& effect : effects) std::visit([this](auto& e) { Do(e); }, effect);
  }

  absl::Status Outcome() {
    return rng_.Chance(failure_rate_) ? absl::InternalError("injected") : absl::OkStatus();
  }
  void Later(const ContainerId& id, Input answer) { outstanding_[id].push_back(std::move(answer)); }

  void Do(const RecordLaunch& e) {
    const ContainerId id(e.spec.container_id());
    Later(id, LaunchRecorded{id, Outcome()});
  }
  void Do(const StartContainer& e) {
    const ContainerId id(e.spec.container_id());
    Later(id, StartFinished{id, Outcome(), 1, 1});
  }
  void Do(const SignalContainer&) {}
  void Do(const KillContainer& e) { Later(e.id, KillFinished{e.id, Outcome(), {}}); }
  void Do(const StoreTermination& e) { Later(e.id, TerminationStored{e.id, Outcome()}); }
  void Do(const CleanUpContainer& e) { Later(e.id, CleanUpFinished{e.id, Outcome()}); }
  void Do(const UpdateResources& e) {
    Later(e.id, UpdateFinished{e.id, Outcome(), {}, e.stream, e.request_id});
  }
  void Do(const ReadUsage&) {}
  void Do(const RemoveRecords& e) { Later(e.id, RecordsRemoved{e.id, Outcome()}); }
  void Do(const Send& e) {
    const v1::Response& response = e.response;
    if (response.body_case() == v1::Response::kLaunch &&
        response.launch().result() == v1::LaunchResponse::LAUNCHED) {
      EXPECT_TRUE(alive_.insert(launches_[response.request_id()]).second);
    }
    if (response.body_case() == v1::Response::kTerminated) {
      EXPECT_EQ(alive_.erase(response.terminated().container_id()), 1u);
      ++terminations_;
    }
    if (response.body_case() == v1::Response::kRemove) {
      EXPECT_EQ(alive_.count(removes_[response.request_id()]), 0u);
    }
  }

  Rng rng_;
  absl::Time now_ = absl::FromUnixSeconds(1000);
  ContainerizerCore core_{CoreOptions{.containers_max = 8}};
  double failure_rate_ = 0.3;
  uint64_t request_id_ = 0;
  std::map<ContainerId, std::deque<Input>> outstanding_;
  std::map<uint64_t, std::string> launches_, removes_;
  std::set<std::string> alive_;
  int terminations_ = 0;
};

TEST(ContainerizerCoreRandom, EveryLaunchEndsInExactlyOneTermination) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    RandomShell shell(seed);
    Rng rng(seed * 7919);
    for (int step = 0; step < 2000; ++step) {
      switch (rng.Uniform(0, 3)) {
        case 0:
          shell.RandomRequest();
          break;
        case 1:
          shell.RandomAnswer();
          break;
        case 2:
          shell.RandomEvent();
          break;
        default:
          shell.PassTime();
          break;
      }
      if (::testing::Test::HasFailure()) return;
    }
    shell.Settle();
    EXPECT_TRUE(shell.alive().empty());
    EXPECT_GT(shell.terminations(), 10);
  }
}

}  // namespace
}  // namespace meros::containerizer
