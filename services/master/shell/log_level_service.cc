// How much this master logs, and for how long: of the process that is asked, whether it leads or
// not.
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "services/master/shell/master_service.h"
#include "services/master/shell/operator_call.h"
#include "services/master/shell/order_codec.h"

namespace meros::master {
namespace {

namespace pb = ::meros::v1::master;

constexpr absl::Duration kLeastDuration = absl::Milliseconds(1);
constexpr absl::Duration kMostDuration = absl::Hours(24 * 365);

// What the request asks for; infinite: for good.
struct LevelChange {
  telemetry::Severity level;
  absl::Duration duration = absl::InfiniteDuration();
};

absl::StatusOr<LevelChange> ChangeOf(const pb::SetLogLevelRequest& request) {
  absl::Status status = CheckRequestId(request.request_id());
  if (!status.ok()) return status;
  absl::StatusOr<telemetry::Severity> level = telemetry::ParseSeverity(request.level());
  if (!level.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("level: ", level.status().message()));
  }
  if (!request.has_duration()) return LevelChange{*level};
  const absl::Duration duration = absl::Nanoseconds(request.duration().nanoseconds());
  if (duration < kLeastDuration || duration > kMostDuration) {
    return absl::InvalidArgumentError(absl::StrCat("duration: must be from 1 ms to 365 days, is ",
                                                   absl::FormatDuration(duration)));
  }
  return LevelChange{*level, duration};
}

}  // namespace

grpc::ServerUnaryReactor* MasterService::GetLogLevel(grpc::CallbackServerContext* grpc_context,
                                                     const pb::GetLogLevelRequest*,
                                                     pb::GetLogLevelResponse* response) {
  const telemetry::LogLevelControl::Setting setting = log_level_.setting();
  pb::GetLogLevelResponse answer;
  answer.set_level(std::string(telemetry::SeverityName(setting.level)));
  answer.set_lasting_level(std::string(telemetry::SeverityName(setting.lasting)));
  if (setting.remaining != absl::InfiniteDuration()) {
    answer.mutable_remaining()->set_nanoseconds(absl::ToInt64Nanoseconds(setting.remaining));
  }
  return rpc::AnswerNow<pb::GetLogLevelResponse>(grpc_context, response, std::move(answer));
}

grpc::ServerUnaryReactor* MasterService::SetLogLevel(grpc::CallbackServerContext* grpc_context,
                                                     const pb::SetLogLevelRequest* request,
                                                     pb::SetLogLevelResponse* response) {
  const absl::StatusOr<LevelChange> change = ChangeOf(*request);
  Audit{"SetLogLevel", request->level(), request->request_id(), grpc_context->peer()}.Log(
      change.status());
  if (!change.ok()) {
    return rpc::AnswerNow<pb::SetLogLevelResponse>(grpc_context, response, change.status());
  }
  if (change->duration == absl::InfiniteDuration()) {
    log_level_.Set(change->level);
  } else {
    log_level_.SetFor(change->level, change->duration);
  }
  return rpc::AnswerNow<pb::SetLogLevelResponse>(grpc_context, response, pb::SetLogLevelResponse());
}

}  // namespace meros::master
