#include "services/containerizer/core/life_cycle.h"

namespace meros::containerizer {

std::optional<State> Next(State from, LifeEvent event) {
  for (const Transition& transition : kTransitions) {
    if (transition.from == from && transition.event == event) return transition.to;
  }
  return std::nullopt;
}

absl::string_view Name(State state) {
  switch (state) {
    case State::kStarting:
      return "STARTING";
    case State::kPreparing:
      return "PREPARING";
    case State::kRunning:
      return "RUNNING";
    case State::kStopping:
      return "STOPPING";
    case State::kDestroying:
      return "DESTROYING";
    case State::kTerminated:
      return "TERMINATED";
  }
  return "?";
}

absl::string_view Name(LifeEvent event) {
  switch (event) {
    case LifeEvent::kRecorded:
      return "recorded";
    case LifeEvent::kStarted:
      return "started";
    case LifeEvent::kStopping:
      return "stopping";
    case LifeEvent::kEnding:
      return "ending";
    case LifeEvent::kGone:
      return "gone";
  }
  return "?";
}

}  // namespace meros::containerizer
