// The watchers of a script (request_script.h): what they hear, and whether it is what a registry
// promises.
//
// Thread rule: thread-compatible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libs/base/ids.h"
#include "meros/registry/v1/registry_service.pb.h"
#include "services/registry/core/record_watchers.h"
#include "services/registry/core/records.h"

namespace meros::registry {

// CoreOptions::watch_silent_commits_max of the script.
inline constexpr uint64_t kSilentCommits = 3;

class ScriptWatchers {
 public:
  void Begin(StreamId watch, const v1::WatchRequest& request);
  // CHECKs that it is durable, does not go back, and is in order.
  void Hear(const TellWatcher& tell, uint64_t durable);
  // As the registry says. CHECKs that it is not said twice.
  void End(StreamId watch);
  // One of them goes; none if there is none.
  std::optional<StreamId> Drop(size_t which);
  // Bytes heard since the last time, of those who heard any.
  std::vector<std::pair<StreamId, size_t>> TakeUnread();
  // CHECKs that whoever watches everything since 0, and has read it, knows these records, and that
  // nobody's revision is old.
  void Check(const Records& records, uint64_t revision) const;

 private:
  struct Watcher {
    bool knows_all;  // of all kinds, and from 0
    uint64_t revision = 0;
    bool is_whole = true;
    std::optional<Key> last_key = {};  // of this revision
    size_t unread = 0;
    std::map<Key, std::string> records = {};
  };

  std::map<StreamId, Watcher> watchers_;
};

}  // namespace meros::registry
