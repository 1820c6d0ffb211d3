#include "tests/simulation/operator_calls.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "meros/v1/master/operator/agents.pb.h"
#include "meros/v1/master/operator/frameworks.pb.h"
#include "meros/v1/master/operator/tasks.pb.h"
#include "services/master/shell/maintenance_codec.h"
#include "services/master/shell/operation_codec.h"
#include "services/master/shell/order_codec.h"
#include "services/master/shell/role_codec.h"

namespace meros::simulation {
namespace {

namespace pb = v1::master;

using master::DecodeCall;
// Puts the input into `*out` if the frame is of a `Request`.
template <typename Request>
bool Read(const OperatorCall& frame, uint64_t call, absl::StatusOr<master::Input>* out) {
  Request request;
  if (frame.name != request.GetTypeName()) return false;
  if (!request.ParseFromString(frame.bytes)) {
    *out = absl::InternalError("a call of an operator cannot be read");
    return true;
  }
  const auto fill = [&](auto input) {
    input.call = call;
    input.request_id = request.request_id();
    *out = std::move(input);
  };
  auto input = DecodeCall(request);
  if constexpr (requires { input.status(); }) {
    if (!input.ok()) {
      *out = input.status();
    } else {
      fill(*std::move(input));
    }
  } else {
    fill(std::move(input));
  }
  return true;
}

template <typename... Requests>
absl::StatusOr<master::Input> ReadOneOf(const OperatorCall& frame, uint64_t call) {
  absl::StatusOr<master::Input> input = absl::UnimplementedError(frame.name);
  (Read<Requests>(frame, call, &input) || ...);
  return input;
}

}  // namespace

std::string Encode(const OperatorCall& call) { return absl::StrCat(call.name, "\n", call.bytes); }

absl::StatusOr<master::Input> DecodeOperatorCall(const std::string& frame, uint64_t call) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(frame, absl::MaxSplits('\n', 1));
  OperatorCall read;
  read.name = parts.first;
  read.bytes = parts.second;
  return ReadOneOf<pb::ReserveResourcesRequest, pb::UnreserveResourcesRequest,
                   pb::CreateVolumesRequest, pb::DestroyVolumesRequest, pb::GrowVolumeRequest,
                   pb::ShrinkVolumeRequest, pb::UpdateQuotaRequest, pb::UpdateWeightsRequest,
                   pb::UpdateRolesRequest, pb::UpdateMaintenanceScheduleRequest,
                   pb::StartMaintenanceRequest, pb::StopMaintenanceRequest, pb::DrainAgentRequest,
                   pb::DeactivateAgentRequest, pb::ReactivateAgentRequest, pb::MarkAgentGoneRequest,
                   pb::TeardownRequest, pb::KillTaskRequest>(read, call);
}

std::string EncodeAnswer(const absl::Status& status) {
  return absl::StrCat(static_cast<int>(status.code()), " ", status.message());
}

absl::Status DecodeAnswer(const std::string& frame) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(frame, absl::MaxSplits(' ', 1));
  int code = 0;
  if (!absl::SimpleAtoi(parts.first, &code)) return absl::InternalError(frame);
  return absl::Status(static_cast<absl::StatusCode>(code), parts.second);
}

}  // namespace meros::simulation
