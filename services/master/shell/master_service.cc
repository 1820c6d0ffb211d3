#include "services/master/shell/master_service.h"

#include <memory>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/rpc/packed.h"
#include "libs/rpc/server_writer.h"
#include "libs/rpc/unary.h"
#include "libs/telemetry/log.h"
#include "services/master/shell/check_leading.h"
#include "services/master/shell/explain_codec.h"
#include "services/master/shell/operator_call.h"
#include "services/master/shell/order_codec.h"
#include "services/master/shell/process_codec.h"
#include "services/master/shell/role_codec.h"
#include "services/master/view/encode_view.h"
#include "services/master/view/executor_listing.h"
#include "services/master/view/listing_pages.h"
#include "services/master/view/listings.h"
#include "services/master/view/maintenance_view.h"
#include "services/master/view/offer_listing.h"
#include "services/master/view/operation_listing.h"

namespace meros::master {
namespace {

namespace pb = ::meros::v1::master;

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

enum class Needs { kNothing, kLeadership };

// Answers from the view, on the replica's thread.
template <typename Response, typename Request, typename Read>
ServerUnaryReactor* FromView(ShellContext* context, CallbackServerContext* grpc_context,
                             const Request* request, Response* response, Needs needs, Read read) {
  return rpc::AnswerLater<Response>(grpc_context, response, [&](rpc::UnaryReply<Response> reply) {
    const bool taken =
        context->replica->Query([request, reply, needs, read](const ClusterView& view, WatchHub*) {
          const absl::Status status = CheckLeading(view.leadership());
          if (needs == Needs::kLeadership && !status.ok()) return reply.Finish(status);
          reply.Finish(read(view, *request));
        });
    if (!taken) reply.Finish(ShellContext::Overloaded());
  });
}

// The same for what takes long: behind the short answers, and sent by a thread that packs.
template <typename Response, typename Request, typename Read>
ServerUnaryReactor* FromLongView(ShellContext* context, CallbackServerContext* grpc_context,
                                 const Request* request, Response* response, Read read) {
  return rpc::AnswerLater<Response>(grpc_context, response, [&](rpc::UnaryReply<Response> reply) {
    const bool taken = context->replica->List(
        [request, reply, read](const ClusterView& view) -> ReadReplica::Pack {
          const absl::Status status = CheckLeading(view.leadership());
          if (!status.ok()) return [reply, status] { reply.Finish(status); };
          auto answer = std::make_shared<absl::StatusOr<Response>>(read(view, *request));
          return [reply, answer] { reply.Finish(std::move(*answer)); };
        });
    if (!taken) reply.Finish(ShellContext::Overloaded());
  });
}

// Answers with a page: taken on the replica's thread, packed and sent by a thread that packs.
template <typename Request>
ServerUnaryReactor* FromPages(ShellContext* context, CallbackServerContext* grpc_context,
                              const grpc::ByteBuffer* packed_request, grpc::ByteBuffer* response) {
  absl::StatusOr<Request> request = rpc::Unpack<Request>(*packed_request);
  if (!request.ok()) {
    return rpc::AnswerNow<grpc::ByteBuffer>(grpc_context, response, request.status());
  }
  using Reply = rpc::UnaryReply<grpc::ByteBuffer>;
  return rpc::AnswerLater<grpc::ByteBuffer>(grpc_context, response, [&](Reply reply) {
    const bool taken = context->replica->List(
        [request = *std::move(request), reply](const ClusterView& view) -> ReadReplica::Pack {
          const absl::Status status = CheckLeading(view.leadership());
          if (!status.ok()) return [reply, status] { reply.Finish(status); };
          auto page = TakePage(view, request);
          if (!page.ok()) return [reply, status = page.status()] { reply.Finish(status); };
          auto kept = std::make_shared<const std::decay_t<decltype(*page)>>(*std::move(page));
          return [reply, kept] { reply.Finish(rpc::BufferOf(Pack(*kept))); };
        });
    if (!taken) reply.Finish(ShellContext::Overloaded());
  });
}

using WatchWriter = rpc::ServerWriter<grpc::ByteBuffer>;

// A stream of frames to one watcher.
class Sink final : public WatchSink {
 public:
  explicit Sink(std::shared_ptr<WatchWriter> writer) : writer_(std::move(writer)) {}
  bool Send(const WatchFrame& frame) override { return writer_->Send(rpc::BufferOf(frame)); }
  size_t unread_bytes() const override { return writer_->queued_bytes(); }
  void Close(absl::Status status) override { writer_->Close(std::move(status)); }

 private:
  const std::shared_ptr<WatchWriter> writer_;
};

}  // namespace

// ---- This process ----

ServerUnaryReactor* MasterService::GetMaster(CallbackServerContext* grpc_context,
                                             const pb::GetMasterRequest* request,
                                             pb::GetMasterResponse* response) {
  return FromView(context_, grpc_context, request, response, Needs::kNothing,
                  [this](const ClusterView& view,
                         const pb::GetMasterRequest&) -> absl::StatusOr<pb::GetMasterResponse> {
                    if (!context_->is_running) return absl::UnavailableError("the master starts");
                    return EncodeMaster(context_->info, context_->started, view.leadership());
                  });
}

ServerUnaryReactor* MasterService::GetVersion(CallbackServerContext* grpc_context,
                                              const pb::GetVersionRequest*,
                                              pb::GetVersionResponse* response) {
  return rpc::AnswerNow<pb::GetVersionResponse>(grpc_context, response,
                                                EncodeVersion(process_.build));
}

ServerUnaryReactor* MasterService::GetFlags(CallbackServerContext* grpc_context,
                                            const pb::GetFlagsRequest*,
                                            pb::GetFlagsResponse* response) {
  return rpc::AnswerNow<pb::GetFlagsResponse>(grpc_context, response, EncodeFlags(process_.flags));
}

// ---- Listings ----

#define MEROS_FROM_VIEW(Method)                                                    \
  ServerUnaryReactor* MasterService::Method(CallbackServerContext* grpc_context,   \
                                            const pb::Method##Request* request,    \
                                            pb::Method##Response* response) {      \
    return FromView(context_, grpc_context, request, response, Needs::kLeadership, \
                    [](const ClusterView& view, const pb::Method##Request& r) {    \
                      return master::Method(view, r);                              \
                    });                                                            \
  }
MEROS_FROM_VIEW(GetAgent)
MEROS_FROM_VIEW(GetFramework)
MEROS_FROM_VIEW(GetTask)
MEROS_FROM_VIEW(ListQuotas)
MEROS_FROM_VIEW(ListWeights)
MEROS_FROM_VIEW(GetMaintenanceSchedule)
MEROS_FROM_VIEW(GetMaintenanceStatus)
#undef MEROS_FROM_VIEW

#define MEROS_FROM_LONG_VIEW(Method)                                                \
  ServerUnaryReactor* MasterService::Method(CallbackServerContext* grpc_context,    \
                                            const pb::Method##Request* request,     \
                                            pb::Method##Response* response) {       \
    return FromLongView(context_, grpc_context, request, response,                  \
                        [](const ClusterView& view, const pb::Method##Request& r) { \
                          return master::Method(view, r);                           \
                        });                                                         \
  }
MEROS_FROM_LONG_VIEW(ListRoles)
MEROS_FROM_LONG_VIEW(ListOperations)
MEROS_FROM_LONG_VIEW(ListExecutors)
MEROS_FROM_LONG_VIEW(ListOffers)
#undef MEROS_FROM_LONG_VIEW

#define MEROS_FROM_PAGES(Method)                                                      \
  ServerUnaryReactor* MasterService::Method(CallbackServerContext* grpc_context,      \
                                            const grpc::ByteBuffer* request,          \
                                            grpc::ByteBuffer* response) {             \
    return FromPages<pb::Method##Request>(context_, grpc_context, request, response); \
  }
MEROS_FROM_PAGES(ListAgents)
MEROS_FROM_PAGES(ListFrameworks)
MEROS_FROM_PAGES(ListTasks)
#undef MEROS_FROM_PAGES

grpc::ServerWriteReactor<grpc::ByteBuffer>* MasterService::Watch(
    CallbackServerContext* grpc_context, const grpc::ByteBuffer* request) {
  auto writer = WatchWriter::Create(grpc_context, context_->outbox);
  context_->metrics->watch_streams.NoteOpened();
  auto* reactor = writer->Start([this, raw = writer.get()](const absl::Status&) {
    context_->metrics->watch_streams.NoteClosed(raw->was_cut());
  });
  absl::StatusOr<pb::WatchRequest> wanted = rpc::Unpack<pb::WatchRequest>(*request);
  if (!wanted.ok()) {
    writer->Close(wanted.status());
    return reactor;
  }
  const bool taken = context_->replica->Query(
      [writer, wanted = *std::move(wanted)](const ClusterView& view, WatchHub* hub) {
        absl::Status status = CheckLeading(view.leadership());
        if (status.ok()) status = hub->Start(view, wanted, std::make_shared<Sink>(writer));
        if (!status.ok()) writer->Close(status);
      });
  if (!taken) writer->Close(ShellContext::Overloaded());
  return reactor;
}

ServerUnaryReactor* MasterService::Explain(CallbackServerContext* grpc_context,
                                           const pb::ExplainRequest* request,
                                           pb::ExplainResponse* response) {
  using Reply = rpc::UnaryReply<pb::ExplainResponse>;
  auto question = QuestionOf(*request);
  if (!question.ok()) {
    return rpc::AnswerNow<pb::ExplainResponse>(grpc_context, response, question.status());
  }
  return rpc::AnswerLater<pb::ExplainResponse>(grpc_context, response, [&](Reply reply) {
    const bool taken = context_->replica->Query(
        [reply, context = context_, question = *question](const ClusterView& view, WatchHub*) {
          const absl::Status status = CheckLeading(view.leadership());
          if (!status.ok()) return reply.Finish(status);
          context->explain(question, [reply](absl::StatusOr<allocator::v1::ExplainResponse> a) {
            if (a.ok()) return reply.Finish(AnswerOf(*a));
            reply.Finish(absl::Status(a.status().code(),
                                      absl::StrCat("the allocator: ", a.status().message())));
          });
        });
    if (!taken) reply.Finish(ShellContext::Overloaded());
  });
}

// ---- Changes ----

ServerUnaryReactor* MasterService::Teardown(CallbackServerContext* grpc_context,
                                            const pb::TeardownRequest* request,
                                            pb::TeardownResponse* response) {
  absl::StatusOr<OperatorTeardown> call = DecodeCall(*request);
  if (!call.ok()) {
    return rpc::AnswerNow<pb::TeardownResponse>(grpc_context, response, call.status());
  }
  return FromCore(context_, grpc_context, response,
                  {.call = "Teardown", .subject = request->framework_id().value()},
                  *std::move(call));
}

ServerUnaryReactor* MasterService::KillTask(CallbackServerContext* grpc_context,
                                            const pb::KillTaskRequest* request,
                                            pb::KillTaskResponse* response) {
  absl::StatusOr<OperatorKillTask> call = DecodeCall(*request);
  if (!call.ok()) {
    return rpc::AnswerNow<pb::KillTaskResponse>(grpc_context, response, call.status());
  }
  return FromCore(context_, grpc_context, response,
                  {.call = "KillTask", .subject = request->task_id().value()}, *std::move(call));
}

namespace {

template <typename Request, typename Response>
ServerUnaryReactor* UpdateRoleConfigs(ShellContext* context, CallbackServerContext* grpc_context,
                                      const Request* request, Response* response,
                                      const std::string& name) {
  absl::StatusOr<OperatorUpdateRoles> call = DecodeCall(*request);
  const absl::Status status = call.ok() ? CheckRequestId(request->request_id()) : call.status();
  if (!status.ok()) {
    Audit{name, "", request->request_id(), grpc_context->peer()}.Log(status);
    return rpc::AnswerNow<Response>(grpc_context, response, status);
  }
  std::vector<std::string> roles;
  for (const RoleChange& change : call->changes) roles.push_back(change.role);
  return FromCore(context, grpc_context, response,
                  {.call = name, .subject = absl::StrJoin(roles, " ")}, *std::move(call));
}

}  // namespace

#define MEROS_UPDATES_ROLES(Method)                                               \
  ServerUnaryReactor* MasterService::Method(CallbackServerContext* grpc_context,  \
                                            const pb::Method##Request* request,   \
                                            pb::Method##Response* response) {     \
    return UpdateRoleConfigs(context_, grpc_context, request, response, #Method); \
  }
MEROS_UPDATES_ROLES(UpdateQuota)
MEROS_UPDATES_ROLES(UpdateWeights)
MEROS_UPDATES_ROLES(UpdateRoles)
#undef MEROS_UPDATES_ROLES

}  // namespace meros::master
