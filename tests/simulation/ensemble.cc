#include "tests/simulation/ensemble.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/base/check.h"
#include "libs/base/status_macros.h"
#include "libs/simulation/probes.h"

namespace meros::simulation {
namespace {

// By how many transactions a server may lag behind the others.
constexpr size_t kLagMax = 8;

template <typename T>
T TakeMail(std::map<uint64_t, T>* mail, const std::string& bytes) {
  uint64_t number = 0;
  MEROS_CHECK(absl::SimpleAtoi(bytes, &number)) << bytes;
  auto found = mail->find(number);
  MEROS_CHECK(found != mail->end()) << "read twice: " << bytes;
  T message = std::move(found->second);
  mail->erase(found);
  return message;
}

}  // namespace

Ensemble::Ensemble(Rng rng) : rng_(rng) {
  Commit({{"/store/fence", Entry{}}});  // in production whoever comes first makes it
}

// ---- Sessions ----

bool Ensemble::Take(absl::Time now, ConnectionId stream, const Request& request, Answer* answer) {
  Expire(now);
  answer->id = request.id;
  if (request.kind == Request::Kind::kAttach) {
    Attach(now, stream, request, answer);
    return true;
  }
  const auto found = sessions_.find(request.session);
  if (found == sessions_.end()) {
    answer->status = absl::AbortedError("the session is over");
    return true;
  }
  Session& session = found->second;
  if (session.stream != stream) return false;
  session.over = now + session.timeout;
  answer->session = request.session;
  if (request.kind == Request::Kind::kWrite) {
    answer->status = Write(request.session, request, answer);
    session.seen = last_transaction_;
  } else if (request.kind == Request::Kind::kRead) {
    answer->tree = Read(&session);
  }
  return true;
}

void Ensemble::Attach(absl::Time now, ConnectionId stream, const Request& request, Answer* answer) {
  const uint64_t id = request.session != 0 ? request.session : next_session_++;
  if (request.session == 0) {
    sessions_[id] = {.timeout = request.timeout, .over = {}, .seen = last_transaction_};
  } else if (sessions_.count(id) == 0) {
    answer->status = absl::AbortedError("the session is over");
    return;
  }
  sessions_[id].stream = stream;
  sessions_[id].over = now + sessions_[id].timeout;
  answer->session = id;
}

void Ensemble::Expire(absl::Time now) {
  for (auto session = sessions_.begin(); session != sessions_.end();) {
    if (session->second.over > now) {
      ++session;
      continue;
    }
    Tree tree = *versions_.back().tree;
    for (auto entry = tree.begin(); entry != tree.end();) {
      entry = entry->second.owner == session->first ? tree.erase(entry) : std::next(entry);
    }
    Sometimes<"a session with ZooKeeper ends with its nodes">(tree.size() !=
                                                              versions_.back().tree->size());
    Commit(std::move(tree));
    session = sessions_.erase(session);
  }
}

absl::Time Ensemble::NextExpiry() const {
  absl::Time first = absl::InfiniteFuture();
  for (const auto& [id, session] : sessions_) first = std::min(first, session.over);
  return first;
}

void Ensemble::Restarted(absl::Time now) {
  for (auto& [id, session] : sessions_) {
    session.over = now + session.timeout;
    session.stream = 0;
  }
}

// ---- Tree ----

void Ensemble::Commit(Tree tree) {
  ++last_transaction_;
  versions_.push_back({last_transaction_, std::make_shared<const Tree>(std::move(tree))});
  if (versions_.size() > kLagMax) versions_.pop_front();
}

absl::Status Ensemble::Write(uint64_t session, const Request& request, Answer* answer) {
  Tree tree = *versions_.back().tree;
  for (const Op& op : request.ops) MEROS_RETURN_IF_ERROR(Apply(session, op, &tree, answer));
  Commit(std::move(tree));
  return absl::OkStatus();
}

absl::Status Ensemble::Apply(uint64_t session, const Op& op, Tree* tree, Answer* answer) {
  std::string path = op.path;
  if (op.kind == Op::Kind::kCreateSequential) path += absl::StrFormat("%010d", next_place_++);
  const auto found = tree->find(path);
  const bool creates = op.kind == Op::Kind::kCreate || op.kind == Op::Kind::kCreateSequential ||
                       (op.kind == Op::Kind::kPut && found == tree->end());
  if (creates) {
    if (found != tree->end()) return absl::AlreadyExistsError(path);
    (*tree)[path] = {.data = op.data,
                     .version = 0,
                     .created = last_transaction_ + 1,
                     .owner = op.is_ephemeral ? session : 0};
  } else if (op.kind == Op::Kind::kErase) {
    if (found != tree->end()) tree->erase(found);
    answer->written.emplace_back(path, Entry{});
    return absl::OkStatus();
  } else {
    if (found == tree->end()) return absl::NotFoundError(path);
    if (op.version != kAnyVersion && op.version != found->second.version) {
      return absl::FailedPreconditionError(absl::StrCat(path, " has another version"));
    }
    if (op.kind == Op::Kind::kCheck) return absl::OkStatus();
    found->second.data = op.data;
    ++found->second.version;
  }
  answer->written.emplace_back(path, (*tree)[path]);
  return absl::OkStatus();
}

std::shared_ptr<const Ensemble::Tree> Ensemble::Read(Session* session) {
  size_t oldest = 0;
  while (versions_[oldest].transaction < session->seen && oldest + 1 < versions_.size()) ++oldest;
  const size_t index = rng_.Uniform(oldest, versions_.size() - 1);
  Sometimes<"ZooKeeper answers a read from a server that lags behind">(index + 1 <
                                                                       versions_.size());
  session->seen = versions_[index].transaction;
  return versions_[index].tree;
}

// ---- Messages ----

std::string Ensemble::Pack(Request request) {
  requests_.emplace(next_mail_, std::move(request));
  return absl::StrCat(next_mail_++);
}

std::string Ensemble::Pack(Answer answer) {
  answers_.emplace(next_mail_, std::move(answer));
  return absl::StrCat(next_mail_++);
}

Ensemble::Request Ensemble::UnpackRequest(const std::string& bytes) {
  return TakeMail(&requests_, bytes);
}

Ensemble::Answer Ensemble::UnpackAnswer(const std::string& bytes) {
  return TakeMail(&answers_, bytes);
}

// ---- Node ----

void EnsembleNode::Start() {
  ensemble_.Restarted(context_.Now());
  WatchSessions();
}

void EnsembleNode::OnStreamMessage(ConnectionId id, const std::string& bytes) {
  Ensemble::Answer answer;
  if (!ensemble_.Take(context_.Now(), id, ensemble_.UnpackRequest(bytes), &answer)) return;
  WatchSessions();
  if (!context_.Record(absl::StrCat("answer ", answer.id, ": ", answer.status.ToString()))) return;
  context_.Write(id, ensemble_.Pack(std::move(answer)));
}

void EnsembleNode::WatchSessions() {
  const absl::Time next = ensemble_.NextExpiry();
  if (next >= armed_for_) return;
  armed_for_ = next;
  context_.At(next, [this, next] {
    if (armed_for_ != next) return;
    armed_for_ = absl::InfiniteFuture();
    ensemble_.Expire(context_.Now());
    WatchSessions();
  });
}

}  // namespace meros::simulation
