// Reads a listing that comes in pages. The next page is asked for when the last one has come in,
// not when the caller is done with that: while one is parsed and used, the next is made and sent.
//
//   PageReader pages(channel, "/meros.v1.master.MasterService/ListTasks",
//                    ListTasksResponse::kNextPageTokenFieldNumber,
//                    [&](const std::string& token) {
//                      request.set_page_token(token);
//                      return request.SerializeAsString();
//                    });
//   do {
//     MEROS_ASSIGN_OR_RETURN(const grpc::ByteBuffer page, pages.Next());
//     MEROS_RETURN_IF_ERROR(MergeInto(page, &all));
//   } while (pages.HasMore());
//
// Cost: one page at most is held that the caller has not asked for.
// Thread rule: thread-compatible; what it is given to call is called in the constructor and in
// Next.
#pragma once

#include <google/protobuf/message_lite.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace meros::rpc {

class PageReader {
 public:
  // The packed request for the page of this token, "" for the first.
  using RequestFor = std::function<std::string(const std::string& page_token)>;
  // Before each call: deadline, metadata.
  using Prepare = std::function<void(grpc::ClientContext*)>;

  // Asks for the first page. `token_field` is the number of the response's string field that names
  // the next page.
  PageReader(const std::shared_ptr<grpc::Channel>& channel, std::string method, int token_field,
             RequestFor request_for, Prepare prepare = nullptr);
  // Cancels the call that is running.
  ~PageReader();
  PageReader(const PageReader&) = delete;
  PageReader& operator=(const PageReader&) = delete;

  // Waits for a page, and asks for the one after it. After an error there are no more.
  // REQUIRES: HasMore().
  // ERRORS: as the call; Internal (not a message).
  absl::StatusOr<grpc::ByteBuffer> Next();
  // A page has been asked for.
  bool HasMore() const { return running_ != nullptr; }

 private:
  struct Running;

  void Ask(const std::string& page_token);

  grpc::GenericStub stub_;
  const std::string method_;
  const int token_field_;
  const RequestFor request_for_;
  const Prepare prepare_;
  std::unique_ptr<Running> running_;  // null: nothing is left
};

// Adds what `page` holds to `message`, as Message::MergeFrom does.
// ERRORS: Internal (not a message).
absl::Status MergeInto(const grpc::ByteBuffer& page, google::protobuf::MessageLite* message);

}  // namespace meros::rpc
