// The agent's way to the leading master: dials whom runtime::LeaderSearch says, over connections
// that are open to all masters beforehand (libs/rpc/warm_channels.h). What is said on the stream is
// the core's affair.
//
// Owner: Agent. Thread rule: thread-safe; handlers run on gRPC's threads.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "libs/base/ids.h"
#include "libs/rpc/credentials.h"
#include "meros/agent_link/v1/agent_link.pb.h"
#include "services/agent/shell/redialer.h"

namespace meros::agent {

struct MasterLinkHandlers {
  // `lost` did not answer before; empty if there was none.
  std::function<void(StreamId, std::string master, std::string lost)> on_up;
  std::function<void(StreamId, absl::Status)> on_down;
  std::function<void(StreamId, agent_link::v1::MasterMessage)> on_message;
};

struct MasterLinkOptions {
  std::vector<std::string> masters;  // host:port, at least one
  rpc::TlsOptions tls;
  absl::Duration backoff_initial = absl::Milliseconds(100);
  absl::Duration backoff_maximum = absl::Seconds(5);
};

class MasterLink {
 public:
  // `redialer` outlives the link and stops before it.
  MasterLink(MasterLinkOptions options, uint64_t seed, Redialer* redialer);
  ~MasterLink();

  // Begins to connect to all masters.
  void Start(MasterLinkHandlers handlers);
  // Ends the stream; no handler runs once it has returned. Idempotent.
  void Stop();

  // Opens a stream, once, as soon as the back-off allows.
  void Open();
  // Dropped when `stream` is not the present one.
  void Send(StreamId stream, std::vector<agent_link::v1::AgentMessage> messages);
  void Close(StreamId stream, absl::Status reason);

 private:
  struct Impl;

  void Dial();
  void OnFrame(StreamId stream, agent_link::v1::MasterFrame frame);
  void OnClosed(StreamId stream, const absl::Status& status);

  const MasterLinkOptions options_;
  Redialer* const redialer_;
  MasterLinkHandlers handlers_;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace meros::agent
