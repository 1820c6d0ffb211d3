// What a framework wants and what it remembers: its own durable state, which outlives its process.
// A slot is a piece of work that must be done once; each try at it is a task with an id of its own.
// Some slots need a persistent volume for their task, some one that they share.
//
// Thread rule: thread-compatible.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "libs/base/rng.h"
#include "meros/v1/task.pb.h"
#include "tests/simulation/asked_operations.h"
#include "tests/simulation/host_choice.h"
#include "tests/simulation/machine.h"
#include "tests/simulation/offer_answer.h"
#include "tests/simulation/shared_volume.h"
#include "tests/simulation/volume_keeper.h"

namespace meros::simulation {

class Job {
 public:
  struct Try {
    size_t slot = 0;
    std::string agent_id;
    v1::TaskState state = v1::TASK_STAGING;
    absl::Time unreachable_since = absl::InfiniteFuture();
    bool is_kill_wanted = false;
    bool is_given_up = false;  // unreachable for too long: another try has taken its place
    bool is_open() const;      // no terminal state has been heard of
  };

  // `sharing` draws all that shared volumes need, `grouping` all that groups need.
  Job(std::string name, HostChoice hosts, Rng rng, Rng sharing, Rng grouping);

  // More work.
  void Submit(int slots);
  // Slots that want a task, by what volume they need for it.
  std::vector<size_t> Wanting() const { return Wanting(Disk::kNone); }
  std::vector<size_t> WantingVolume() const { return Wanting(Disk::kOwn); }
  std::vector<size_t> WantingSharedVolume() const { return Wanting(Disk::kShared); }
  bool IsWanting(size_t slot) const;
  bool IsDone(size_t slot) const { return slots_[slot].is_done; }
  // All slots that need the shared volume.
  bool AreSharersDone() const;
  bool IsService(size_t slot) const { return slots_[slot].is_service; }
  // Starts a try with what the offer has. False if that does not suffice.
  bool Launch(size_t slot, OfferAnswer* answer) { return LaunchOn(slot, {}, answer); }
  bool LaunchOn(size_t slot, const resources::Resources& volume, OfferAnswer* answer);

  // Some slots that were never tried, launched together or not at all.
  struct Group {
    std::vector<std::string> tasks;  // none: nothing was launched
    bool is_greedy = false;          // it asks for more than there is
  };
  Group LaunchGroup(OfferAnswer* answer);

  // What was heard about a task; unknown ones are ignored.
  void Heard(const std::string& task_id, v1::TaskState state, absl::Time now);
  void WantKill(const std::string& task_id);
  // Gives up tries that have been unreachable for so long; returns them.
  std::vector<std::string> GiveUp(absl::Time unreachable_before);
  // The framework was removed and all its tasks with it.
  void LoseAll();

  const std::map<std::string, Try>& tries() const { return tries_; }
  bool IsDone() const;
  std::string ToString() const;

  AskedOperations& operations() { return operations_; }
  VolumeKeeper& volumes() { return volumes_; }
  SharedVolume& shared_volume() { return shared_volume_; }
  bool shares_volumes() const { return sharing_share_ > 0; }
  const std::string& role() const { return volumes_.role(); }

  std::string framework_id;  // empty: not registered yet
  HostChoice hosts;
  bool is_partition_aware = true;
  absl::Duration failover_timeout;
  bool is_finishing = false;  // all work is done and the framework shall leave
  bool has_left = false;

 private:
  enum class Disk { kNone, kOwn, kShared };
  struct Slot {
    double cpus = 1;
    bool is_service = false;  // runs until it is killed
    Disk disk = Disk::kNone;
    bool is_done = false;
    int tries = 0;
    std::string open_try;  // empty: wants a task
  };

  std::vector<size_t> Wanting(Disk disk) const;
  Behaviour BehaviourOf(size_t slot);
  v1::TaskInfo NextTry(size_t slot);
  void Started(size_t slot, const std::string& id, const std::string& agent_id);

  const std::string name_;
  Rng rng_;
  Rng sharing_;
  Rng grouping_;
  double volume_share_ = 0;   // of the slots
  double sharing_share_ = 0;  // of those without a volume of their own
  double group_share_ = 0;    // of the slots that may
  int groups_ = 0;
  AskedOperations operations_;
  VolumeKeeper volumes_;
  SharedVolume shared_volume_;
  std::vector<Slot> slots_;
  std::map<std::string, Try> tries_;
};

}  // namespace meros::simulation
