// MasterService over gRPC. Listings and watches are answered by the read replica, changes by the
// core; what this master does not do yet is refused with UNIMPLEMENTED and a sentence.
//
// Thread rule: thread-safe.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "libs/config/flag_set.h"
#include "meros/v1/master/master_service.grpc.pb.h"
#include "services/master/shell/context.h"

namespace meros::master {

class MasterService final : public v1::master::MasterService::CallbackService {
 public:
  // `context` outlives the service.
  MasterService(ShellContext* context, std::vector<config::EffectiveFlag> flags)
      : context_(context), flags_(std::move(flags)) {}

  // Declares an rpc that is answered in master_service.cc.
#define MEROS_ANSWERED(Method)                                                 \
  grpc::ServerUnaryReactor* Method(grpc::CallbackServerContext* grpc_context,  \
                                   const v1::master::Method##Request* request, \
                                   v1::master::Method##Response* response) override
  MEROS_ANSWERED(GetMaster);
  MEROS_ANSWERED(GetVersion);
  MEROS_ANSWERED(GetFlags);
  MEROS_ANSWERED(SetLogLevel);
  MEROS_ANSWERED(ListAgents);
  MEROS_ANSWERED(GetAgent);
  MEROS_ANSWERED(ListFrameworks);
  MEROS_ANSWERED(GetFramework);
  MEROS_ANSWERED(ListTasks);
  MEROS_ANSWERED(GetTask);
  MEROS_ANSWERED(ListRoles);
  MEROS_ANSWERED(ListQuotas);
  MEROS_ANSWERED(ListWeights);
  MEROS_ANSWERED(GetMaintenanceSchedule);
  MEROS_ANSWERED(GetMaintenanceStatus);
  MEROS_ANSWERED(ListOperations);
  MEROS_ANSWERED(Explain);
  MEROS_ANSWERED(Teardown);
  MEROS_ANSWERED(KillTask);
  MEROS_ANSWERED(UpdateQuota);
  MEROS_ANSWERED(UpdateWeights);
  MEROS_ANSWERED(UpdateRoles);
  // In agent_admin_service.cc.
  MEROS_ANSWERED(DrainAgent);
  MEROS_ANSWERED(DeactivateAgent);
  MEROS_ANSWERED(ReactivateAgent);
  MEROS_ANSWERED(MarkAgentGone);
  // In maintenance_service.cc.
  MEROS_ANSWERED(UpdateMaintenanceSchedule);
  MEROS_ANSWERED(StartMaintenance);
  MEROS_ANSWERED(StopMaintenance);
  // In operation_service.cc.
  MEROS_ANSWERED(ReserveResources);
  MEROS_ANSWERED(UnreserveResources);
  MEROS_ANSWERED(CreateVolumes);
  MEROS_ANSWERED(DestroyVolumes);
  MEROS_ANSWERED(GrowVolume);
  MEROS_ANSWERED(ShrinkVolume);
  // Refused with UNIMPLEMENTED.
#undef MEROS_ANSWERED

  grpc::ServerWriteReactor<v1::master::WatchResponse>* Watch(
      grpc::CallbackServerContext* grpc_context, const v1::master::WatchRequest* request) override;

 private:
  ShellContext* const context_;
  const std::vector<config::EffectiveFlag> flags_;
};

}  // namespace meros::master
