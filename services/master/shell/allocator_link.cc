#include "services/master/shell/allocator_link.h"

#include <pthread.h>

#include <chrono>
#include <utility>

#include "libs/rpc/unary.h"
#include "libs/runtime/backoff.h"
#include "libs/runtime/random_seed.h"
#include "libs/telemetry/log.h"
#include "services/master/shell/allocator_codec.h"

namespace meros::master {
namespace {

namespace allocator_pb = ::meros::allocator::v1;

// Longer than the second that an answer may take with 20,000 agents.
constexpr absl::Duration kExplainDeadline = absl::Seconds(5);
// A snapshot goes out with every session, so none is begun before there is a connection.
constexpr std::chrono::milliseconds kConnectPatience(500);

}  // namespace

absl::StatusOr<std::unique_ptr<AllocatorLink>> AllocatorLink::Make(const std::string& address,
                                                                   const rpc::TlsOptions& tls,
                                                                   Numbers* numbers, Post post,
                                                                   MasterMetrics* metrics) {
  auto channel = rpc::MakeChannel(address, tls);
  if (!channel.ok()) return channel.status();
  return std::unique_ptr<AllocatorLink>(
      new AllocatorLink(*std::move(channel), numbers, std::move(post), metrics));
}

AllocatorLink::AllocatorLink(std::shared_ptr<grpc::Channel> channel, Numbers* numbers, Post post,
                             MasterMetrics* metrics)
    : channel_(std::move(channel)),
      stub_(allocator_pb::AllocatorService::NewStub(channel_)),
      numbers_(numbers),
      post_(std::move(post)),
      metrics_(metrics) {
  thread_ = std::thread([this] { Run(); });
}

void AllocatorLink::SetWanted(bool wanted) {
  std::shared_ptr<Session> unwanted;
  {
    MutexLock lock(&mutex_);
    if (wanted == wanted_) return;
    wanted_ = wanted;
    if (!wanted) unwanted = session_;
    changed_.SignalAll();
  }
  if (unwanted != nullptr) unwanted->Close(absl::OkStatus());
}

void AllocatorLink::Run() {
  pthread_setname_np(pthread_self(), "allocator-link");
  Rng rng(runtime::RandomSeed());
  runtime::Backoff backoff({.initial = absl::Milliseconds(100), .maximum = absl::Seconds(3)});
  while (true) {
    absl::Time opened = absl::InfiniteFuture();
    {
      MutexLock lock(&mutex_);
      while (!stopping_ && (!wanted_ || session_ != nullptr)) changed_.Wait(&mutex_);
      if (stopping_) return;
    }
    if (channel_->WaitForConnected(std::chrono::system_clock::now() + kConnectPatience)) {
      Open();
      opened = runtime::ProcessClock::Get().Now();
    }
    MutexLock lock(&mutex_);
    while (!stopping_ && session_ != nullptr) changed_.Wait(&mutex_);
    // A session that lasted was a success; one that ends at once is tried again with delay.
    if (runtime::ProcessClock::Get().Now() - opened > absl::Seconds(10)) backoff.Reset();
    if (!stopping_) changed_.WaitFor(&mutex_, backoff.Next(&rng));
    if (stopping_) return;
  }
}

void AllocatorLink::Open() {
  const StreamId id = numbers_->Next();
  auto session = Session::Create();
  {
    MutexLock lock(&mutex_);
    if (stopping_ || !wanted_) return;
    session_ = session;
    id_ = id;
  }
  stub_->async()->Session(session->context(), session->reactor());
  session->Start({.on_frame = [this, id](allocator_pb::AllocatorFrame f) { OnFrame(id, f); },
                  .on_closed = [this, id](const absl::Status& s) { OnClosed(id, s); }});
  metrics_->allocator_connected.Set(1);
  post_(AllocatorConnected{id});
}

void AllocatorLink::OnFrame(StreamId id, const allocator_pb::AllocatorFrame& frame) {
  for (const allocator_pb::AllocatorMessage& message : frame.messages()) {
    if (message.has_need_snapshot()) {
      MEROS_LOG(INFO) << "the allocator asks for a snapshot"
                      << telemetry::Field("reason", message.need_snapshot().reason());
    } else if (message.has_welcome()) {
      MEROS_LOG(INFO) << "session with the allocator"
                      << telemetry::Field("implementation", message.welcome().implementation());
    }
  }
  for (Input& input : DecodeFrame(frame, id)) post_(std::move(input));
}

void AllocatorLink::OnClosed(StreamId id, const absl::Status& status) {
  MEROS_LOG(INFO) << "the session with the allocator ended" << telemetry::Field("status", status);
  metrics_->allocator_connected.Set(0);
  post_(AllocatorClosed{id});
  MutexLock lock(&mutex_);
  session_ = nullptr;
  changed_.SignalAll();
}

void AllocatorLink::Send(StreamId stream, allocator_pb::MasterFrame frame) {
  std::shared_ptr<Session> session;
  {
    MutexLock lock(&mutex_);
    if (id_ == stream) session = session_;
  }
  if (session != nullptr) session->Send(std::move(frame));
}

void AllocatorLink::Explain(allocator_pb::ExplainRequest request, Explained done) {
  rpc::CallUnary<allocator_pb::ExplainResponse>(
      std::move(request), kExplainDeadline,
      [this](auto... args) { stub_->async()->Explain(args...); }, std::move(done));
}

void AllocatorLink::Close(StreamId stream, const absl::Status& status) {
  std::shared_ptr<Session> session;
  {
    MutexLock lock(&mutex_);
    if (id_ == stream) session = session_;
  }
  if (session != nullptr) session->Close(status);
}

void AllocatorLink::Stop() {
  std::shared_ptr<Session> session;
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    session = session_;
    changed_.SignalAll();
  }
  if (session != nullptr) session->Cancel();
  if (thread_.joinable()) thread_.join();
  MutexLock lock(&mutex_);
  while (session_ != nullptr) changed_.Wait(&mutex_);
}

}  // namespace meros::master
