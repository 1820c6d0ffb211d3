#include "libs/testing/cuttable_link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <iterator>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"

namespace meros::testing {
namespace {

// So little that a sender soon feels that nobody reads.
constexpr size_t kHeldBytesMax = 64 << 10;
constexpr int kBacklog = 128;

absl::Status LinkError(const char* what) {
  return absl::InternalError(absl::StrCat("link: ", what, ": ", strerror(errno)));
}

absl::StatusOr<sockaddr_in> ParseTarget(const std::string& target) {
  const size_t colon = target.rfind(':');
  int port = 0;
  sockaddr_in parsed{};
  parsed.sin_family = AF_INET;
  if (colon == std::string::npos || !absl::SimpleAtoi(target.substr(colon + 1), &port) ||
      port <= 0 || port > 65535 ||
      inet_pton(AF_INET, target.substr(0, colon).c_str(), &parsed.sin_addr) != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected an IPv4 address and a port, found '", target, "'"));
  }
  parsed.sin_port = htons(static_cast<uint16_t>(port));
  return parsed;
}

// A non-blocking listener on loopback.
absl::StatusOr<int> Listen() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return LinkError("socket");
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, reinterpret_cast<sockaddr*>(&any), sizeof(any)) != 0 || listen(fd, kBacklog) != 0) {
    const absl::Status error = LinkError("listen");
    close(fd);
    return error;
  }
  return fd;
}

bool MustWait() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

}  // namespace

absl::StatusOr<std::unique_ptr<CuttableLink>> CuttableLink::Start(const std::string& target) {
  MEROS_ASSIGN_OR_RETURN(const sockaddr_in parsed, ParseTarget(target));
  MEROS_ASSIGN_OR_RETURN(const int listener, Listen());
  sockaddr_in bound{};
  socklen_t size = sizeof(bound);
  getsockname(listener, reinterpret_cast<sockaddr*>(&bound), &size);
  const int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake < 0) {
    const absl::Status error = LinkError("eventfd");
    close(listener);
    return error;
  }
  return std::unique_ptr<CuttableLink>(
      new CuttableLink(listener, wake, absl::StrCat("127.0.0.1:", ntohs(bound.sin_port)), parsed));
}

CuttableLink::CuttableLink(int listener, int wake, std::string address, sockaddr_in target)
    : listener_(listener),
      wake_(wake),
      address_(std::move(address)),
      target_(target),
      thread_([this] { Run(); }) {}

CuttableLink::~CuttableLink() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  Wake();
  thread_.join();
  close(listener_);
  close(wake_);
}

void CuttableLink::Wake() {
  const uint64_t one = 1;
  // Fails only when it would overflow, and then the thread is awake.
  [[maybe_unused]] const ssize_t written = write(wake_, &one, sizeof(one));
}

// The thread moves bytes under the lock only, so nothing passes after these.
void CuttableLink::Cut() {
  MutexLock lock(&mutex_);
  cut_to_target_ = cut_from_target_ = true;
}

void CuttableLink::CutOneWay(Direction direction) {
  MutexLock lock(&mutex_);
  (direction == Direction::kToTarget ? cut_to_target_ : cut_from_target_) = true;
}

void CuttableLink::Heal() {
  {
    MutexLock lock(&mutex_);
    cut_to_target_ = cut_from_target_ = false;
  }
  Wake();
}

void CuttableLink::Run() {
  std::vector<pollfd> wanted;
  while (true) {
    {
      MutexLock lock(&mutex_);
      if (stopping_) break;
      AcceptAll();
      MoveAll();
      wanted = Wanted();
    }
    poll(wanted.data(), wanted.size(), -1);
    uint64_t wakes = 0;
    [[maybe_unused]] const ssize_t seen = read(wake_, &wakes, sizeof(wakes));
  }
  MutexLock lock(&mutex_);
  for (const Connection& connection : connections_) {
    close(connection.client);
    close(connection.target);
  }
}

void CuttableLink::AcceptAll() {
  while (is_whole()) {
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client < 0) return;
    const int target = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    // A refusal shows when bytes are moved.
    if (target < 0 ||
        (connect(target, reinterpret_cast<const sockaddr*>(&target_), sizeof(target_)) != 0 &&
         errno != EINPROGRESS)) {
      close(client);
      if (target >= 0) close(target);
      continue;
    }
    connections_.push_back({.client = client, .target = target});
  }
}

namespace {

// Moves what can be moved without waiting. Returns false when a side is broken.
template <typename Pipe>
bool Move(int source, int sink, Pipe* pipe) {
  while (true) {
    while (!pipe->held.empty()) {
      const ssize_t n = send(sink, pipe->held.data(), pipe->held.size(), MSG_NOSIGNAL);
      if (n < 0) return MustWait();
      pipe->held.erase(0, static_cast<size_t>(n));
    }
    if (pipe->has_ended) {
      if (!pipe->end_passed) shutdown(sink, SHUT_WR);
      pipe->end_passed = true;
      return true;
    }
    pipe->held.resize(kHeldBytesMax);
    const ssize_t n = recv(source, pipe->held.data(), pipe->held.size(), 0);
    const bool is_broken = n < 0 && !MustWait();
    pipe->held.resize(n > 0 ? static_cast<size_t>(n) : 0);
    if (is_broken) return false;
    if (n < 0) return true;
    pipe->has_ended = n == 0;
  }
}

}  // namespace

void CuttableLink::MoveAll() {
  for (auto it = connections_.begin(); it != connections_.end();) {
    Connection& c = *it;
    if (!c.broken && !cut_to_target_) c.broken = !Move(c.client, c.target, &c.to_target);
    if (!c.broken && !cut_from_target_) c.broken = !Move(c.target, c.client, &c.from_target);
    const bool is_over = c.broken || (c.to_target.end_passed && c.from_target.end_passed);
    // Closing tells both sides, which a cut link cannot.
    if (!is_over || !is_whole()) {
      ++it;
      continue;
    }
    close(c.client);
    close(c.target);
    it = connections_.erase(it);
  }
}

// A descriptor of which nothing is wanted is left out: poll(2) reports its end for ever.
std::vector<pollfd> CuttableLink::Wanted() {
  std::vector<pollfd> wanted = {{.fd = wake_, .events = POLLIN, .revents = 0}};
  if (is_whole()) wanted.push_back({.fd = listener_, .events = POLLIN, .revents = 0});
  for (const Connection& c : connections_) {
    if (c.broken) continue;
    short of_client = 0, of_target = 0;
    const auto want = [](const Pipe& pipe, short* source, short* sink) {
      if (!pipe.held.empty()) {
        *sink |= POLLOUT;
      } else if (!pipe.has_ended) {
        *source |= POLLIN;
      }
    };
    if (!cut_to_target_) want(c.to_target, &of_client, &of_target);
    if (!cut_from_target_) want(c.from_target, &of_target, &of_client);
    if (of_client != 0) wanted.push_back({.fd = c.client, .events = of_client, .revents = 0});
    if (of_target != 0) wanted.push_back({.fd = c.target, .events = of_target, .revents = 0});
  }
  return wanted;
}

}  // namespace meros::testing
