// Collects what a batch says on each stream into one frame per stream, as the shells do.
//
// Thread rule: thread-compatible.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/message.h"
#include "libs/simulation/world.h"

namespace meros::simulation {

// The same whenever the message is the same; elsewhere the order of a map's entries is not fixed.
inline std::string BytesOf(const google::protobuf::Message& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializePartialToCodedStream(&coded);
  }
  return bytes;
}

template <typename Frame>
class Frames {
 public:
  // The open frame of a stream.
  Frame* Of(ConnectionId stream) { return &frames_[stream]; }

  // Writes them all. The node may die before each; false when it has.
  [[nodiscard]] bool Flush(NodeContext* context) {
    for (auto& [stream, frame] : std::exchange(frames_, {})) {
      std::string bytes = BytesOf(frame);
      if (!context->Record(absl::StrCat("frame on ", stream, " ", bytes))) return false;
      context->Write(stream, std::move(bytes));
    }
    return true;
  }

 private:
  std::map<ConnectionId, Frame> frames_;
};

}  // namespace meros::simulation
