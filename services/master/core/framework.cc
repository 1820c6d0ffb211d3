#include "services/master/core/framework.h"

#include <algorithm>

namespace meros::master {
namespace {

constexpr FrameworkTransition kTransitions[] = {
    {FrameworkState::kConnected, FrameworkState::kConnected},
    {FrameworkState::kConnected, FrameworkState::kDisconnected},
    {FrameworkState::kConnected, FrameworkState::kRemoving},
    {FrameworkState::kDisconnected, FrameworkState::kConnected},
    {FrameworkState::kDisconnected, FrameworkState::kRemoving},
    {FrameworkState::kRecovered, FrameworkState::kConnected},
    {FrameworkState::kRecovered, FrameworkState::kRemoving},
    {FrameworkState::kRemoving, FrameworkState::kConnected},
    {FrameworkState::kRemoving, FrameworkState::kDisconnected},
    {FrameworkState::kRemoving, FrameworkState::kCompleted},
};

}  // namespace

absl::string_view FrameworkStateName(FrameworkState state) {
  switch (state) {
    case FrameworkState::kConnected: return "CONNECTED";
    case FrameworkState::kDisconnected: return "DISCONNECTED";
    case FrameworkState::kRecovered: return "RECOVERED";
    case FrameworkState::kRemoving: return "REMOVING";
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

bool Subscription::IsSuppressed(absl::string_view role) const {
  return std::binary_search(suppressed_roles.begin(), suppressed_roles.end(), role);
}

}  // namespace meros::master
