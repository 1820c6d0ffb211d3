#include "libs/testing/zookeeper_ensemble.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"

namespace meros::testing {
namespace {

constexpr char kJava[] = "/usr/bin/java";
constexpr char kJar[] = "/usr/share/java/zookeeper.jar";
// Servers vote, and a loaded machine starts three virtual machines slowly.
constexpr absl::Duration kStartLimit = absl::Seconds(180);
// Of one question to a server. A paused one accepts the connection and never answers.
constexpr int kAnswerMillis = 1000;

// 127.64.0.0 to 127.127.255.255, by pid.
std::string OwnLoopback() {
  const int pid = getpid();
  return absl::StrCat("127.", 64 + ((pid >> 16) & 63), ".", (pid >> 8) & 255, ".", pid & 255);
}

int NextPorts(int servers) {
  static std::atomic<int> next{21000};  // below the ports that the kernel hands out
  return next.fetch_add(3 * servers);
}

// What the server answers to one of ZooKeeper's four-letter words; empty without an answer.
std::string Ask(const std::string& host, int port, absl::string_view word) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval limit{.tv_sec = kAnswerMillis / 1000, .tv_usec = 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  std::string answer;
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 &&
      send(fd, word.data(), word.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(word.size())) {
    char part[1024];
    for (ssize_t n; (n = recv(fd, part, sizeof(part), 0)) > 0;) answer.append(part, n);
  }
  close(fd);
  return answer;
}

}  // namespace

ZooKeeperEnsemble::ZooKeeperEnsemble(ZooKeeperEnsembleOptions options)
    : options_(std::move(options)),
      loopback_(OwnLoopback()),
      first_port_(NextPorts(options_.servers)),
      processes_(options_.servers) {}

ZooKeeperEnsemble::~ZooKeeperEnsemble() = default;

const std::string& ZooKeeperEnsemble::host(int i) const {
  return hosts_ == nullptr ? loopback_ : hosts_->address(i);
}

std::string ZooKeeperEnsemble::server(int i) const { return absl::StrCat(host(i), ":", port(i)); }

std::string ZooKeeperEnsemble::servers() const {
  std::string all;
  for (int i = 0; i < size(); ++i) absl::StrAppend(&all, i > 0 ? "," : "", server(i));
  return all;
}

absl::Status ZooKeeperEnsemble::Start() {
  if (!std::filesystem::exists(kJar) || !std::filesystem::exists(kJava)) {
    return absl::NotFoundError(
        "no ZooKeeper here: install the packages zookeeper and default-jre-headless");
  }
  if (options_.on_separate_hosts) {
    MEROS_ASSIGN_OR_RETURN(hosts_, SeparateHosts::Create(size(), options_.directory));
  }
  for (int i = 0; i < size(); ++i) MEROS_RETURN_IF_ERROR(Launch(i));
  return AwaitAll();
}

absl::Status ZooKeeperEnsemble::Launch(int i) {
  const std::string data = absl::StrCat(options_.directory, "/zookeeper", i);
  std::filesystem::create_directories(data);
  std::ofstream(data + "/myid") << i + 1 << "\n";
  const std::string config = data + "/zoo.cfg";
  {
    std::ofstream out(config);
    // 30 s for a server to join, however long a tick is.
    out << "tickTime=" << absl::ToInt64Milliseconds(options_.tick)
        << "\ninitLimit=" << absl::Seconds(30) / options_.tick
        << "\nsyncLimit=" << options_.peer_timeout / options_.tick
        << "\nmaxSessionTimeout=60000\nmaxClientCnxns=0\ndataDir=" << data
        << "\nclientPort=" << port(i) << "\nclientPortAddress=" << host(i)
        << "\nadmin.enableServer=false\n4lw.commands.whitelist=srvr\n";
    for (int peer = 0; size() > 1 && peer < size(); ++peer) {
      out << "server." << peer + 1 << "=" << host(peer) << ":" << port(peer) + 1 << ":"
          << port(peer) + 2 << "\n";
    }
  }
  std::vector<std::string> line;
  if (hosts_ != nullptr) line = hosts_->enter(i);
  line.insert(line.end(), {kJava, "-XX:+UseSerialGC", "-XX:-UsePerfData", "-Xshare:auto",
                           "-Dzookeeper.preAllocSize=1024"});
  if (options_.durable) {
    line.insert(line.end(), {"-Xmx1g"});
  } else {
    line.insert(line.end(), {"-Xmx192m", "-XX:TieredStopAtLevel=1", "-Dzookeeper.forceSync=no"});
  }
  line.insert(line.end(),
              {"-cp", kJar, "org.apache.zookeeper.server.quorum.QuorumPeerMain", config});
  MEROS_ASSIGN_OR_RETURN(processes_[i], Process::Start({.name = absl::StrCat("zookeeper", i),
                                                        .program = line.front(),
                                                        .arguments = {line.begin() + 1, line.end()},
                                                        .log_dir = options_.directory}));
  return absl::OkStatus();
}

absl::Status ZooKeeperEnsemble::Restart(int i) {
  processes_[i]->Kill();
  return Launch(i);
}

void ZooKeeperEnsemble::Pause(int i) { processes_[i]->Pause(); }
void ZooKeeperEnsemble::Resume(int i) { processes_[i]->Resume(); }

std::string ZooKeeperEnsemble::Mode(int i) const {
  const std::string answer = Ask(host(i), port(i), "srvr");
  constexpr absl::string_view kMark = "Mode: ";
  const size_t at = answer.find(std::string(kMark));
  if (at == std::string::npos) return "";
  const size_t start = at + kMark.size();
  return answer.substr(start, answer.find('\n', start) - start);
}

std::optional<int> ZooKeeperEnsemble::Leader() const {
  for (int i = 0; i < size(); ++i) {
    if (Mode(i) == "leader") return i;
  }
  return std::nullopt;
}

absl::Status ZooKeeperEnsemble::AwaitAll() {
  for (int i = 0; i < size(); ++i) {
    const bool serves =
        Eventually(kStartLimit, [&] { return !processes_[i]->running() || !Mode(i).empty(); });
    if (serves && processes_[i]->running()) continue;
    const std::string text =
        absl::StrCat("ZooKeeper server ", i, serves ? " ended" : " does not serve", ":\n",
                     processes_[i]->Output(), processes_[i]->Log());
    return serves ? absl::InternalError(text) : absl::DeadlineExceededError(text);
  }
  return absl::OkStatus();
}

absl::Status ZooKeeperEnsemble::Heal() {
  if (hosts_ != nullptr) MEROS_RETURN_IF_ERROR(hosts_->MendAll());
  for (int i = 0; i < size(); ++i) {
    Resume(i);
    if (!processes_[i]->running()) MEROS_RETURN_IF_ERROR(Restart(i));
  }
  return AwaitAll();
}

}  // namespace meros::testing
