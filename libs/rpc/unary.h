// Unary calls: a reply handle for servers whose answer comes later from a strand, and an asynchronous
// call with a deadline for clients.
//
// Thread rule: thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>
#include <grpcpp/support/server_callback.h>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/rpc/status.h"

namespace meros::rpc {

// The answer owed to one caller. Copies share it; the first Finish counts. If the last copy goes
// without an answer, the caller gets INTERNAL instead of waiting for ever.
//
//   grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* c, const Req* q, Res* r) override {
//     return rpc::AnswerLater<Res>(c, r, [&](rpc::UnaryReply<Res> reply) { strand.Post(...); });
//   }
template <typename Response>
class UnaryReply {
 public:
  UnaryReply(grpc::ServerUnaryReactor* reactor, Response* response)
      : state_(std::make_shared<State>(reactor, response)) {}

  void Finish(absl::StatusOr<Response> answer) const {
    grpc::ServerUnaryReactor* reactor = state_->reactor.exchange(nullptr);
    if (reactor == nullptr) return;
    if (answer.ok()) *state_->response = *std::move(answer);
    reactor->Finish(ToGrpc(answer.status()));
  }

 private:
  struct State {
    State(grpc::ServerUnaryReactor* r, Response* s) : reactor(r), response(s) {}
    ~State() {
      grpc::ServerUnaryReactor* left = reactor.exchange(nullptr);
      if (left != nullptr) left->Finish(grpc::Status(grpc::INTERNAL, "the server gave no answer"));
    }
    std::atomic<grpc::ServerUnaryReactor*> reactor;
    Response* const response;
  };
  std::shared_ptr<State> state_;
};

template <typename Response, typename Start>
grpc::ServerUnaryReactor* AnswerLater(grpc::CallbackServerContext* context, Response* response,
                                      Start start) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  start(UnaryReply<Response>(reactor, response));
  return reactor;
}

// Answers at once, for methods that need no strand.
template <typename Response>
grpc::ServerUnaryReactor* AnswerNow(grpc::CallbackServerContext* context, Response* response,
                                    absl::StatusOr<Response> answer) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  if (answer.ok()) *response = *std::move(answer);
  reactor->Finish(ToGrpc(answer.status()));
  return reactor;
}

// One call of an async stub with a deadline; `done` is called once on one of gRPC's threads.
//
//   rpc::CallUnary<Response>(request, absl::Seconds(5),
//       [&](auto... args) { stub->async()->Get(args...); },
//       [](absl::StatusOr<Response> response) { ... });
template <typename Response, typename Request, typename Method>
void CallUnary(Request request, absl::Duration deadline, Method method,
               std::function<void(absl::StatusOr<Response>)> done) {
  struct Call {
    grpc::ClientContext context;
    Request request;
    Response response;
    std::function<void(absl::StatusOr<Response>)> done;
  };
  auto call = std::make_shared<Call>();
  call->request = std::move(request);
  call->done = std::move(done);
  call->context.set_deadline(std::chrono::system_clock::now() +
                             absl::ToChronoMilliseconds(deadline));
  std::function<void(grpc::Status)> finished = [call](grpc::Status status) {
    if (status.ok()) {
      call->done(std::move(call->response));
    } else {
      call->done(FromGrpc(status));
    }
  };
  const Request* sent = &call->request;
  method(&call->context, sent, &call->response, std::move(finished));
}

}  // namespace meros::rpc
