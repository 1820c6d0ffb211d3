#include "tests/simulation/job.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/tasks/task_state.h"

namespace meros::simulation {
namespace {

constexpr double kMemPerTask = 64;
constexpr size_t kGroupMax = 3;

}  // namespace

bool Job::Try::is_open() const { return !tasks::IsTerminal(state) && state != v1::TASK_UNKNOWN; }

Job::Job(std::string name, HostChoice the_hosts, Rng rng, Rng sharing, Rng grouping)
    : hosts(std::move(the_hosts)),
      name_(std::move(name)),
      rng_(rng),
      sharing_(sharing),
      grouping_(grouping),
      operations_(name_),
      volumes_(name_, absl::StrCat("role-", name_), &operations_, Rng(rng_.Next())),
      shared_volume_(name_, absl::StrCat("role-", name_), &operations_, Rng(sharing_.Next())) {
  if (rng_.Chance(0.6)) volume_share_ = 0.5 * rng_.UniformDouble();
  if (sharing_.Chance(0.4)) sharing_share_ = 0.1 + 0.6 * sharing_.UniformDouble();
  if (grouping_.Chance(0.4)) group_share_ = 0.1 + 0.6 * grouping_.UniformDouble();
  is_partition_aware = rng_.Chance(0.7);
  failover_timeout = rng_.Chance(0.3) ? absl::Seconds(10) : absl::Hours(1);
  Submit(static_cast<int>(rng_.Uniform(1, 12)));
}

void Job::Submit(int slots) {
  for (int i = 0; i < slots; ++i) {
    slots_.push_back({.cpus = 0.25 * static_cast<double>(rng_.Uniform(1, 8)),
                      .is_service = rng_.Chance(0.2),
                      .disk = rng_.Chance(volume_share_) ? Disk::kOwn : Disk::kNone});
    Slot& slot = slots_.back();
    if (slot.disk == Disk::kNone && sharing_.Chance(sharing_share_)) slot.disk = Disk::kShared;
  }
}

bool Job::IsWanting(size_t slot) const {
  return !slots_[slot].is_done && slots_[slot].open_try.empty();
}

bool Job::AreSharersDone() const {
  return std::none_of(slots_.begin(), slots_.end(),
                      [](const Slot& slot) { return slot.disk == Disk::kShared && !slot.is_done; });
}

std::vector<size_t> Job::Wanting(Disk disk) const {
  std::vector<size_t> wanting;
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (IsWanting(i) && slots_[i].disk == disk) wanting.push_back(i);
  }
  return wanting;
}

// First tries meet with accidents; later ones go well, so that the work comes to an end.
Behaviour Job::BehaviourOf(size_t slot) {
  Behaviour behaviour;
  behaviour.run =
      slots_[slot].is_service ? absl::Hours(100) : absl::Milliseconds(rng_.Uniform(0, 15'000));
  if (slots_[slot].tries < 1) {
    behaviour.exit_code = rng_.Chance(0.2) ? static_cast<int>(rng_.Uniform(1, 255)) : 0;
    behaviour.runs_out_of_memory = rng_.Chance(0.1);
  }
  behaviour.is_stubborn = rng_.Chance(0.2);
  return behaviour;
}

v1::TaskInfo Job::NextTry(size_t slot) {
  v1::TaskInfo task;
  task.set_name("work");
  task.mutable_task_id()->set_value(absl::StrCat(name_, ".", slot, ".", slots_[slot].tries + 1));
  task.mutable_command()->set_value(BehaviourOf(slot).ToCommand());
  return task;
}

void Job::Started(size_t slot, const std::string& id, const std::string& agent_id) {
  ++slots_[slot].tries;
  slots_[slot].open_try = id;
  tries_[id] = {.slot = slot, .agent_id = agent_id};
}

bool Job::LaunchOn(size_t slot, const resources::Resources& volume, OfferAnswer* answer) {
  v1::TaskInfo task = NextTry(slot);
  const std::string id = task.task_id().value();
  if (!answer->Launch(std::move(task), slots_[slot].cpus, kMemPerTask, volume)) return false;
  Started(slot, id, answer->agent_id());
  return true;
}

Job::Group Job::LaunchGroup(OfferAnswer* answer) {
  if (group_share_ == 0) return {};
  std::vector<size_t> chosen;
  std::vector<OfferAnswer::GroupMember> members;
  Group group;
  for (const size_t slot : Wanting()) {
    if (chosen.size() == kGroupMax) break;
    if (slots_[slot].tries > 0 || !grouping_.Chance(group_share_)) continue;
    chosen.push_back(slot);
    members.push_back({NextTry(slot), slots_[slot].cpus});
    group.tasks.push_back(members.back().task.task_id().value());
  }
  if (chosen.size() < 2) return {};
  group.is_greedy = grouping_.Chance(0.1);
  const std::string executor = absl::StrCat(name_, ".group.", groups_ + 1);
  if (!answer->LaunchGroup(executor, std::move(members), kMemPerTask, group.is_greedy)) return {};
  ++groups_;
  for (size_t i = 0; i < chosen.size(); ++i) {
    Started(chosen[i], group.tasks[i], answer->agent_id());
  }
  return group;
}

void Job::Heard(const std::string& task_id, v1::TaskState state, absl::Time now) {
  const auto found = tries_.find(task_id);
  if (found == tries_.end()) return;
  Try& heard = found->second;
  if (!heard.is_open()) {
    // What was lost with its agent, or not known to a new master, or ended by an operator's word
    // that the agent had not heard, came back; GiveUp() ends it.
    const bool is_back = !tasks::IsTerminal(state) && state != v1::TASK_UNKNOWN;
    const bool was_away = heard.state == v1::TASK_LOST || heard.state == v1::TASK_UNKNOWN ||
                          heard.state == v1::TASK_GONE_BY_OPERATOR;
    if (!was_away || !is_back) return;
    heard.state = state;
    heard.is_given_up = false;
    return;
  }
  heard.state = state;
  if (state != v1::TASK_UNREACHABLE) {
    heard.unreachable_since = absl::InfiniteFuture();
  } else if (heard.unreachable_since == absl::InfiniteFuture()) {
    heard.unreachable_since = now;
  }
  if (heard.is_open()) return;
  Slot& slot = slots_[heard.slot];
  const bool is_success =
      state == v1::TASK_FINISHED || (slot.is_service && state == v1::TASK_KILLED);
  if (is_success) slot.is_done = true;
  if (slot.open_try == task_id) slot.open_try.clear();
}

void Job::WantKill(const std::string& task_id) { tries_.at(task_id).is_kill_wanted = true; }

std::vector<std::string> Job::GiveUp(absl::Time unreachable_before) {
  std::vector<std::string> given_up;
  for (auto& [id, attempt] : tries_) {
    if (!attempt.is_open() || attempt.is_given_up) continue;
    const bool is_wanted = slots_[attempt.slot].open_try == id;
    if (is_wanted && attempt.unreachable_since > unreachable_before) continue;
    attempt.is_given_up = attempt.is_kill_wanted = true;
    if (slots_[attempt.slot].open_try == id) slots_[attempt.slot].open_try.clear();
    given_up.push_back(id);
  }
  return given_up;
}

void Job::LoseAll() {
  framework_id.clear();
  operations_.LoseAll();
  for (auto& [id, attempt] : tries_) {
    if (!attempt.is_open()) continue;
    attempt.state = v1::TASK_LOST;
    if (slots_[attempt.slot].open_try == id) slots_[attempt.slot].open_try.clear();
  }
}

bool Job::IsDone() const {
  for (const Slot& slot : slots_) {
    if (!slot.is_done || !slot.open_try.empty()) return false;
  }
  for (const auto& [id, attempt] : tries_) {
    if (attempt.is_open() && !attempt.is_given_up) return false;
  }
  return operations_.Open().empty();
}

std::string Job::ToString() const {
  std::string text = absl::StrCat(
      "job ", name_, " framework ", framework_id, is_partition_aware ? " partition aware" : "",
      " failover_timeout=", absl::FormatDuration(failover_timeout), has_left ? " left" : "", "\n");
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].is_done) continue;
    absl::StrAppend(&text, "  slot ", i, " cpus ", slots_[i].cpus,
                    slots_[i].disk == Disk::kOwn      ? " on a volume"
                    : slots_[i].disk == Disk::kShared ? " on the shared volume"
                                                      : "",
                    " try '", slots_[i].open_try, "'\n");
  }
  for (const auto& [id, attempt] : tries_) {
    if (!attempt.is_open()) continue;
    absl::StrAppend(&text, "  task ", id, " ", v1::TaskState_Name(attempt.state), " on ",
                    attempt.agent_id, attempt.is_kill_wanted ? " kill" : "",
                    attempt.is_given_up ? " given up" : "", "\n");
  }
  for (const auto& [id, asked] : operations_.Open()) {
    absl::StrAppend(&text, "  ", id, " ", v1::OperationState_Name(asked.state), " on ",
                    asked.agent_id, "\n");
  }
  return text;
}

}  // namespace meros::simulation
