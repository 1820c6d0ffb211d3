// Goal: a frame that was packed message by message is read as one that was packed as a whole, also
// when it is empty, and whether its bytes are copied or owned.
#include "libs/rpc/frame_bytes.h"

#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace meros::rpc {
namespace {

// A message with one repeated field of messages, as frames are.
using Frame = google::protobuf::FileDescriptorSet;

std::vector<std::string> Names(const grpc::ByteBuffer& packed) {
  const auto frame = Unpack<Frame>(packed);
  EXPECT_TRUE(frame.ok()) << frame.status();
  std::vector<std::string> names;
  for (const auto& file : frame->file()) names.push_back(file.name());
  return names;
}

TEST(FrameBytes, OneMessageIsUsedForAll) {
  FrameBytes frame;
  google::protobuf::FileDescriptorProto file;
  const std::string large(kOwnedBytesMin, 'x');
  for (const std::string& name : {std::string("a"), std::string(), large}) {
    file.Clear();
    file.set_name(name);
    frame.Add(Frame::kFileFieldNumber, file);
  }

  EXPECT_EQ(Names(frame.Take()), (std::vector<std::string>{"a", "", large}));
}

TEST(FrameBytes, AnEmptyOneIsAFrameAndWhatWasTakenIsGone) {
  FrameBytes frame;
  EXPECT_TRUE(frame.empty());
  EXPECT_EQ(Names(frame.Take()), std::vector<std::string>());

  google::protobuf::FileDescriptorProto file;
  file.set_name("a");
  frame.Add(Frame::kFileFieldNumber, file);
  EXPECT_FALSE(frame.empty());
  const grpc::ByteBuffer first = frame.Take();
  EXPECT_TRUE(frame.empty());
  frame.Add(Frame::kFileFieldNumber, file);
  frame.Add(Frame::kFileFieldNumber, file);

  EXPECT_EQ(Names(first), (std::vector<std::string>{"a"}));
  EXPECT_EQ(Names(frame.Take()), (std::vector<std::string>{"a", "a"}));
}

}  // namespace
}  // namespace meros::rpc
