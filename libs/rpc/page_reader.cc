#include "libs/rpc/page_reader.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <grpcpp/support/proto_buffer_reader.h>

#include <utility>

#include "absl/synchronization/notification.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/packed.h"
#include "libs/rpc/status.h"

namespace meros::rpc {
namespace {

absl::Status NotAMessage() {
  return absl::InternalError("the answer is not a message of this method");
}

// The string in `field` of a packed message: "" where there is none, the last of several.
absl::StatusOr<std::string> StringIn(const grpc::ByteBuffer& packed, int field) {
  using google::protobuf::internal::WireFormatLite;
  grpc::ByteBuffer copy = packed;  // reading a buffer ends it
  grpc::ProtoBufferReader bytes(&copy);
  google::protobuf::io::CodedInputStream in(&bytes);
  const uint32_t wanted = WireFormatLite::MakeTag(field, WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
  std::string text;
  while (const uint32_t tag = in.ReadTag()) {
    const bool ok =
        tag == wanted ? WireFormatLite::ReadBytes(&in, &text) : WireFormatLite::SkipField(&in, tag);
    if (!ok) return NotAMessage();
  }
  if (!in.ConsumedEntireMessage()) return NotAMessage();
  return text;
}

}  // namespace

struct PageReader::Running {
  grpc::ClientContext context;
  grpc::ByteBuffer request;
  grpc::ByteBuffer page;
  grpc::Status status;
  absl::Notification done;
};

PageReader::PageReader(const std::shared_ptr<grpc::Channel>& channel, std::string method,
                       int token_field, RequestFor request_for, Prepare prepare)
    : stub_(channel),
      method_(std::move(method)),
      token_field_(token_field),
      request_for_(std::move(request_for)),
      prepare_(std::move(prepare)) {
  Ask("");
}

PageReader::~PageReader() {
  if (running_ == nullptr) return;
  running_->context.TryCancel();
  running_->done.WaitForNotification();
}

void PageReader::Ask(const std::string& page_token) {
  running_ = std::make_unique<Running>();
  Running* const call = running_.get();
  if (prepare_) prepare_(&call->context);
  call->request = BufferOf(request_for_(page_token));
  stub_.UnaryCall(&call->context, method_, {}, &call->request, &call->page,
                  [call](grpc::Status status) {
                    call->status = std::move(status);
                    call->done.Notify();
                  });
}

absl::StatusOr<grpc::ByteBuffer> PageReader::Next() {
  const std::unique_ptr<Running> call = std::move(running_);
  call->done.WaitForNotification();
  MEROS_RETURN_IF_ERROR(FromGrpc(call->status));
  MEROS_ASSIGN_OR_RETURN(const std::string next, StringIn(call->page, token_field_));
  if (!next.empty()) Ask(next);
  return std::move(call->page);
}

absl::Status MergeInto(const grpc::ByteBuffer& page, google::protobuf::MessageLite* message) {
  grpc::ByteBuffer copy = page;  // reading a buffer ends it
  grpc::ProtoBufferReader bytes(&copy);
  google::protobuf::io::CodedInputStream in(&bytes);
  if (!message->MergeFromCodedStream(&in) || !in.ConsumedEntireMessage()) return NotAMessage();
  return absl::OkStatus();
}

}  // namespace meros::rpc
