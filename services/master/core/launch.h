// Launches of an ACCEPT: tasks one by one (LAUNCH), and tasks of one executor all or none
// (LAUNCH_GROUP). Each task is launched, or its framework hears why not.
//
// Source: Mesos' validation of LAUNCH and LAUNCH_GROUP. What can be judged without the books has
// been, by libs/wire/task_rules.h.
//
// Thread rule: strand-confined.
#pragma once

#include <string>

#include "services/master/core/inputs.h"
#include "services/master/core/operations.h"
#include "services/master/core/transaction.h"

namespace meros::master {

void Launch(Transaction* tx, LaunchOperation* operation, SpentOffers* spent);
void LaunchGroup(Transaction* tx, LaunchGroupOperation* operation, SpentOffers* spent);

// The task never comes to be.
void RefuseTask(Transaction* tx, const Framework& framework, const TaskLaunch& task,
                v1::TaskState state, v1::TaskStatus::Reason reason, const std::string& message);

}  // namespace meros::master
