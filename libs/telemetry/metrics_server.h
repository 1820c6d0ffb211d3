// The small HTTP server beside every service: GET /metrics (Prometheus text), /healthz and /readyz
// (JSON with reasons; 200 or 503). Anything else is 404. It serves monitoring alone; the API is
// gRPC.
//
// Owner: main; started before and stopped after everything it reports on. Thread rule: thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "libs/telemetry/health.h"
#include "libs/telemetry/metrics.h"

namespace meros::telemetry {

struct MetricsServerOptions {
  std::string address = "127.0.0.1";  // numeric IPv4; "0.0.0.0" for all interfaces
  int port = 0;                       // 0 lets the kernel choose
};

class MetricsServer {
 public:
  // `registry` and `health` must outlive the server.
  // ERRORS: InvalidArgument (port out of range, address not numeric), Unavailable (the address
  // cannot be bound: taken or not ours).
  static absl::StatusOr<std::unique_ptr<MetricsServer>> Start(const MetricsServerOptions& options,
                                                              const MetricRegistry* registry,
                                                              const Health* health);
  // Finishes requests in progress.
  ~MetricsServer();
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;

  // The bound port, also where 0 was asked for.
  int port() const { return port_; }

 private:
  struct Http;
  explicit MetricsServer(std::unique_ptr<Http> http, int port);

  std::unique_ptr<Http> http_;
  const int port_;
};

}  // namespace meros::telemetry
