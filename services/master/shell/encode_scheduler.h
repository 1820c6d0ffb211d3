// Events for schedulers, from effects of the core to messages.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include "meros/v1/master.pb.h"
#include "meros/v1/scheduler/scheduler.pb.h"
#include "services/master/core/effects.h"

namespace meros::master {

// `master` is what SUBSCRIBED says about us. REQUIRES: `out` is empty.
void EncodeEvent(const ToScheduler::Event& event, const v1::MasterInfo& master,
                 v1::scheduler::Event* out);

}  // namespace meros::master
