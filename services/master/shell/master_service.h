// MasterService over gRPC. Listings and watches are answered by the read replica, changes by the
// core; what this master does not do yet is refused with UNIMPLEMENTED and a sentence.
//
// Thread rule: thread-safe.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "libs/build_facts/build_facts.h"
#include "libs/config/flag_set.h"
#include "libs/telemetry/log_level.h"
#include "meros/v1/master/master_service.grpc.pb.h"
#include "services/master/shell/context.h"

namespace meros::master {

// Long listings and watches are packed by ourselves (view/listing_pages.h, watch_hub.h).
using PackedMasterService = v1::master::MasterService::WithRawCallbackMethod_ListAgents<
    v1::master::MasterService::WithRawCallbackMethod_ListFrameworks<
        v1::master::MasterService::WithRawCallbackMethod_ListTasks<
            v1::master::MasterService::WithRawCallbackMethod_Watch<
                v1::master::MasterService::CallbackService>>>>;

// What the process itself is, for those who ask.
struct ProcessFacts {
  std::vector<config::EffectiveFlag> flags;
  BuildFacts build;
};

class MasterService : public PackedMasterService {
 public:
  // `context` outlives the service.
  MasterService(ShellContext* context, ProcessFacts process)
      : context_(context), process_(std::move(process)) {}

  // Declares an rpc that is answered in master_service.cc.
#define MEROS_ANSWERED(Method)                                                 \
  grpc::ServerUnaryReactor* Method(grpc::CallbackServerContext* grpc_context,  \
                                   const v1::master::Method##Request* request, \
                                   v1::master::Method##Response* response) override
  MEROS_ANSWERED(GetMaster);
  MEROS_ANSWERED(GetVersion);
  MEROS_ANSWERED(GetFlags);
  MEROS_ANSWERED(GetAgent);
  MEROS_ANSWERED(GetFramework);
  MEROS_ANSWERED(GetTask);
  MEROS_ANSWERED(ListRoles);
  MEROS_ANSWERED(ListQuotas);
  MEROS_ANSWERED(ListWeights);
  MEROS_ANSWERED(GetMaintenanceSchedule);
  MEROS_ANSWERED(GetMaintenanceStatus);
  MEROS_ANSWERED(ListOperations);
  MEROS_ANSWERED(ListExecutors);
  MEROS_ANSWERED(ListOffers);
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
  // In log_level_service.cc.
  MEROS_ANSWERED(GetLogLevel);
  MEROS_ANSWERED(SetLogLevel);
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
#undef MEROS_ANSWERED

#define MEROS_ANSWERED_PACKED(Method)                                                           \
  grpc::ServerUnaryReactor* Method(grpc::CallbackServerContext* grpc_context,                   \
                                   const grpc::ByteBuffer* request, grpc::ByteBuffer* response) \
      override
  MEROS_ANSWERED_PACKED(ListAgents);
  MEROS_ANSWERED_PACKED(ListFrameworks);
  MEROS_ANSWERED_PACKED(ListTasks);
#undef MEROS_ANSWERED_PACKED

  grpc::ServerWriteReactor<grpc::ByteBuffer>* Watch(grpc::CallbackServerContext* grpc_context,
                                                    const grpc::ByteBuffer* request) override;

 protected:
  ShellContext* context() const { return context_; }

 private:
  ShellContext* const context_;
  const ProcessFacts process_;
  telemetry::LogLevelControl log_level_;
};

}  // namespace meros::master
