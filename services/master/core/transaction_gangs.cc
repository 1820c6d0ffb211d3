// Gangs: kept, and told to the allocator.
#include <utility>

#include "services/master/core/transaction.h"

namespace meros::master {

void Transaction::AddGang(Gang gang) {
  gang.sequence = books_.gangs.NextSequence();
  books_.timers.Arm(gang.deadline, GangDeadlineTimer{gang.sequence});
  TellAllocator(Describe(books_.gangs.Insert(std::move(gang))));
}

void Transaction::EndGang(const Gang& gang) {
  TellAllocator(RemoveGangDelta{gang.framework_id, gang.id});
  books_.gangs.Erase(gang.sequence);
}

void Transaction::EndGangsOf(const Framework& framework) {
  for (const uint64_t sequence : books_.gangs.Of(framework.record.id)) {
    EndGang(*books_.gangs.Find(sequence));
  }
}

void Transaction::EndGangsOfLeftRoles(const Framework& framework) {
  for (const uint64_t sequence : books_.gangs.Of(framework.record.id)) {
    const Gang& gang = *books_.gangs.Find(sequence);
    if (framework.record.subscription.HasRole(gang.role)) continue;
    Tell(framework, GangEndedEvent{gang.id, GangEndedEvent::Reason::kRoleLeft,
                                   "the framework has left role " + gang.role});
    EndGang(gang);
  }
}

UpsertGangDelta Transaction::Describe(const Gang& gang) const {
  return {gang.framework_id,   gang.id, gang.role, gang.bundles, gang.distinct_agents,
          gang.deadline - now_};
}

}  // namespace meros::master
