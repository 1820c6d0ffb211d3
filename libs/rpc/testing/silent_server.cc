#include "libs/rpc/testing/silent_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"

namespace meros::rpc {
namespace {

// An HTTP/2 frame (RFC 9113, 4.1): no payload, type SETTINGS, no flags, stream 0.
constexpr char kEmptySettings[9] = {0, 0, 0, 4, 0, 0, 0, 0, 0};

// Reads what has come, and whether the end was among it.
bool HasEnded(int connection) {
  char ignored[4096];
  ssize_t received = 0;
  do {
    received = recv(connection, ignored, sizeof(ignored), MSG_DONTWAIT);
  } while (received > 0);
  return received == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

}  // namespace

SilentServer::SilentServer() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in name = {};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const address = reinterpret_cast<sockaddr*>(&name);
  socklen_t size = sizeof(name);
  MEROS_CHECK(bind(listener_, address, size) == 0);
  MEROS_CHECK(getsockname(listener_, address, &size) == 0);
  address_ = absl::StrCat("127.0.0.1:", ntohs(name.sin_port));
}

SilentServer::~SilentServer() {
  shutdown(listener_, SHUT_RDWR);  // accept() returns
  if (thread_.joinable()) thread_.join();
  close(listener_);
  Drop();
}

void SilentServer::Listen() {
  MEROS_CHECK(listen(listener_, SOMAXCONN) == 0);
  thread_ = std::thread([this] { Accept(); });
}

void SilentServer::Accept() {
  while (true) {
    const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) return;
    MutexLock lock(&mutex_);
    connections_.push_back(connection);
    ++accepted_;
    // Last, so that a client that is ready has been counted.
    send(connection, kEmptySettings, sizeof(kEmptySettings), MSG_NOSIGNAL);
  }
}

void SilentServer::Drop() {
  MutexLock lock(&mutex_);
  for (const int connection : connections_) close(connection);
  connections_.clear();
}

int SilentServer::accepted() const {
  MutexLock lock(&mutex_);
  return accepted_;
}

int SilentServer::open() {
  MutexLock lock(&mutex_);
  for (size_t i = 0; i < connections_.size();) {
    if (!HasEnded(connections_[i])) {
      ++i;
      continue;
    }
    close(connections_[i]);
    connections_.erase(connections_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return static_cast<int>(connections_.size());
}

}  // namespace meros::rpc
