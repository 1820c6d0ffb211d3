#include "libs/telemetry/metrics_server.h"

#include <atomic>
#include <thread>
#include <utility>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <civetweb.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "libs/base/mutex.h"

namespace meros::telemetry {
namespace {

// Monitoring asks a few times a minute; two threads let one slow reader not block the next.
constexpr char kThreads[] = "2";
// A client that does not finish its request or read its reply within this is dropped.
constexpr char kRequestTimeoutMs[] = "5000";

int Reply(mg_connection* connection, int code, const char* type, const std::string& body) {
  mg_printf(
      connection,
      "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nCache-Control: no-store\r\n"
      "Connection: close\r\n\r\n",
      code, mg_get_response_code_text(connection, code), type, body.size());
  if (strcmp(mg_get_request_info(connection)->request_method, "HEAD") != 0) {
    mg_write(connection, body.data(), body.size());
  }
  return code;
}

bool IsRead(mg_connection* connection) {
  const char* method = mg_get_request_info(connection)->request_method;
  return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

int RefuseMethod(mg_connection* connection) {
  return Reply(connection, 405, "text/plain", "use GET\n");
}

int ReplyHealth(mg_connection* connection, const Health::Report& report) {
  return Reply(connection, report.is_ok ? 200 : 503, "application/json", report.json);
}

int ServeMetrics(mg_connection* connection, void* registry) {
  if (!IsRead(connection)) return RefuseMethod(connection);
  return Reply(connection, 200, "text/plain; version=0.0.4; charset=utf-8",
               static_cast<const MetricRegistry*>(registry)->Serialize());
}

int ServeLiveness(mg_connection* connection, void* health) {
  if (!IsRead(connection)) return RefuseMethod(connection);
  return ReplyHealth(connection, static_cast<const Health*>(health)->Liveness());
}

int ServeReadiness(mg_connection* connection, void* health) {
  if (!IsRead(connection)) return RefuseMethod(connection);
  return ReplyHealth(connection, static_cast<const Health*>(health)->Readiness());
}

// Connects and hangs up. Whether it succeeds does not matter.
void Knock(const sockaddr_in& address) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return;
  (void)connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  close(fd);
}

int ServeNothing(mg_connection* connection, void*) {
  return Reply(connection, 404, "text/plain", "try /metrics, /healthz or /readyz\n");
}

}  // namespace

struct MetricsServer::Http {
  mg_context* context = nullptr;
  sockaddr_in bound = {};
  Mutex mutex;
  std::string last_error MEROS_GUARDED_BY(mutex);

  ~Http() {
    if (context != nullptr) Stop();
  }

  // civetweb's accepting thread looks at its stop flag only when its poll of two seconds ends, so
  // knocking at the port spares every service those seconds at its end.
  void Stop() {
    std::atomic<bool> is_stopped = false;
    std::thread stopper([&] {
      mg_stop(context);
      is_stopped = true;
    });
    while (!is_stopped) {
      Knock(bound);
      usleep(2000);
    }
    stopper.join();
  }

  // Called on whichever of civetweb's threads has something to say.
  static int KeepError(const mg_connection* connection, const char* message) {
    if (void* user = mg_get_user_data(mg_get_context(connection))) {
      Http* const http = static_cast<Http*>(user);
      MutexLock lock(&http->mutex);
      http->last_error = message;
    }
    return 1;  // handled: nothing goes to stderr behind the log's back
  }

  std::string LastError() {
    MutexLock lock(&mutex);
    return last_error.empty() ? strerror(errno) : last_error;
  }
};

absl::StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::Start(
    const MetricsServerOptions& options, const MetricRegistry* registry, const Health* health) {
  if (options.port < 0 || options.port > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("metrics port must be 0 to 65535, found ", options.port));
  }
  sockaddr_in address = {.sin_family = AF_INET};
  if (inet_pton(AF_INET, options.address.c_str(), &address.sin_addr) != 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "metrics address must be a numeric IPv4 address, found '", options.address, "'"));
  }
  auto http = std::make_unique<Http>();
  const std::string where = absl::StrCat(options.address, ":", options.port);
  const char* settings[] = {"listening_ports",    where.c_str(),     "num_threads", kThreads,
                            "request_timeout_ms", kRequestTimeoutMs, nullptr};
  mg_callbacks callbacks = {};
  callbacks.log_message = &Http::KeepError;
  http->context = mg_start(&callbacks, http.get(), settings);
  if (http->context == nullptr) {
    return absl::UnavailableError(
        absl::StrCat("metrics server cannot listen on ", where, ": ", http->LastError()));
  }
  mg_server_port bound = {};
  if (mg_get_server_ports(http->context, 1, &bound) != 1) {
    return absl::InternalError(
        absl::StrCat("metrics server on ", where, " does not tell its port"));
  }
  http->bound = address;
  http->bound.sin_port = htons(static_cast<uint16_t>(bound.port));
  // civetweb's handlers take a mutable cookie; ours only read.
  void* const metrics_cookie = const_cast<MetricRegistry*>(registry);
  void* const health_cookie = const_cast<Health*>(health);
  mg_set_request_handler(http->context, "/metrics$", &ServeMetrics, metrics_cookie);
  mg_set_request_handler(http->context, "/healthz$", &ServeLiveness, health_cookie);
  mg_set_request_handler(http->context, "/readyz$", &ServeReadiness, health_cookie);
  mg_set_request_handler(http->context, "/", &ServeNothing, nullptr);
  return std::unique_ptr<MetricsServer>(new MetricsServer(std::move(http), bound.port));
}

MetricsServer::MetricsServer(std::unique_ptr<Http> http, int port)
    : http_(std::move(http)), port_(port) {}

MetricsServer::~MetricsServer() = default;

}  // namespace meros::telemetry
