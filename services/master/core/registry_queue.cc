#include "services/master/core/registry_queue.h"

#include <algorithm>

#include "libs/base/check.h"

namespace meros::master {
namespace {

// The first retry soon, because a restart of the registry takes a second or two; later ones rarely
// enough that thousands of waiting writes do not keep it busy.
constexpr absl::Duration kFirstDelay = absl::Milliseconds(100);
constexpr absl::Duration kLongestDelay = absl::Seconds(3);

}  // namespace

void RegistryQueue::Enqueue(std::string key, RegistryRecord record, AfterWrite after,
                            uint64_t epoch, EffectList* out) {
  std::deque<uint64_t>& line = by_object_[key];
  const bool replaceable = std::holds_alternative<NothingAfter>(after) && line.size() > 1;
  if (replaceable && std::holds_alternative<NothingAfter>(writes_.at(line.back()).after)) {
    writes_.at(line.back()).record = std::make_shared<const RegistryRecord>(std::move(record));
    return;
  }
  const uint64_t token = next_token_++;
  line.push_back(token);
  writes_.emplace(token, Write{std::move(key),
                               std::make_shared<const RegistryRecord>(std::move(record)),
                               std::move(after)});
  if (line.size() == 1) Resend(token, epoch, out);
}

std::optional<AfterWrite> RegistryQueue::Finish(uint64_t token, uint64_t epoch, EffectList* out) {
  auto it = writes_.find(token);
  if (it == writes_.end()) return std::nullopt;
  AfterWrite after = std::move(it->second.after);
  auto line = by_object_.find(it->second.key);
  MEROS_CHECK(line->second.front() == token) << token;
  line->second.pop_front();
  writes_.erase(it);
  if (line->second.empty()) {
    by_object_.erase(line);
  } else {
    Resend(line->second.front(), epoch, out);
  }
  return after;
}

std::optional<absl::Duration> RegistryQueue::Delay(uint64_t token, Rng* rng) {
  auto it = writes_.find(token);
  if (it == writes_.end()) return std::nullopt;
  const int doublings = std::min(it->second.tries, 5);
  const absl::Duration bound = std::min(kFirstDelay * (1 << doublings), kLongestDelay);
  return bound * (0.5 + 0.5 * rng->UniformDouble());
}

void RegistryQueue::Resend(uint64_t token, uint64_t epoch, EffectList* out) {
  auto it = writes_.find(token);
  if (it == writes_.end()) return;
  ++it->second.tries;
  out->push_back(WriteRegistry{token, epoch, it->second.record});
}

}  // namespace meros::master
