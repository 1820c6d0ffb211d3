#include "services/master/shell/snapshot_service.h"

#include <memory>
#include <utility>

#include "libs/rpc/server_writer.h"
#include "libs/runtime/clock.h"
#include "services/master/shell/admit.h"
#include "services/master/shell/check_leading.h"
#include "services/master/shell/snapshot_codec.h"
#include "services/master/view/allocation_view.h"

namespace meros::master {
namespace {

namespace allocator_pb = ::meros::allocator::v1;

using Writer = rpc::ServerWriter<allocator_pb::GetSnapshotResponse>;

// One snapshot on its way.
struct Sending {
  SnapshotFrames frames;
  std::shared_ptr<Writer> writer;
};

// Frame after frame, each behind the questions that came meanwhile.
void SendOn(ReadReplica* replica, const std::shared_ptr<Sending>& sending) {
  if (!sending->writer->Send(sending->frames.Next())) return;
  if (sending->frames.is_done()) return sending->writer->Close(absl::OkStatus());
  const bool taken = replica->Query(
      [replica, sending](const ClusterView&, WatchHub*) { SendOn(replica, sending); });
  if (!taken) sending->writer->Close(ShellContext::Overloaded());
}

}  // namespace

grpc::ServerWriteReactor<allocator_pb::GetSnapshotResponse>* SnapshotService::GetSnapshot(
    grpc::CallbackServerContext* grpc_context, const allocator_pb::GetSnapshotRequest*) {
  const absl::Status admitted = Admit(context_->limiter, grpc_context);
  auto writer = Writer::Create(grpc_context, context_->outbox);
  const bool has_room = open_.fetch_add(1) < kOpenMax;
  context_->metrics->snapshot_streams.NoteOpened();
  auto* reactor = writer->Start([this, raw = writer.get()](const absl::Status&) {
    open_.fetch_sub(1);
    context_->metrics->snapshot_streams.NoteClosed(raw->was_cut());
  });
  if (!admitted.ok()) {
    writer->Close(admitted);
    return reactor;
  }
  if (!has_room) {
    writer->Close(absl::ResourceExhaustedError("too many snapshots are being taken, try again"));
    return reactor;
  }
  const bool taken = context_->replica->Query(
      [context = context_, size = objects_per_frame_, writer](const ClusterView& view, WatchHub*) {
        const absl::Status status = CheckLeading(view.leadership());
        if (!status.ok()) return writer->Close(status);
        SendOn(context->replica,
               std::make_shared<Sending>(
                   SnapshotFrames(context->info, runtime::ProcessClock::Get().Now(),
                                  AllocationsOf(view), size),
                   writer));
      });
  if (!taken) writer->Close(ShellContext::Overloaded());
  return reactor;
}

}  // namespace meros::master
