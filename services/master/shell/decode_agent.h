// Messages of agents, from the wire to inputs of the core.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include <google/protobuf/arena.h>

#include <memory>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "libs/base/ids.h"
#include "meros/agent_link/v1/agent_link.pb.h"
#include "services/master/core/inputs.h"

namespace meros::master {

// Takes the message's content. `arena` is where the message is, or null: a status, which is soon
// passed on and dropped, shares it, and nothing else of the input is in it.
// ERRORS: InvalidArgument with the path of the offending field.
absl::StatusOr<Input> DecodeAgentMessage(
    agent_link::v1::AgentMessage* message, StreamId stream,
    const std::shared_ptr<google::protobuf::Arena>& arena = nullptr);

// Notes where a registration came from: `peer` is gRPC's name of it, such as "ipv4:10.0.0.1:4711".
// No effect on other inputs, and for peers that have no address.
void SetIp(absl::string_view peer, Input* input);

// The messages of a frame, one after another, each given to `take` as soon as it is read, with the
// address of `peer` where SetIp notes it. The first that `take` gives an error for is the last; the
// error is returned. `arena` as above.
absl::Status DecodeAgentFrame(agent_link::v1::AgentFrame* frame, StreamId stream,
                              absl::string_view peer,
                              const std::shared_ptr<google::protobuf::Arena>& arena,
                              absl::FunctionRef<absl::Status(absl::StatusOr<Input> input)> take);

}  // namespace meros::master
