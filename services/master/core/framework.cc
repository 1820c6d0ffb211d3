#include "services/master/core/framework.h"

#include <algorithm>

namespace meros::master {
namespace {

constexpr FrameworkTransition kTransitions[] = {
    {FrameworkState::kConnected, FrameworkState::kDisconnected},
    {FrameworkState::kDisconnected, FrameworkState::kConnected},
    {FrameworkState::kDisconnected, FrameworkState::kCompleted},
    {FrameworkState::kConnected, FrameworkState::kConnected},
    {FrameworkState::kConnected, FrameworkState::kCompleted},
    {FrameworkState::kRecovered, FrameworkState::kConnected},
    {FrameworkState::kRecovered, FrameworkState::kCompleted},
};

}  // namespace

absl::string_view FrameworkStateName(FrameworkState state) {
  switch (state) {
    case FrameworkState::kConnected: return "CONNECTED";
    case FrameworkState::kDisconnected: return "DISCONNECTED";
    case FrameworkState::kRecovered: return "RECOVERED";
    case FrameworkState::kCompleted: return "COMPLETED";
  }
  return "?";
}

absl::Span<const FrameworkTransition> FrameworkTransitions() { return kTransitions; }

bool MayFollow(FrameworkState from, FrameworkState to) {
  return std::any_of(std::begin(kTransitions), std::end(kTransitions),
                     [&](const FrameworkTransition& t) { return t.from == from && t.to == to; });
}

bool Subscription::HasRole(absl::string_view role) const {
  return std::binary_search(roles.begin(), roles.end(), role);
}

}  // namespace meros::master
