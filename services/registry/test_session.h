// A session with a registry under test, and the requests that its tests send.
//
// Thread rule: thread-safe.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "libs/base/mutex.h"
#include "libs/rpc/bidi_client_stream.h"
#include "libs/rpc/channel.h"
#include "meros/registry/v1/registry_service.grpc.pb.h"

namespace meros::registry {

using Stream = rpc::BidiClientStream<v1::SessionRequest, v1::SessionResponse>;

// A session that keeps every answer. Thread-safe.
class Session {
 public:
  explicit Session(const std::string& address) {
    auto channel = rpc::MakeChannel(address, {.insecure = true});
    EXPECT_TRUE(channel.ok());
    stub_ = v1::RegistryService::NewStub(*channel);
    stream_ = Stream::Create();
    stub_->async()->Session(stream_->context(), stream_->reactor());
    stream_->Start({.on_frame = [this](v1::SessionResponse frame) { OnFrame(std::move(frame)); },
                    .on_closed =
                        [this](const absl::Status&) {
                          MutexLock lock(&mutex_);
                          closed_ = true;
                          changed_.SignalAll();
                        }});
  }
  ~Session() {
    stream_->Cancel();
    MutexLock lock(&mutex_);
    while (!closed_) changed_.Wait(&mutex_);
  }

  // Sends all in one frame; the id of the first.
  uint64_t Send(std::vector<v1::Request> requests) {
    const uint64_t first = last_id_ + 1;
    v1::SessionRequest frame;
    for (v1::Request& request : requests) {
      request.set_id(++last_id_);
      *frame.add_requests() = std::move(request);
    }
    stream_->Send(std::move(frame));
    return first;
  }

  // The (last) answer; code UNAVAILABLE when the session ended without one.
  v1::Response Await(uint64_t id) {
    MutexLock lock(&mutex_);
    while (answers_.count(id) == 0 && !closed_) changed_.WaitFor(&mutex_, absl::Seconds(30));
    if (answers_.count(id) > 0) return answers_[id];
    v1::Response none;
    none.set_code(static_cast<int>(absl::StatusCode::kUnavailable));
    return none;
  }
  v1::Response Call(v1::Request request) { return Await(Send({std::move(request)})); }
  std::map<uint64_t, v1::Response> answers() {
    MutexLock lock(&mutex_);
    return answers_;
  }

 private:
  void OnFrame(v1::SessionResponse frame) {
    MutexLock lock(&mutex_);
    for (v1::Response& response : *frame.mutable_responses()) {
      const uint64_t id = response.id();
      answers_[id] = std::move(response);
    }
    changed_.SignalAll();
  }

  std::unique_ptr<v1::RegistryService::Stub> stub_;
  std::shared_ptr<Stream> stream_;
  uint64_t last_id_ = 0;
  Mutex mutex_;
  CondVar changed_;
  bool closed_ MEROS_GUARDED_BY(mutex_) = false;
  std::map<uint64_t, v1::Response> answers_ MEROS_GUARDED_BY(mutex_);
};

// A watch that the test reads.
class Watching {
 public:
  Watching(v1::RegistryService::Stub* stub, uint64_t after_revision,
           const std::vector<v1::RecordKind>& kinds = {}) {
    v1::WatchRequest request;
    request.set_after_revision(after_revision);
    for (const v1::RecordKind kind : kinds) request.add_kinds(kind);
    context_.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(2));
    reader_ = stub->Watch(&context_, request);
  }
  ~Watching() {
    context_.TryCancel();
    if (!has_ended_) reader_->Finish();
  }

  // The next response; false: the watch has ended.
  bool Read(v1::WatchResponse* response) { return reader_->Read(response); }
  // REQUIRES: once, after Read said false or Cancel.
  grpc::Status Finish() {
    has_ended_ = true;
    return reader_->Finish();
  }
  void Cancel() { context_.TryCancel(); }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::WatchResponse>> reader_;
  bool has_ended_ = false;
};

inline v1::Request Put(uint64_t epoch, const std::string& name, const std::string& value) {
  v1::Request request;
  request.mutable_commit()->set_epoch(epoch);
  auto* mutation = request.mutable_commit()->add_mutations();
  mutation->mutable_key()->set_kind(v1::RECORD_KIND_AGENT);
  mutation->mutable_key()->set_name(name);
  mutation->set_put(value);
  return request;
}

inline v1::Request Get(const std::string& name) {
  v1::Request request;
  request.mutable_get()->mutable_key()->set_kind(v1::RECORD_KIND_AGENT);
  request.mutable_get()->mutable_key()->set_name(name);
  return request;
}

inline v1::Request Acquire(const std::string& candidate) {
  v1::Request request;
  request.mutable_acquire_lease()->set_candidate_id(candidate);
  request.mutable_acquire_lease()->set_ttl_ms(600);
  request.mutable_acquire_lease()->set_wait_ms(20000);
  return request;
}

}  // namespace meros::registry
