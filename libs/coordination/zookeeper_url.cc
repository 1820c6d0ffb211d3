#include "libs/coordination/zookeeper_url.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace meros::coordination {
namespace {

constexpr absl::string_view kScheme = "zk://";
constexpr int kDefaultPort = 2181;

absl::Status Wrong(absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("expected zk://[USER:PASSWORD@]HOST[:PORT],.../PATH: ", what));
}

// host or host:port, with the port filled in. IPv6 addresses stand in brackets.
absl::StatusOr<std::string> Server(absl::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos || absl::EndsWith(text, "]")) {
    if (text.empty()) return Wrong("a server is empty");
    return absl::StrCat(text, ":", kDefaultPort);
  }
  int port = 0;
  if (colon == 0 || !absl::SimpleAtoi(text.substr(colon + 1), &port) || port < 1 || port > 65535) {
    return Wrong(absl::StrCat("'", text, "' is no server"));
  }
  return std::string(text);
}

absl::Status CheckPath(absl::string_view path) {
  if (path.size() < 2) return Wrong("the path is missing");
  for (absl::string_view part : absl::StrSplit(path.substr(1), '/')) {
    if (part.empty() || part == "." || part == "..") {
      return Wrong(absl::StrCat("'", path, "' is no path of ZooKeeper"));
    }
    for (const char c : part) {
      if (c < ' ' || c == 127) return Wrong("the path holds a control character");
    }
  }
  return absl::OkStatus();
}

}  // namespace

bool IsZooKeeperUrl(absl::string_view text) { return absl::StartsWith(text, "zk:"); }

std::string ZooKeeperUrl::Redacted() const {
  const std::string user =
      credentials.empty() ? ""
                          : absl::StrCat(credentials.substr(0, credentials.find(':')), ":***@");
  return absl::StrCat(kScheme, user, servers, path);
}

absl::StatusOr<ZooKeeperUrl> ParseZooKeeperUrl(absl::string_view text) {
  ZooKeeperUrl url;
  if (!absl::ConsumePrefix(&text, kScheme)) return Wrong("it does not begin with zk://");
  const size_t slash = text.find('/');
  absl::string_view authority = text.substr(0, slash);
  // The last one: a password may hold another.
  if (const size_t at = authority.rfind('@'); at != absl::string_view::npos) {
    url.credentials = std::string(authority.substr(0, at));
    authority.remove_prefix(at + 1);
    const size_t colon = url.credentials.find(':');
    if (colon == std::string::npos || colon == 0) return Wrong("USER:PASSWORD has no user");
  }
  for (absl::string_view part : absl::StrSplit(authority, ',')) {
    absl::StatusOr<std::string> server = Server(part);
    if (!server.ok()) return server.status();
    absl::StrAppend(&url.servers, url.servers.empty() ? "" : ",", *server);
  }
  url.path = slash == absl::string_view::npos ? "" : std::string(text.substr(slash));
  while (url.path.size() > 1 && url.path.back() == '/') url.path.pop_back();
  const absl::Status path = CheckPath(url.path);
  if (!path.ok()) return path;
  return url;
}

}  // namespace meros::coordination
