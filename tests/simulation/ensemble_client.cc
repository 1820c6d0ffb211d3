#include "tests/simulation/ensemble_client.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/simulation/probes.h"

namespace meros::simulation {

EnsembleClient::EnsembleClient(NodeContext* context, Ensemble* ensemble,
                               absl::Duration session_timeout)
    : context_(*context),
      ensemble_(*ensemble),
      timeout_(session_timeout),
      rng_(context->MakeRng("ensemble")) {}

void EnsembleClient::Write(std::vector<Ensemble::Op> ops, Done done) {
  Send({.kind = Ensemble::Request::Kind::kWrite, .ops = std::move(ops)}, std::move(done));
}

void EnsembleClient::Read(Done done) {
  Send({.kind = Ensemble::Request::Kind::kRead}, std::move(done));
}

void EnsembleClient::Send(Ensemble::Request request, Done done) {
  const uint64_t id = next_request_++;
  request.id = id;
  waiting_[id] = {std::move(request), std::move(done)};
  // Who gets no answer gives up its server.
  context_.After(timeout_ / 2, [this, id] {
    if (waiting_.count(id) == 0) return;
    Disconnect();
    FailAll(absl::UnavailableError("ZooKeeper does not answer"));
    if (session_ != 0) Connect();
  });
  Connect();
  SendWaiting();
}

void EnsembleClient::Connect() {
  if (stream_ != 0) return;
  is_attached_ = false;
  stream_ = context_.Open(Ensemble::kNode);
  streams_.insert(stream_);
  Tell({.kind = Ensemble::Request::Kind::kAttach, .session = session_, .timeout = timeout_});
}

void EnsembleClient::Disconnect() {
  const ConnectionId stream = std::exchange(stream_, 0);
  if (stream != 0) context_.Close(stream);
  is_attached_ = false;
}

void EnsembleClient::SendWaiting() {
  if (!is_attached_) return;
  for (auto& [id, waiting] : waiting_) {
    if (std::exchange(waiting.is_sent, true)) continue;
    waiting.request.session = session_;
    Tell(waiting.request);
  }
}

void EnsembleClient::Tell(Ensemble::Request request) {
  if (!context_.Record(absl::StrCat("to zookeeper ", request.id, " of ", request.session))) return;
  context_.Write(stream_, ensemble_.Pack(std::move(request)));
}

bool EnsembleClient::OnMessage(ConnectionId id, const std::string& bytes) {
  if (streams_.count(id) == 0) return false;
  Ensemble::Answer answer = ensemble_.UnpackAnswer(bytes);
  if (id != stream_) return true;  // it came while the node was paused, and was given up
  if (answer.id == 0) {            // to Attach or a ping
    if (absl::IsAborted(answer.status)) {
      Disconnect();
      FailAll(answer.status);
    } else if (!std::exchange(is_attached_, true)) {
      session_ = answer.session;
      SendWaiting();
      Ping();
    }
    return true;
  }
  const auto found = waiting_.find(answer.id);
  if (found == waiting_.end()) return true;
  const Done done = std::move(found->second.done);
  waiting_.erase(found);
  if (answer.status.ok()) {
    done(std::move(answer));
  } else {
    done(answer.status);
  }
  return true;
}

bool EnsembleClient::OnClosed(ConnectionId id) {
  if (streams_.erase(id) == 0) return false;
  if (id != stream_) return true;
  stream_ = 0;
  is_attached_ = false;
  FailAll(absl::UnavailableError("the connection to ZooKeeper is lost"));
  if (session_ == 0) return true;
  // Before the session ends.
  context_.After(UniformDuration(&rng_, absl::ZeroDuration(), timeout_ / 10),
                 [this, round = round_] {
                   if (round == round_) Connect();
                 });
  return true;
}

void EnsembleClient::FailAll(const absl::Status& status) {
  for (auto& [id, waiting] : std::exchange(waiting_, {})) waiting.done(status);
}

void EnsembleClient::Ping() {
  if (std::exchange(is_pinging_, true)) return;
  context_.After(timeout_ / 6, [this] {
    is_pinging_ = false;
    if (!is_attached_ || stream_ == 0) return;
    Tell({.kind = Ensemble::Request::Kind::kPing, .session = session_});
    Ping();
  });
}

void EnsembleClient::Leave() {
  ++round_;
  Disconnect();
  session_ = 0;
  waiting_.clear();
}

}  // namespace meros::simulation
