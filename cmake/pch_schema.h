// Part of pch_rpc.h and pch_master.h: pch_base.h and the messages of the public schema that nearly
// every file includes in some way. They are two thirds of what the compiler reads for such a file.
#include "cmake/pch_base.h"

#include "meros/v1/agent.pb.h"
#include "meros/v1/executor.pb.h"
#include "meros/v1/framework.pb.h"
#include "meros/v1/offer.pb.h"
#include "meros/v1/operation.pb.h"
#include "meros/v1/scheduler/scheduler.pb.h"
#include "meros/v1/task.pb.h"
