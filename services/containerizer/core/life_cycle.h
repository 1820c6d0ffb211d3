// The life of a container.
//
//        1            2            4            6             7
//   ──▶ STARTING ──▶ PREPARING ──▶ RUNNING ──▶ STOPPING ──▶ DESTROYING ──▶ TERMINATED ──▶ (removed)
//          │             │            └────────── 5 ────────▶ ▲  ▲
//          │             └─────────────────── 3 ──────────────┘  │
//          └───────────────────────────────── 8 ─────────────────┘
//
//   1  STARTING    recorded  PREPARING    The launch is durable: a crash cannot lose it any more.
//   2  PREPARING   started   RUNNING      Isolation stands, the command was executed.
//   3  PREPARING   ending    DESTROYING   The start failed, or its end was requested meanwhile.
//   4  RUNNING     stopping  STOPPING     SIGTERM was sent and the grace period runs.
//   5  RUNNING     ending    DESTROYING   It ended, hit a limit, or is to be destroyed at once.
//   6  STOPPING    ending    DESTROYING   It ended, hit a limit, or the grace period is over.
//   7  DESTROYING  gone      TERMINATED   Nothing is left but its record and its sandbox.
//   8  STARTING    ending    DESTROYING   Its end was requested before anything had been set up.
//
// (1 in the picture is the arrow out of STARTING, and so on; the arrow into it is a Launch.)
// Waiting has no other form than these states: a request that cannot be met yet, such as the
// destruction of a container that is being prepared, is noted in the container and met by the next
// transition.
//
// Thread rule: immutable.
#pragma once

#include <array>
#include <optional>

#include "absl/strings/string_view.h"

namespace meros::containerizer {

enum class State { kStarting, kPreparing, kRunning, kStopping, kDestroying, kTerminated };

enum class LifeEvent { kRecorded, kStarted, kStopping, kEnding, kGone };

struct Transition {
  int number;  // in the table above
  State from;
  LifeEvent event;
  State to;
};

inline constexpr std::array<Transition, 8> kTransitions = {{
    {1, State::kStarting, LifeEvent::kRecorded, State::kPreparing},
    {2, State::kPreparing, LifeEvent::kStarted, State::kRunning},
    {3, State::kPreparing, LifeEvent::kEnding, State::kDestroying},
    {4, State::kRunning, LifeEvent::kStopping, State::kStopping},
    {5, State::kRunning, LifeEvent::kEnding, State::kDestroying},
    {6, State::kStopping, LifeEvent::kEnding, State::kDestroying},
    {7, State::kDestroying, LifeEvent::kGone, State::kTerminated},
    {8, State::kStarting, LifeEvent::kEnding, State::kDestroying},
}};

// Where `event` leads from `from`; nothing when it has no meaning there.
std::optional<State> Next(State from, LifeEvent event);

// "STARTING", "recorded": as in the table above.
absl::string_view Name(State state);
absl::string_view Name(LifeEvent event);

}  // namespace meros::containerizer
