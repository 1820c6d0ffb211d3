// MasterService within the limits of --rate_limits: every call is first charged to its caller, and
// refused with RESOURCE_EXHAUSTED when that one has sent too many.
//
// Thread rule: thread-safe.
#pragma once

#include <string>
#include <vector>

#include "services/master/shell/master_service.h"

namespace meros::master {

class LimitedMasterService final : public MasterService {
 public:
  using MasterService::MasterService;

  // The rpcs that are limited, for the test that none is forgotten.
  static std::vector<std::string> Limited();

#define MEROS_LIMITED(Method)                                                  \
  grpc::ServerUnaryReactor* Method(grpc::CallbackServerContext* grpc_context,  \
                                   const v1::master::Method##Request* request, \
                                   v1::master::Method##Response* response) override;
#define MEROS_LIMITED_PACKED(Method)                                                            \
  grpc::ServerUnaryReactor* Method(grpc::CallbackServerContext* grpc_context,                   \
                                   const grpc::ByteBuffer* request, grpc::ByteBuffer* response) \
      override;
#define MEROS_LIMITED_METHODS(X)                                                                  \
  X(GetMaster) X(GetVersion) X(GetFlags) X(GetLogLevel) X(SetLogLevel) X(GetAgent)                \
  X(GetFramework) X(GetTask) X(ListRoles) X(ListOperations) X(ListExecutors) X(ListOffers)        \
  X(Teardown) X(KillTask) X(ListQuotas) X(UpdateQuota) X(ListWeights) X(UpdateWeights)            \
  X(UpdateRoles) X(ReserveResources) X(UnreserveResources) X(CreateVolumes)                       \
  X(DestroyVolumes) X(GrowVolume) X(ShrinkVolume) X(GetMaintenanceSchedule)                       \
  X(GetMaintenanceStatus) X(UpdateMaintenanceSchedule) X(StartMaintenance)                        \
  X(StopMaintenance) X(DrainAgent) X(DeactivateAgent) X(ReactivateAgent) X(MarkAgentGone)         \
  X(Explain)
#define MEROS_LIMITED_PACKED_METHODS(X) X(ListAgents) X(ListFrameworks) X(ListTasks)
  MEROS_LIMITED_METHODS(MEROS_LIMITED)
  MEROS_LIMITED_PACKED_METHODS(MEROS_LIMITED_PACKED)
#undef MEROS_LIMITED
#undef MEROS_LIMITED_PACKED

  grpc::ServerWriteReactor<grpc::ByteBuffer>* Watch(grpc::CallbackServerContext* grpc_context,
                                                    const grpc::ByteBuffer* request) override;
};

}  // namespace meros::master
