// A unary call that may wait for long: the server hears when its caller has gone, so that it need
// not keep for an hour what nobody wants any more.
//
// Thread rule: thread-safe.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <functional>
#include <utility>

#include "libs/rpc/unary.h"

namespace meros::rpc {

// As AnswerLater (unary.h). `on_gone` is called at most once, on one of gRPC's threads and never
// before `start` has returned, when the caller cancels, its deadline passes or its connection ends;
// it may come after the answer. The call is still to be finished then, with whatever.
template <typename Response, typename Start>
grpc::ServerUnaryReactor* AnswerUnlessGone(Response* response, Start start,
                                           std::function<void()> on_gone) {
  class Reactor final : public grpc::ServerUnaryReactor {
   public:
    explicit Reactor(std::function<void()> on_gone) : on_gone_(std::move(on_gone)) {}
    void OnCancel() override { on_gone_(); }
    void OnDone() override { delete this; }  // gRPC's last call

   private:
    const std::function<void()> on_gone_;
  };
  auto* const reactor = new Reactor(std::move(on_gone));
  start(UnaryReply<Response>(reactor, response));
  return reactor;
}

}  // namespace meros::rpc
