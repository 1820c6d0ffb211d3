#include "libs/testing/separate_hosts.h"

#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/status_macros.h"

namespace meros::testing {
namespace {

constexpr int kUs = -1;
constexpr int kHostsMax = 3;
constexpr absl::Duration kLimit = absl::Seconds(60);  // of one tool

// Four addresses of 100.64.0.0/10 for each pid: ours, and those of the hosts.
std::string AddressOf(int i) {
  const int pid = getpid();
  return absl::StrCat("100.", 64 + ((pid >> 14) & 63), ".", (pid >> 6) & 255, ".",
                      (pid & 63) * (kHostsMax + 1) + i + 1);
}

// Ours for host i; names of devices have at most 15 characters.
std::string OurEnd(int i) { return absl::StrCat("mh", getpid(), "n", i); }
// On one host towards another, or towards us.
std::string EndTowards(int j) { return j == kUs ? "to-us" : absl::StrCat("to-", j); }

// The hardware address of i's end of the cable to j; locally administered.
std::string CardOf(int i, int j) { return absl::StrCat("02:00:00:00:0", i, ":0", j); }
constexpr char kNobodysCard[] = "02:00:00:00:ff:ff";

std::string NamespaceOf(pid_t pid) { return absl::StrCat("/proc/", pid, "/ns/net"); }

}  // namespace

absl::StatusOr<std::unique_ptr<SeparateHosts>> SeparateHosts::Create(int count,
                                                                     const std::string& log_dir) {
  if (count > kHostsMax) return absl::InvalidArgumentError("too many hosts");
  auto hosts = std::unique_ptr<SeparateHosts>(new SeparateHosts(log_dir));
  for (int i = 0; i < count; ++i) MEROS_RETURN_IF_ERROR(hosts->Add(i));
  for (int i = 0; i < count; ++i) {
    for (int j = 0; j < i; ++j) MEROS_RETURN_IF_ERROR(hosts->Connect(i, j));
  }
  return hosts;
}

// They would go with the namespaces, but only after a while.
SeparateHosts::~SeparateHosts() {
  for (int i = 0; i < static_cast<int>(hosts_.size()); ++i) {
    (void)Ip(kUs, absl::StrCat("link del ", OurEnd(i)));
  }
}

std::vector<std::string> SeparateHosts::enter(int i) const {
  return {"/usr/bin/nsenter", absl::StrCat("--net=", NamespaceOf(hosts_[i].holder->pid()))};
}

absl::Status SeparateHosts::Ip(int i, const std::string& words) {
  std::vector<std::string> line;
  if (i != kUs) line = enter(i);
  line.push_back("/bin/ip");
  for (const auto word : absl::StrSplit(words, ' ')) line.emplace_back(word);
  MEROS_ASSIGN_OR_RETURN(auto process, Process::Start({.name = "ip",
                                                       .program = line.front(),
                                                       .arguments = {line.begin() + 1, line.end()},
                                                       .log_dir = log_dir_}));
  MEROS_ASSIGN_OR_RETURN(const int status, process->Wait(kLimit));
  if (status == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("ip ", words, ": ", process->Log()));
}

absl::Status SeparateHosts::Add(int i) {
  MEROS_ASSIGN_OR_RETURN(auto holder,
                         Process::Start({.name = absl::StrCat("host-", i),
                                         .program = "/usr/bin/unshare",
                                         .arguments = {"--net", "/bin/sleep", "infinity"},
                                         .log_dir = log_dir_}));
  const pid_t pid = holder->pid();
  const bool is_apart = Eventually(kLimit, [&] {
    std::error_code error;
    const auto theirs = std::filesystem::read_symlink(NamespaceOf(pid), error);
    return !error && theirs != std::filesystem::read_symlink(NamespaceOf(getpid()), error);
  });
  if (!is_apart) return absl::InternalError(absl::StrCat("unshare --net: ", holder->Log()));
  hosts_.push_back({AddressOf(i), std::move(holder)});
  const std::string our_end = OurEnd(i), their_end = EndTowards(kUs), us = AddressOf(kUs);
  for (const auto& [where, words] : std::vector<std::pair<int, std::string>>{
           {kUs,
            absl::StrCat("link add ", our_end, " type veth peer name ", their_end, " netns ", pid)},
           {kUs, absl::StrCat("addr add ", us, "/32 dev ", our_end)},
           {kUs, absl::StrCat("link set ", our_end, " up")},
           {kUs, absl::StrCat("route add ", address(i), "/32 dev ", our_end, " src ", us)},
           {i, absl::StrCat("addr add ", address(i), "/32 dev lo")},
           {i, "link set lo up"},
           {i, absl::StrCat("link set ", their_end, " up")},
           {i, absl::StrCat("route add ", us, "/32 dev ", their_end, " src ", address(i))},
       }) {
    MEROS_RETURN_IF_ERROR(Ip(where, words));
  }
  return absl::OkStatus();
}

absl::Status SeparateHosts::Connect(int i, int j) {
  MEROS_RETURN_IF_ERROR(
      Ip(i, absl::StrCat("link add name ", EndTowards(j), " address ", CardOf(i, j),
                         " type veth peer name ", EndTowards(i), " address ", CardOf(j, i),
                         " netns ", hosts_[j].holder->pid())));
  for (const auto& [here, there] : {std::pair(i, j), std::pair(j, i)}) {
    const std::string end = EndTowards(there);
    MEROS_RETURN_IF_ERROR(Ip(here, absl::StrCat("link set ", end, " up")));
    MEROS_RETURN_IF_ERROR(Ip(
        here, absl::StrCat("route add ", address(there), "/32 dev ", end, " src ", address(here))));
  }
  return Mend(i, j);
}

absl::Status SeparateHosts::SendTo(int i, int j, const std::string& card) {
  return Ip(i, absl::StrCat("neigh replace ", address(j), " lladdr ", card, " dev ", EndTowards(j),
                            " nud permanent"));
}

absl::Status SeparateHosts::Cut(int i, int j) {
  MEROS_RETURN_IF_ERROR(SendTo(i, j, kNobodysCard));
  return SendTo(j, i, kNobodysCard);
}

absl::Status SeparateHosts::Mend(int i, int j) {
  MEROS_RETURN_IF_ERROR(SendTo(i, j, CardOf(j, i)));
  return SendTo(j, i, CardOf(i, j));
}

absl::Status SeparateHosts::MendAll() {
  for (int i = 0; i < static_cast<int>(hosts_.size()); ++i) {
    for (int j = 0; j < i; ++j) MEROS_RETURN_IF_ERROR(Mend(i, j));
  }
  return absl::OkStatus();
}

}  // namespace meros::testing
