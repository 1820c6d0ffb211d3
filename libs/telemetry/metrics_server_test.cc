// Goal: the HTTP side answers what monitoring asks, with reasons.
// Method: a real server on a port of the kernel's choice and a socket.
#include "libs/telemetry/metrics_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"

namespace meros::telemetry {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// The whole answer to one request; empty when nobody answers.
std::string Ask(int port, absl::string_view method, absl::string_view path) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) {
    const std::string request =
        absl::StrCat(method, " ", path, " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    if (write(fd, request.data(), request.size()) == static_cast<ssize_t>(request.size())) {
      char buffer[4096];
      for (ssize_t n; (n = read(fd, buffer, sizeof(buffer))) > 0;)
        answer.append(buffer, static_cast<size_t>(n));
    }
  }
  close(fd);
  return answer;
}

class MetricsServerTest : public ::testing::Test {
 protected:
  MetricsServerTest()
      : registry_("master"), server_(*MetricsServer::Start({}, &registry_, &health_)) {}

  MetricRegistry registry_;
  Health health_;
  std::unique_ptr<MetricsServer> server_;
};

TEST_F(MetricsServerTest, ServesMetrics) {
  registry_.AddGauge("meros_master_agents", "Agents.").Set(2);

  const std::string answer = Ask(server_->port(), "GET", "/metrics");

  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("text/plain; version=0.0.4"));
  EXPECT_THAT(answer, HasSubstr("meros_master_agents 2\n"));
}

TEST_F(MetricsServerTest, ReadinessSaysWhyNot) {
  health_.AddLiveness("strand", [] { return absl::OkStatus(); });
  health_.AddReadiness("registry", [] { return absl::UnavailableError("no \"link\" yet"); });

  EXPECT_THAT(Ask(server_->port(), "GET", "/healthz"), StartsWith("HTTP/1.1 200 "));
  const std::string answer = Ask(server_->port(), "GET", "/readyz");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(
      answer,
      HasSubstr("{\"ok\":false,\"checks\":[{\"name\":\"strand\",\"ok\":true},"
                "{\"name\":\"registry\",\"ok\":false,\"reason\":\"no \\\"link\\\" yet\"}]}"));
}

TEST_F(MetricsServerTest, WhatIsNotAliveIsNotReady) {
  health_.AddLiveness("strand", [] { return absl::InternalError("stuck"); });

  EXPECT_THAT(Ask(server_->port(), "GET", "/healthz"), StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(Ask(server_->port(), "GET", "/readyz"), StartsWith("HTTP/1.1 503 "));
}

TEST_F(MetricsServerTest, RefusesTheRest) {
  EXPECT_THAT(Ask(server_->port(), "GET", "/etc/passwd"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Ask(server_->port(), "GET", "/"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Ask(server_->port(), "POST", "/metrics"), StartsWith("HTTP/1.1 405 "));
}

TEST_F(MetricsServerTest, ATakenPortIsAnErrorThatNamesIt) {
  const auto second = MetricsServer::Start({.port = server_->port()}, &registry_, &health_);

  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(second.status().message(), HasSubstr(absl::StrCat(":", server_->port())));
  EXPECT_EQ(MetricsServer::Start({.port = 70000}, &registry_, &health_).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace meros::telemetry
