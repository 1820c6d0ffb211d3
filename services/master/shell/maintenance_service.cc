// What operators order about maintenance.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/master/shell/maintenance_codec.h"
#include "services/master/shell/master_service.h"
#include "services/master/shell/operator_call.h"
#include "services/master/shell/order_codec.h"

namespace meros::master {
namespace {

namespace pb = ::meros::v1::master;

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

// So many machines are named in the log.
constexpr size_t kShownMachines = 10;

// Which machines a call is about.
std::string SubjectOf(const OperatorMaintenance& call) {
  std::vector<std::string> names;
  for (const MachineId& id : call.machines) names.push_back(NameOf(id));
  for (const MaintenanceWindow& window : call.windows) {
    for (const MachineId& id : window.machines) names.push_back(NameOf(id));
  }
  const size_t all = names.size();
  if (all <= kShownMachines) return absl::StrJoin(names, " ");
  names.resize(kShownMachines);
  return absl::StrCat(absl::StrJoin(names, " "), " and ", all - kShownMachines, " more");
}

template <typename Request, typename Response>
ServerUnaryReactor* Maintain(ShellContext* context, CallbackServerContext* grpc_context,
                             const Request* request, Response* response, const std::string& name) {
  absl::StatusOr<OperatorMaintenance> call = DecodeCall(*request);
  const absl::Status status = call.ok() ? CheckRequestId(request->request_id()) : call.status();
  if (!status.ok()) {
    Audit{name, "", request->request_id(), grpc_context->peer()}.Log(status);
    return rpc::AnswerNow<Response>(grpc_context, response, status);
  }
  call->request_id = request->request_id();
  std::string subject = SubjectOf(*call);
  return FromCore(context, grpc_context, response, {.call = name, .subject = std::move(subject)},
                  *std::move(call));
}

}  // namespace

#define MEROS_MAINTAINS(Method)                                                  \
  ServerUnaryReactor* MasterService::Method(CallbackServerContext* grpc_context, \
                                            const pb::Method##Request* request,  \
                                            pb::Method##Response* response) {    \
    return Maintain(context_, grpc_context, request, response, #Method);         \
  }
MEROS_MAINTAINS(UpdateMaintenanceSchedule)
MEROS_MAINTAINS(StartMaintenance)
MEROS_MAINTAINS(StopMaintenance)
#undef MEROS_MAINTAINS

}  // namespace meros::master
