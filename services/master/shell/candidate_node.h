// What a master's node among the candidates in ZooKeeper says: its MasterInfo as JSON, in the names
// and forms of Mesos, so that existing detectors can read it.
//
// Thread rule: thread-safe (pure functions).
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "meros/v1/master.pb.h"

namespace meros::master {

// `ip` is the IPv4 address behind the advertised name; empty when it has none.
std::string CandidateJson(v1::MasterInfo info, absl::string_view ip);

// host:port to dial the master of that node; empty when it does not say.
std::string CandidateAddress(const std::string& json);
// The region that it is in; empty when it has none, or does not say.
std::string CandidateRegion(const std::string& json);

}  // namespace meros::master
