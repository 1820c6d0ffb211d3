// zk://[USER:PASSWORD@]HOST[:PORT],.../PATH, as operators write it.
//
// Thread rule: thread-compatible.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace meros::coordination {

struct ZooKeeperUrl {
  std::string servers;      // "host:port,host:port"
  std::string credentials;  // "user:password" for the scheme "digest"; empty: none
  std::string path;         // "/meros": at least one component, no slash at the end

  // Without the password, for logs and listings.
  std::string Redacted() const;
};

// The port defaults to 2181. ERRORS: InvalidArgument saying what is missing; never with the
// password.
absl::StatusOr<ZooKeeperUrl> ParseZooKeeperUrl(absl::string_view text);

// Whether the text means ZooKeeper at all.
bool IsZooKeeperUrl(absl::string_view text);

}  // namespace meros::coordination
