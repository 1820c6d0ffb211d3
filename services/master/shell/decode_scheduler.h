// Calls of schedulers, from messages to inputs of the core: structure and everything that can be
// judged without the books is judged here, on the thread that received the call.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "libs/base/ids.h"
#include "libs/resources/agent_constraints.h"
#include "meros/v1/scheduler/scheduler.pb.h"
#include "meros/v1/scheduler/scheduler_service.pb.h"
#include "services/master/core/inputs.h"

namespace meros::master {

// Who made a call, and where.
struct CallOrigin {
  StreamId stream = 0;
  uint64_t call = 0;
  std::string request_id;
  std::string authenticated;
  resources::RegexLimits regex;  // of offer constraints
};

// ERRORS: InvalidArgument with the path of the offending field, starting with `root`; Unimplemented
// for a call of no known type; PermissionDenied if the call names another principal than the
// authenticated. What is kept is taken out of the call; the rest of it may be read into again.
absl::StatusOr<Input> DecodeCall(v1::scheduler::Call&& call, CallOrigin origin,
                                 absl::string_view root);
absl::StatusOr<Input> DecodeCall(const v1::scheduler::Call& call, CallOrigin origin,
                                 absl::string_view root);

// The calls of a frame, one after another, each given to `take` as soon as it is read, and whether
// it was to subscribe. The first that `take` gives an error for is the last; the error is returned.
absl::Status DecodeCalls(
    v1::scheduler::Calls* frame, const CallOrigin& origin,
    absl::FunctionRef<absl::Status(absl::StatusOr<Input> input, bool subscribes)> take);

// A call without a stream; its request id becomes that of the origin. ERRORS: as DecodeCall, and
// InvalidArgument for a request without call or with too long an id.
absl::StatusOr<Input> DecodeCallRequest(const v1::scheduler::CallRequest& request,
                                        CallOrigin origin);

// What a framework says about itself. ERRORS: InvalidArgument with the path of the offending field.
absl::StatusOr<Subscription> DecodeSubscription(const v1::FrameworkInfo& info,
                                                absl::string_view root);

}  // namespace meros::master
