// The agent's stream to its containerizer: dialled, and dialled again when it ends, for ever.
// Frames of the core's requests go out in order; answers and events come back in order.
//
// Readers outside the core (usage statistics) ask through Call(), whose request ids lie above those
// of the core.
//
// Owner: Agent. Thread rule: thread-safe; handlers run on gRPC's threads.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/base/mutex.h"
#include "libs/base/rng.h"
#include "libs/runtime/backoff.h"
#include "meros/containerizer/v1/containerizer.pb.h"
#include "services/agent/core/effects.h"
#include "services/agent/shell/redialer.h"

namespace meros::agent {

struct ContainerizerHandlers {
  std::function<void(SessionId)> on_up;
  std::function<void(SessionId, absl::Status)> on_down;
  std::function<void(SessionId, containerizer::v1::Response)> on_response;
};

class ContainerizerClient {
 public:
  using Answer = std::function<void(absl::StatusOr<containerizer::v1::Response>)>;

  // `address` is unix:/path. `redialer` outlives the client and stops before it.
  ContainerizerClient(std::string address, uint64_t seed, Redialer* redialer);
  ~ContainerizerClient();

  void Start(ContainerizerHandlers handlers);
  // Ends the stream; no handler runs once it has returned. Idempotent.
  void Stop();

  // Dropped when `session` is not the present one.
  void Send(SessionId session, std::vector<containerizer::v1::Request> requests);

  // ERRORS of the answer: Unavailable (no stream, or it ended first), ResourceExhausted (too many
  // at a time), or what the containerizer says.
  void Call(containerizer::v1::Request request, Answer answer);

 private:
  struct Impl;

  void Dial();
  void OnFrame(SessionId session, containerizer::v1::Responses frame);
  void OnClosed(SessionId session, const absl::Status& status);

  const std::string address_;
  Redialer* const redialer_;
  ContainerizerHandlers handlers_;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace meros::agent
