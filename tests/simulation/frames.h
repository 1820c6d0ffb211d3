// Collects what a batch says on each stream into one frame per stream, as the shells do.
//
// Thread rule: thread-compatible.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/simulation/world.h"

namespace meros::simulation {

template <typename Frame>
class Frames {
 public:
  // The open frame of a stream.
  Frame* Of(ConnectionId stream) { return &frames_[stream]; }

  // Writes them all. The node may die before each; false when it has.
  [[nodiscard]] bool Flush(NodeContext* context) {
    for (auto& [stream, frame] : std::exchange(frames_, {})) {
      std::string bytes = frame.SerializeAsString();
      if (!context->Record(absl::StrCat("frame on ", stream, " ", bytes))) return false;
      context->Write(stream, std::move(bytes));
    }
    return true;
  }

 private:
  std::map<ConnectionId, Frame> frames_;
};

}  // namespace meros::simulation
