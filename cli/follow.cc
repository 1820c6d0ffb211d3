#include "cli/follow.h"

#include <chrono>
#include <thread>

#include "libs/base/status_macros.h"
#include "libs/rpc/status.h"

namespace meros::cli {
namespace {

// How long an agent may be away (it restarts, its tasks run on) before we give up.
constexpr auto kPatience = std::chrono::seconds(30);

}  // namespace

absl::Status FileFollower::CopyOnce(Mode mode, uint64_t* offset) {
  MEROS_ASSIGN_OR_RETURN(auto stub, cluster_->Agent(address_));
  meros::v1::agent::FollowFileRequest request;
  *request.mutable_path() = file_;
  request.set_offset(*offset);
  request.set_follow(mode == Mode::kFollow);
  grpc::ClientContext context;
  {
    MutexLock lock(&mutex_);
    context_ = &context;
  }
  auto reader = stub->FollowFile(&context, request);
  meros::v1::agent::FollowFileResponse response;
  while (!cancelled_ && reader->Read(&response)) {
    for (const std::string& chunk : response.chunks()) {
      std::fwrite(chunk.data(), 1, chunk.size(), out_);
      *offset += chunk.size();
    }
    std::fflush(out_);
  }
  if (cancelled_) context.TryCancel();
  const grpc::Status status = reader->Finish();
  MutexLock lock(&mutex_);
  context_ = nullptr;
  return cancelled_ ? absl::OkStatus() : rpc::FromGrpc(status);
}

absl::Status FileFollower::Follow(Mode mode, uint64_t offset) {
  auto last_progress = std::chrono::steady_clock::now();
  while (true) {
    const uint64_t before = offset;
    const absl::Status status = CopyOnce(mode, &offset);
    if (!absl::IsUnavailable(status) || cancelled_) return status;
    const auto now = std::chrono::steady_clock::now();
    if (offset != before) last_progress = now;
    if (now - last_progress > kPatience) return status;
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  }
}

void FileFollower::Cancel() {
  cancelled_ = true;
  MutexLock lock(&mutex_);
  if (context_ != nullptr) context_->TryCancel();
}

}  // namespace meros::cli
