// Random inputs of every kind, valid and not, against one core: after each step the books must
// balance (CoreDriver checks), and the allocator, which follows the deltas alone, must have the
// same books.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/rng.h"
#include "services/master/core/testing/driver.h"

namespace meros::master::testing {
namespace {

using resources::Resources;

// What an allocator knows after a stream of messages.
class Mirror {
 public:
  void Apply(const EffectList& effects) {
    for (const Effect& effect : effects) {
      if (const auto* message = std::get_if<ToAllocator>(&effect)) Apply(*message);
    }
  }

  const std::map<std::tuple<std::string, std::string, std::string>, Resources>& held() const {
    return held_;
  }
  // Framework and name of each gang.
  const std::set<std::pair<std::string, std::string>>& gangs() const { return gangs_; }
  // When agents go away.
  const std::map<std::string, Unavailability>& away() const { return away_; }
  // What agents have, as far as it can be had.
  const std::map<std::string, Resources>& totals() const { return totals_; }
  uint64_t version() const { return version_; }

 private:
  void Apply(const ToAllocator& message) {
    if (const auto* begin = std::get_if<SnapshotBeginMessage>(message.message.get())) {
      held_.clear();
      gangs_.clear();
      away_.clear();
      totals_.clear();
      version_ = begin->version;
    }
    if (message.version != 0) {
      EXPECT_EQ(message.version, version_ + 1);
      version_ = message.version;
    }
    if (const auto* allocate = std::get_if<AllocateDelta>(message.message.get())) {
      held_[{allocate->agent_id.value(), allocate->framework_id.value(), allocate->role}] +=
          allocate->resources;
    } else if (const auto* recover = std::get_if<RecoverDelta>(message.message.get())) {
      const std::tuple key(recover->agent_id.value(), recover->framework_id.value(), recover->role);
      EXPECT_TRUE(held_[key].Contains(recover->resources)) << std::get<0>(key);
      held_[key] -= recover->resources;
      if (held_[key].empty()) held_.erase(key);
    } else if (const auto* gang = std::get_if<UpsertGangDelta>(message.message.get())) {
      EXPECT_TRUE(gangs_.emplace(gang->framework_id.value(), gang->gang_id).second);
    } else if (const auto* ended = std::get_if<RemoveGangDelta>(message.message.get())) {
      EXPECT_EQ(gangs_.erase({ended->framework_id.value(), ended->gang_id}), 1u);
    } else if (const auto* known = std::get_if<UpsertAgentDelta>(message.message.get())) {
      totals_[known->agent_id.value()] = known->total;
      away_.erase(known->agent_id.value());
      if (known->unavailability) away_.emplace(known->agent_id.value(), *known->unavailability);
    } else if (const auto* agent = std::get_if<RemoveAgentDelta>(message.message.get())) {
      away_.erase(agent->agent_id.value());
      totals_.erase(agent->agent_id.value());
      std::erase_if(held_,
                    [&](const auto& e) { return std::get<0>(e.first) == agent->agent_id.value(); });
    } else if (const auto* framework = std::get_if<RemoveFrameworkDelta>(message.message.get())) {
      std::erase_if(held_, [&](const auto& e) {
        return std::get<1>(e.first) == framework->framework_id.value();
      });
    }
  }

  std::map<std::tuple<std::string, std::string, std::string>, Resources> held_;
  std::set<std::pair<std::string, std::string>> gangs_;
  std::map<std::string, Unavailability> away_;
  std::map<std::string, Resources> totals_;
  uint64_t version_ = 0;
};

// The same from the master's books.
std::map<std::tuple<std::string, std::string, std::string>, Resources> HeldIn(const Books& books) {
  std::map<std::tuple<std::string, std::string, std::string>, Resources> held;
  for (const auto& [sequence, agent] : books.agents.all()) {
    const std::string& id = agent->record.id.value();
    for (const auto& [number, task] : agent->tasks) {
      if (!task->holds_resources || task->resources().empty()) continue;
      held[{id, task->framework_id().value(), task->role()}] += task->resources();
    }
    for (uint64_t number : agent->offers) {
      const Offer* offer = books.offers.Find(number);
      held[{id, offer->framework_id.value(), offer->role}] += offer->resources;
    }
  }
  return held;
}

std::set<std::pair<std::string, std::string>> GangsIn(const Books& books) {
  std::set<std::pair<std::string, std::string>> gangs;
  for (const auto& [sequence, gang] : books.gangs.all()) {
    gangs.emplace(gang.framework_id.value(), gang.id);
  }
  return gangs;
}

std::map<std::string, Unavailability> AwayIn(const Books& books) {
  std::map<std::string, Unavailability> away;
  for (const auto& [sequence, agent] : books.agents.all()) {
    if (!agent->is_live() || !agent->record.unavailability) continue;
    away.emplace(agent->record.id.value(), *agent->record.unavailability);
  }
  return away;
}

std::map<std::string, Resources> TotalsIn(const Books& books) {
  std::map<std::string, Resources> totals;
  for (const auto& [sequence, agent] : books.agents.all()) {
    if (!agent->is_live()) continue;
    Resources total = agent->record.total;
    for (const auto& [key, task] : agent->ending) total -= task.resources;
    totals.emplace(agent->record.id.value(), std::move(total));
  }
  return totals;
}

class Storm {
 public:
  explicit Storm(uint64_t seed) : rng_(seed), driver_(Options(), seed) { driver_.Lead(); }

  void Run(int steps) {
    driver_.ConnectAllocator();
    mirror_.Apply(driver_.effects());
    for (int i = 0; i < steps; ++i) {
      OneStep();
      mirror_.Apply(driver_.effects());
      if (driver_.books().allocator_stream != 0) {
        ASSERT_EQ(mirror_.held(), HeldIn(driver_.books())) << "step " << i;
        ASSERT_EQ(mirror_.gangs(), GangsIn(driver_.books())) << "step " << i;
        ASSERT_EQ(mirror_.away(), AwayIn(driver_.books())) << "step " << i;
        ASSERT_EQ(mirror_.totals(), TotalsIn(driver_.books())) << "step " << i;
      }
    }
  }

 private:
  static MasterOptions Options() {
    MasterOptions options = TestOptions();
    options.offer_timeout = absl::Seconds(20);
    options.max_completed_tasks_per_framework = 3;
    options.max_unreachable_tasks_per_framework = 3;
    options.max_completed_frameworks = 2;
    options.max_removed_frameworks = 2;
    options.max_unreachable_agents = 2;
    options.agent_reregister_timeout = absl::Seconds(30);
    return options;
  }

  uint64_t Pick(uint64_t below) { return rng_.Uniform(0, below - 1); }
  std::string AnyFramework() { return absl::StrCat("f", Pick(4)); }
  std::string AnyTask() { return absl::StrCat("t", Pick(12)); }
  Resources Some() { return Resources::Of(1 + Pick(3), 64 * (1 + Pick(4))); }
  std::string AnyAgent() {
    const auto& agents = driver_.books().agents.all();
    if (agents.empty()) return "nobody";
    auto it = agents.begin();
    std::advance(it, Pick(agents.size()));
    return it->second->record.id.value();
  }
  // Streams of agents have numbers from 100 on, those of frameworks from 10000.
  StreamId AgentStream() {
    Agent* agent = driver_.books().agents.Find(AgentId(AnyAgent()));
    return agent != nullptr && agent->stream != 0 ? agent->stream : 100 + Pick(1000);
  }
  StreamId FrameworkStream(const std::string& id) {
    Framework* framework = driver_.books().frameworks.Find(FrameworkId(id));
    return framework != nullptr && framework->stream != 0 ? framework->stream : 10000 + Pick(9);
  }

  void OneStep() {
    driver_.ForgetEffects();
    switch (Pick(28)) {
      case 0: driver_.Do(AgentRegister{next_stream_++, Description()}); break;
      case 1: driver_.CommitWrites(); break;
      case 2: driver_.CommitWrites(absl::UnavailableError("away")); break;
      case 3: Subscribe(); break;
      case 4: driver_.Do(SchedulerStreamClosed{FrameworkStream(AnyFramework())}); break;
      case 5: driver_.Do(AgentStreamClosed{AgentStream()}); break;
      case 6: driver_.Advance(absl::Milliseconds(Pick(8000))); break;
      case 7: Reregister(); break;
      case 8: Decline(); break;
      case 9: Kill(); break;
      case 10: Reconcile(); break;
      case 11:
        if (Pick(8) == 0) Teardown();
        break;
      case 12:
        if (Pick(8) == 0) driver_.Do(AgentUnregister{AgentStream(), "bye"});
        break;
      case 13:
        driver_.Do(AgentTotalChanged{AgentStream(), Resources::Of(4 + Pick(4), 1024), "v"});
        break;
      case 14:
        if (Pick(4) == 0) Allocator();
        break;
      case 15:
      case 16: Propose(); break;
      case 17:
      case 18: Accept(); break;
      case 19:
      case 20: Update(); break;
      case 21: Acknowledge(); break;
      case 22:
        AskForGang();
        break;
      case 23:
        ProposeGang();
        break;
      case 24: Operate(); break;
      case 25:
        Maintain();
        break;
      case 26:
        driver_.Do(AllocatorInverseOffers{driver_.books().allocator_stream,
                                          {{FrameworkId(AnyFramework()), AgentId(AnyAgent())}}});
        break;
      case 27:
        AnswerInverseOffer();
        break;
    }
  }

  AgentDescription Description() {
    return DescriptionOf(absl::StrCat("k", Pick(6)), Resources::Of(4 + Pick(4), 1024));
  }
  void Subscribe() {
    AFramework framework;
    framework.id = AnyFramework();
    framework.partition_aware = rng_.Chance(0.5);
    framework.failover_timeout = absl::Seconds(Pick(20));
    if (rng_.Chance(0.3)) framework.roles = {"*", "eng"};
    driver_.Subscribe(next_stream_++, framework);
  }
  void Reregister() {
    AgentReregister message;
    message.stream = next_stream_++;
    message.agent_id = AgentId(rng_.Chance(0.1) ? "stranger" : AnyAgent());
    const Agent* known = driver_.books().agents.Find(message.agent_id);
    // Some are liars.
    const bool has_key = known != nullptr && !rng_.Chance(0.05);
    message.agent = DescriptionOf(has_key ? known->record.registration_key : "",
                                  Resources::Of(6, 1024), message.agent_id.value());
    for (uint64_t i = Pick(4); i > 0; --i) {
      const std::string framework = AnyFramework();
      const std::string task = AnyTask();
      bool repeated = false;
      for (const ReportedTask& t : message.tasks)
        repeated |= t.id.value() == task && t.framework_id.value() == framework;
      if (repeated) continue;
      AFramework described;
      described.id = framework;
      message.frameworks.push_back({FrameworkId(framework), SubscriptionOf(described)});
      message.tasks.push_back(AReportedTask(
          task, framework, rng_.Chance(0.2) ? v1::TASK_FINISHED : v1::TASK_RUNNING, Some()));
    }
    driver_.Do(std::move(message));
  }
  OfferId AnyOffer() {
    const auto& offers = driver_.books().offers.all();
    if (offers.empty() || rng_.Chance(0.1)) return OfferId("stale");
    auto it = offers.begin();
    std::advance(it, Pick(offers.size()));
    return it->second->id;
  }
  std::string OwnerOf(const OfferId& id) {
    const Offer* offer = driver_.books().offers.Find(id);
    return offer == nullptr || rng_.Chance(0.1) ? AnyFramework() : offer->framework_id.value();
  }
  void Decline() {
    const OfferId id = AnyOffer();
    const std::string owner = OwnerOf(id);
    driver_.Call(FrameworkStream(owner), owner, master::Decline{{id}, absl::Seconds(Pick(10))});
  }
  void Accept() {
    const OfferId id = AnyOffer();
    const std::string owner = OwnerOf(id);
    const Offer* offer = driver_.books().offers.Find(id);
    const std::string agent = offer == nullptr ? AnyAgent() : offer->agent_id.value();
    std::vector<TaskLaunch> tasks;
    for (uint64_t i = Pick(4); i > 0; --i) tasks.push_back(ATask(AnyTask(), agent, Some()));
    AcceptedOperation launch = LaunchOperation{tasks};
    if (rng_.Chance(0.05)) launch = LaunchGroupOperation{InGroup(std::move(tasks))};
    driver_.Call(FrameworkStream(owner), owner, master::Accept{{id}, {launch}, absl::Seconds(5)});
  }
  // The same tasks under one executor.
  static std::vector<TaskLaunch> InGroup(std::vector<TaskLaunch> tasks) {
    for (TaskLaunch& task : tasks) {
      task.executor_id = ExecutorId("group");
      task.executor_resources = Resources::Of(1, 32);
      task.info->mutable_executor()->mutable_executor_id()->set_value("group");
    }
    return tasks;
  }
  // Reserves something, or gives back what is reserved.
  void Operate() {
    const resources::Resources reserved =
        Some().PushReservation({resources::Reservation::Kind::kDynamic, "eng", "p", {}});
    ResourceOperation operation;
    operation.info = std::make_shared<v1::Offer::Operation>();
    if (rng_.Chance(0.5)) {
      operation.content = resources::Reserve{reserved, {}};
    } else {
      operation.content = resources::Unreserve{reserved};
    }
    driver_.Do(OperatorOperation{9, "", AgentId(AnyAgent()), std::move(operation)});
  }
  void Kill() {
    const std::string id = AnyFramework();
    driver_.Call(FrameworkStream(id), id, master::Kill{TaskId(AnyTask()), AgentId(), nullptr});
  }
  void Reconcile() {
    const std::string id = AnyFramework();
    ReconcileCall call;
    if (rng_.Chance(0.7))
      call.tasks.push_back({TaskId(AnyTask()), AgentId(rng_.Chance(0.5) ? "" : AnyAgent())});
    driver_.Call(FrameworkStream(id), id, call);
  }
  void Teardown() {
    const std::string id = AnyFramework();
    driver_.Call(0, id, TeardownCall{}, 7);
  }
  void Allocator() {
    if (rng_.Chance(0.5)) {
      driver_.Do(AllocatorClosed{driver_.books().allocator_stream});
    } else {
      driver_.ConnectAllocator(next_stream_++);
    }
  }
  void Propose() {
    if (driver_.books().allocator_stream == 0) {
      driver_.ConnectAllocator(next_stream_++);
      mirror_.Apply(driver_.effects());
    }
    driver_.Propose(next_proposal_++, AnyFramework(), AnyAgent(), Some());
  }
  void AskForGang() {
    const std::string id = AnyFramework();
    GangRequest request;
    request.gang_id = absl::StrCat("g", Pick(3));
    request.role = rng_.Chance(0.9) ? "*" : "eng";
    if (rng_.Chance(0.9)) {
      request.bundles = {{Resources::Of(1, 64).Quantities(), static_cast<uint32_t>(1 + Pick(3))}};
    }
    request.deadline = absl::Seconds(1 + Pick(20));
    driver_.Call(FrameworkStream(id), id, request);
  }
  void ProposeGang() {
    const auto& gangs = driver_.books().gangs.all();
    if (gangs.empty() || driver_.books().allocator_stream == 0) return;
    const Gang& gang = std::next(gangs.begin(), static_cast<int64_t>(Pick(gangs.size())))->second;
    std::vector<std::string> agents;
    for (uint64_t i = 1 + Pick(3); i > 0; --i) agents.push_back(AnyAgent());
    driver_.ProposeGang(next_proposal_, gang.framework_id.value(), gang.id, agents,
                        Resources::Of(1, 64));
    next_proposal_ += agents.size();
  }
  void Maintain() {
    using Kind = OperatorMaintenance::Kind;
    OperatorMaintenance call{.call = 8};
    call.kind = rng_.Chance(0.5) ? Kind::kSchedule : rng_.Chance(0.5) ? Kind::kStart : Kind::kStop;
    MaintenanceWindow window{{}, {driver_.now() + absl::Seconds(Pick(3)), absl::Hours(1)}};
    // As Description() and Reregister() name them.
    for (const char* host : {"host-", "host-k0", "host-k1"}) {
      if (rng_.Chance(0.4)) window.machines.push_back({host, ""});
    }
    if (window.machines.empty() && call.kind != Kind::kSchedule) return;
    if (call.kind != Kind::kSchedule) {
      call.machines = window.machines;
    } else if (!window.machines.empty()) {
      call.windows.push_back(std::move(window));
    }
    driver_.Do(std::move(call));
  }
  void AnswerInverseOffer() {
    const auto& offers = driver_.books().inverse_offers.all();
    if (offers.empty()) return;
    const InverseOffer& offer =
        *std::next(offers.begin(), static_cast<int64_t>(Pick(offers.size())))->second;
    const std::string owner = rng_.Chance(0.1) ? AnyFramework() : offer.framework_id.value();
    driver_.Call(FrameworkStream(owner), owner,
                 AnswerInverseOffers{{offer.id}, rng_.Chance(0.5), absl::Seconds(Pick(10))});
  }
  void Update() {
    const auto& tasks = driver_.books().tasks.all();
    if (tasks.empty()) return;
    auto it = tasks.begin();
    std::advance(it, Pick(tasks.size()));
    const Task& task = *it->second;
    const v1::TaskState states[] = {v1::TASK_STARTING, v1::TASK_RUNNING, v1::TASK_FINISHED,
                                    v1::TASK_FAILED, v1::TASK_STAGING};
    const Agent* agent = driver_.books().agents.Find(task.agent_id());
    driver_.Update(agent->stream, task.framework_id().value(), task.id().value(), states[Pick(5)],
                   absl::StrCat("u", Pick(3)));
  }
  void Acknowledge() {
    const auto& tasks = driver_.books().tasks.all();
    if (tasks.empty()) return;
    auto it = tasks.begin();
    std::advance(it, Pick(tasks.size()));
    const std::string framework = it->second->framework_id().value();
    driver_.Call(FrameworkStream(framework), framework,
                 AcknowledgeCall{it->second->agent_id(), it->second->id(),
                                 rng_.Chance(0.8) ? std::string(it->second->forwarded_uuid.bytes())
                                                  : "wrong"});
  }

  Rng rng_;
  CoreDriver driver_;
  Mirror mirror_;
  StreamId next_stream_ = 1'000'000;
  uint64_t next_proposal_ = 1;
};

TEST(MasterCoreProperty, BooksBalanceUnderRandomInputs) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    Storm storm(seed);
    storm.Run(1500);
    if (HasFatalFailure()) return;
  }
}

// Two cores with the same seed and inputs say the same things.
TEST(MasterCoreProperty, SameSeedSameEffects) {
  std::vector<std::string> first;
  for (int run = 0; run < 2; ++run) {
    CoreDriver driver(TestOptions(), 42);
    std::vector<std::string> lines;
    auto add = [&](std::vector<std::string> more) {
      lines.insert(lines.end(), more.begin(), more.end());
    };
    driver.Lead();
    add(driver.ConnectAllocator());
    add(driver.Subscribe(1));
    add(driver.Register(2, "k", Resources::Of(4, 1024)));
    add(driver.Propose(1, "m-0000", "m-S0", Resources::Of(4, 1024)));
    lines.push_back(driver.Offer(1).value());
    add(driver.Advance(absl::Seconds(100)));
    if (run == 0) first = lines;
    EXPECT_EQ(lines, first);
  }
}

}  // namespace
}  // namespace meros::master::testing
