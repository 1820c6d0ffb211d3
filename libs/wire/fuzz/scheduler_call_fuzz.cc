// Any bytes that parse as a call are refused with a path or accepted; whatever the call carries is
// then judged, read and applied without a crash, and resources that were read survive writing.
#include <cstdint>

#include <google/protobuf/stubs/logging.h>

#include "libs/base/check.h"
#include "libs/wire/durations.h"
#include "libs/wire/framework_rules.h"
#include "libs/wire/operations.h"
#include "libs/wire/resources_proto.h"
#include "libs/wire/scheduler_call.h"
#include "libs/wire/task_rules.h"

namespace meros::wire {
namespace {

void Subscribe(const v1::scheduler::Call::Subscribe& subscribe) {
  const v1::FrameworkInfo& info = subscribe.framework_info();
  if (!ValidateFrameworkInfo(info, FieldPath("info")).ok()) return;
  const std::vector<std::string> roles = FrameworkRoles(info);
  MEROS_CHECK(FailoverTimeout(info) >= absl::ZeroDuration());
  (void)ValidateSuppressedRoles(subscribe.suppressed_roles(), roles, FieldPath());
  (void)ValidateOfferConstraints(subscribe.offer_constraints(), roles, FieldPath());
}

void Operate(const v1::Offer::Operation& operation) {
  const FrameworkId framework_id("f");
  for (const v1::TaskInfo& task : operation.launch().task_infos()) {
    const TaskVerdict verdict = JudgeTask(task, framework_id, FieldPath("task"));
    MEROS_CHECK(verdict.status.ok() == (verdict.rule == 0));
    v1::TaskInfo written;
    ResourcesToProto(verdict.resources, written.mutable_resources());
    const auto read = ResourcesFromProto(written.resources());
    MEROS_CHECK(read.ok() && *read == verdict.resources) << read.status().ToString();
  }
  (void)JudgeTaskGroup(operation.launch_group(), framework_id, FieldPath("group"));
  const auto conversion = OperationFromProto(operation, "eng", FieldPath("operation"));
  if (conversion.ok()) (void)resources::ConversionOf(*conversion);
}

}  // namespace
}  // namespace meros::wire

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace meros::wire;  // NOLINT(google-build-using-namespace)
  // Protobuf writes a line for every bad string.
  static google::protobuf::LogHandler* const silence = google::protobuf::SetLogHandler(nullptr);
  (void)silence;
  meros::v1::scheduler::Call call;
  if (!call.ParseFromArray(data, static_cast<int>(size))) return 0;
  if (!ValidateCall(call, FieldPath("call")).ok()) return 0;
  Subscribe(call.subscribe());
  for (const auto& operation : call.accept().operations()) Operate(operation);
  const absl::Duration refuse = RefuseTimeout(call.accept().filters());
  MEROS_CHECK(refuse >= absl::ZeroDuration() && refuse <= kMaxRefuse);
  return 0;
}
