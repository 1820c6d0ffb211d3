#include "tests/bench/commit_load.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/channel.h"

namespace meros::bench {

using registry::v1::RegistryService;
using registry::v1::Request;
using registry::v1::SessionRequest;
using registry::v1::SessionResponse;

absl::Status CommitLoad::Start(const std::string& address) {
  MEROS_ASSIGN_OR_RETURN(auto channel, rpc::MakeChannel(address, {.insecure = true}));
  stub_ = RegistryService::NewStub(channel);
  stream_ = rpc::BidiClientStream<SessionRequest, SessionResponse>::Create();
  stub_->async()->Session(stream_->context(), stream_->reactor());
  stream_->Start({.on_frame = [this](SessionResponse frame) { OnFrame(frame); },
                  .on_closed =
                      [this](const absl::Status& status) {
                        if (!status.ok()) Fail(status.ToString());
                        closed_ = true;
                      }});
  SessionRequest acquire;
  Request* request = acquire.add_requests();
  request->set_id(++next_id_);
  request->mutable_acquire_lease()->set_candidate_id("bench");
  request->mutable_acquire_lease()->set_ttl_ms(60000);
  stream_->Send(std::move(acquire));
  return absl::OkStatus();
}

CommitLoad::~CommitLoad() {
  if (stream_ == nullptr) return;
  stream_->Cancel();
  while (!closed_) usleep(1000);
}

Samples CommitLoad::TakeLatencies() {
  MutexLock lock(&mutex_);
  return std::exchange(latencies_, Samples());
}

std::string CommitLoad::failure() const {
  MutexLock lock(&mutex_);
  return failure_;
}

void CommitLoad::OnFrame(const SessionResponse& frame) {
  const absl::Time now = Now();
  size_t done = 0;
  for (const auto& response : frame.responses()) {
    if (response.code() != 0) {
      Fail(response.message());
      continue;
    }
    if (response.has_lease()) {
      epoch_ = response.lease().epoch();
      done += outstanding_;
      continue;
    }
    ++committed_;
    ++done;
    const auto sent = sent_at_.find(response.id());
    if (sent == sent_at_.end()) continue;
    MutexLock lock(&mutex_);
    latencies_.Add(now - sent->second);
    sent_at_.erase(sent);
  }
  if (done > 0) Send(done, now);
}

void CommitLoad::Send(size_t commits, absl::Time now) {
  SessionRequest next;
  for (size_t i = 0; i < commits; ++i) {
    Request* request = next.add_requests();
    request->set_id(++next_id_);
    request->mutable_commit()->set_epoch(epoch_);
    auto* mutation = request->mutable_commit()->add_mutations();
    mutation->mutable_key()->set_kind(registry::v1::RECORD_KIND_AGENT);
    mutation->mutable_key()->set_name(absl::StrCat("agent-", next_id_ % 50000));
    std::string* value = mutation->mutable_put();
    *value = absl::StrCat(next_id_, " ");
    value->resize(std::max(value->size(), value_bytes_), 'v');
    sent_at_[next_id_] = now;
  }
  stream_->Send(std::move(next));
}

void CommitLoad::Fail(const std::string& text) {
  MutexLock lock(&mutex_);
  failure_ = text;
}

}  // namespace meros::bench
