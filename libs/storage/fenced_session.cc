#include "libs/storage/fenced_session.h"

#include <pthread.h>

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "libs/base/rng.h"
#include "libs/base/status_macros.h"
#include "libs/runtime/clock.h"
#include "libs/runtime/random_seed.h"

namespace meros::storage {
namespace {

using coordination::Node;
using coordination::NodeKind;
using coordination::NodeOp;
using coordination::SessionState;
using coordination::ZooKeeper;
using Type = NodeOp::Type;

constexpr absl::Duration kPoll = absl::Milliseconds(50);
// Reads on their way at a time: enough to hide the network, few enough for large rows.
constexpr size_t kReadsInFlight = 256;
// The fence's version has 31 bits. A claim that finds more than this makes a new fence; a session
// that comes so much further is over, and the store is opened anew.
constexpr int32_t kFenceVersionMax = 1 << 30;

absl::Time Now() { return runtime::ProcessClock::Get().Now(); }

// The answers of a number of calls, awaited together. Lives until all have come.
template <typename T>
class Gather {
 public:
  explicit Gather(size_t calls) : answers_(calls), missing_(calls) {}

  std::function<void(T)> Taker(size_t i) {
    return [this, i](T answer) {
      MutexLock lock(&mutex_);
      answers_[i].emplace(std::move(answer));
      if (--missing_ == 0) done_.SignalAll();
    };
  }
  // One for each call, in their order.
  std::vector<T> Await() {
    MutexLock lock(&mutex_);
    while (missing_ > 0) done_.Wait(&mutex_);
    std::vector<T> answers;
    answers.reserve(answers_.size());
    for (std::optional<T>& answer : answers_) answers.push_back(*std::move(answer));
    return answers;
  }

 private:
  Mutex mutex_;
  CondVar done_;
  std::vector<std::optional<T>> answers_ MEROS_GUARDED_BY(mutex_);
  size_t missing_ MEROS_GUARDED_BY(mutex_);
};

// Who wrote it, without what makes each opening different.
absl::string_view NameIn(absl::string_view claim) { return claim.substr(0, claim.rfind(' ')); }

}  // namespace

FencedSession::FencedSession(ZooKeeperStoreOptions options)
    : options_(std::move(options)),
      root_(options_.url.path),
      claim_(absl::StrCat(options_.name, " ", Rng(runtime::RandomSeed()).Uuid())) {}

std::string FencedSession::Path(absl::string_view name) const {
  return absl::StrCat(root_, "/", name);
}

// ---- the session ----

absl::Status FencedSession::ConnectBy(absl::Time deadline) {
  {
    MutexLock lock(&keeper_mutex_);
    proving_ = nullptr;
  }
  owns_ = false;
  owner_is_gone_ = false;
  session_ = nullptr;
  MEROS_ASSIGN_OR_RETURN(
      session_,
      ZooKeeper::Open({.url = options_.url, .session_timeout = options_.session_timeout}, nullptr));
  return AwaitConnected(deadline);
}

bool FencedSession::MayGoOn(absl::Time deadline) {
  MutexLock lock(&keeper_mutex_);
  if (!stopping_ && Now() < deadline) keeper_wake_.WaitFor(&keeper_mutex_, kPoll);
  return !stopping_ && Now() < deadline;
}

absl::Status FencedSession::AwaitConnected(absl::Time deadline) {
  do {
    switch (session_->state()) {
      case SessionState::kConnected:
        return absl::OkStatus();
      case SessionState::kExpired:
        return absl::UnavailableError("the session has expired");
      case SessionState::kRefused:
        return absl::PermissionDeniedError(
            absl::StrCat("ZooKeeper refuses the credentials in ", options_.url.Redacted()));
      case SessionState::kConnecting:
      case SessionState::kSuspended:
        break;
    }
  } while (MayGoOn(deadline));
  return absl::UnavailableError(
      absl::StrCat("no server of ", options_.url.Redacted(), " with a quorum answers"));
}

absl::Status FencedSession::EnsureOwner(absl::Time deadline) {
  if (session_ != nullptr && owns_ && !owner_is_gone_) {
    const absl::Status connected = AwaitConnected(deadline);
    if (connected.ok() || session_->state() != SessionState::kExpired) return connected;
  }
  return TakeBack(deadline);
}

absl::Status FencedSession::TakeBack(absl::Time deadline) {
  absl::Status taken = ConnectBy(deadline);
  while (taken.ok()) {
    taken = TryTakeBack();
    if (taken.ok() || !over_.ok() || session_->state() == SessionState::kExpired ||
        !MayGoOn(deadline)) {
      return taken;
    }
    taken = AwaitConnected(deadline);
  }
  return taken;
}

absl::Status FencedSession::TryTakeBack() {
  const absl::Time sent = Now();
  MEROS_ASSIGN_OR_RETURN(const Node fence, ReadOne(Path("fence")));
  if (fence.data != claim_) {
    return Over(absl::FailedPreconditionError(
        absl::StrCat("the store is served by another process now: ", NameIn(fence.data))));
  }
  const absl::Status taken = Multi({{Type::kCreate, Path("owner"), claim_, 0, NodeKind::kEphemeral},
                                    {Type::kCheck, Path("fence"), "", fence.stat.version}});
  if (!taken.ok() && !(absl::IsAlreadyExists(taken) && IsOwnerOurs())) {
    return absl::UnavailableError(taken.message());
  }
  BecomeOwner(sent);
  return absl::OkStatus();
}

// An answer that was lost may have been good.
bool FencedSession::IsOwnerOurs() {
  const absl::StatusOr<Node> owner = ReadOne(Path("owner"));
  return owner.ok() && owner->stat.owner_session == session_->session_id();
}

void FencedSession::BecomeOwner(absl::Time sent) {
  owns_ = true;
  Proved(sent, session_->session_timeout());
  MutexLock lock(&keeper_mutex_);
  proving_ = session_;
}

void FencedSession::Proved(absl::Time sent, absl::Duration session_timeout) {
  if (options_.on_owned) options_.on_owned(sent + coordination::SafeHold(session_timeout));
}

void FencedSession::Keep() {
  pthread_setname_np(pthread_self(), "store-keeper");
  while (true) {
    std::shared_ptr<ZooKeeper> session;
    {
      MutexLock lock(&keeper_mutex_);
      if (!stopping_) {
        // The ensemble may have granted a shorter session than was asked for.
        const absl::Duration timeout =
            proving_ == nullptr ? options_.session_timeout
                                : std::min(options_.session_timeout, proving_->session_timeout());
        keeper_wake_.WaitFor(&keeper_mutex_, coordination::ProofInterval(timeout));
      }
      if (stopping_) return;
      session = proving_;
    }
    if (session == nullptr || session->state() == SessionState::kExpired || owner_is_gone_) {
      MutexLock lock(&mutex_);
      // Briefly, so that a call is not kept waiting; the next round tries again.
      if (over_.ok()) EnsureOwner(Now() + absl::Seconds(1)).IgnoreError();
      continue;
    }
    const absl::Time sent = Now();
    const absl::Duration timeout = session->session_timeout();
    session->Set(Path("owner"), claim_, coordination::kAnyVersion,
                 [this, sent, timeout](const absl::StatusOr<coordination::NodeStat>& written) {
                   if (written.ok()) Proved(sent, timeout);
                   if (absl::IsNotFound(written.status())) owner_is_gone_ = true;
                 });
  }
}

// ---- claiming ----

absl::Status FencedSession::Connect() {
  MutexLock lock(&mutex_);
  return ConnectBy(Now() + options_.claim_timeout);
}

absl::Status FencedSession::CreateMissing(
    const std::vector<std::pair<std::string, std::string>>& nodes) {
  MutexLock lock(&mutex_);
  Gather<absl::StatusOr<std::string>> answers(nodes.size());
  for (size_t i = 0; i < nodes.size(); ++i) {
    session_->Create(nodes[i].first, nodes[i].second, NodeKind::kPersistent, answers.Taker(i));
  }
  for (const absl::StatusOr<std::string>& created : answers.Await()) {
    if (!created.ok() && !absl::IsAlreadyExists(created.status())) return created.status();
  }
  return absl::OkStatus();
}

absl::Status FencedSession::Claim() {
  {
    MutexLock lock(&mutex_);
    const absl::Time deadline = Now() + options_.claim_timeout;
    absl::Status failed;
    do {
      MEROS_RETURN_IF_ERROR(AwaitConnected(deadline));
      failed = TryClaim();
    } while (absl::IsUnavailable(failed) && MayGoOn(deadline));
    MEROS_RETURN_IF_ERROR(failed);
  }
  keeper_ = std::thread([this] { Keep(); });
  return absl::OkStatus();
}

absl::Status FencedSession::TryClaim() {
  const absl::Time sent = Now();
  MEROS_ASSIGN_OR_RETURN(const Node fence, ReadOne(Path("fence")));
  std::vector<NodeOp> ops = {{Type::kCreate, Path("owner"), claim_, 0, NodeKind::kEphemeral}};
  const bool renew = fence.stat.version > kFenceVersionMax;
  if (renew) {
    ops.push_back({Type::kDelete, Path("fence"), "", fence.stat.version});
    ops.push_back({Type::kCreate, Path("fence"), claim_});
  } else {
    ops.push_back({Type::kSet, Path("fence"), claim_, fence.stat.version});
  }
  absl::Status claimed = Multi(std::move(ops));
  if (claimed.ok()) {
    fence_version_ = renew ? 0 : fence.stat.version + 1;
    BecomeOwner(sent);
    return absl::OkStatus();
  }
  if (absl::IsPermissionDenied(claimed)) return claimed;
  if (absl::IsAlreadyExists(claimed)) {
    // Ours after a lost answer, too: it goes with this session, and the next opening claims anew.
    const absl::StatusOr<Node> owner = ReadOne(Path("owner"));
    if (owner.ok()) {
      claimed = absl::UnavailableError(absl::StrCat("the store at ", options_.url.Redacted(),
                                                    " is served by ", NameIn(owner->data)));
    }
  }
  return absl::UnavailableError(claimed.message());
}

void FencedSession::Close() {
  {
    MutexLock lock(&keeper_mutex_);
    stopping_ = true;
    keeper_wake_.SignalAll();
    proving_ = nullptr;
  }
  if (keeper_.joinable()) keeper_.join();
  MutexLock lock(&mutex_);
  session_ = nullptr;
  if (over_.ok()) {
    over_ = absl::FailedPreconditionError(
        absl::StrCat("store ", options_.url.Redacted(), " is closed"));
  }
}

// ---- reading ----

absl::StatusOr<std::vector<Node>> FencedSession::Read(absl::Span<const std::string> paths) {
  MutexLock lock(&mutex_);
  MEROS_RETURN_IF_ERROR(over_);
  return ReadAll(paths);
}

absl::StatusOr<std::vector<std::vector<std::string>>> FencedSession::List(
    absl::Span<const std::string> paths) {
  MutexLock lock(&mutex_);
  MEROS_RETURN_IF_ERROR(over_);
  Gather<absl::StatusOr<std::vector<std::string>>> answers(paths.size());
  for (size_t i = 0; i < paths.size(); ++i) session_->List(paths[i], answers.Taker(i));
  std::vector<std::vector<std::string>> lists;
  for (absl::StatusOr<std::vector<std::string>>& names : answers.Await()) {
    MEROS_RETURN_IF_ERROR(names.status());
    lists.push_back(*std::move(names));
  }
  return lists;
}

absl::StatusOr<Node> FencedSession::ReadOne(const std::string& path) {
  MEROS_ASSIGN_OR_RETURN(std::vector<Node> nodes, ReadAll({path}));
  return std::move(nodes[0]);
}

absl::Status FencedSession::Multi(std::vector<NodeOp> ops) {
  Gather<absl::Status> answer(1);
  session_->Multi(std::move(ops), answer.Taker(0));
  return answer.Await()[0];
}

absl::StatusOr<std::vector<Node>> FencedSession::ReadAll(absl::Span<const std::string> paths) {
  std::vector<Node> nodes;
  nodes.reserve(paths.size());
  while (nodes.size() < paths.size()) {
    const size_t first = nodes.size();
    const size_t count = std::min(paths.size() - first, kReadsInFlight);
    Gather<absl::StatusOr<Node>> answers(count);
    for (size_t i = 0; i < count; ++i) session_->Get(paths[first + i], answers.Taker(i));
    for (absl::StatusOr<Node>& node : answers.Await()) {
      MEROS_RETURN_IF_ERROR(node.status());
      nodes.push_back(*std::move(node));
    }
  }
  return nodes;
}

// ---- transactions ----

absl::Status FencedSession::over() {
  MutexLock lock(&mutex_);
  return over_;
}

absl::Status FencedSession::Over(absl::Status why) {
  if (!over_.ok()) return over_;
  over_ = std::move(why);
  if (options_.on_over) options_.on_over(over_);
  return over_;
}

absl::StatusOr<size_t> FencedSession::CountDone() {
  MEROS_ASSIGN_OR_RETURN(const Node fence, ReadOne(Path("fence")));
  if (fence.data != claim_) {
    return Over(absl::FailedPreconditionError(
        absl::StrCat("the store is served by another process now: ", NameIn(fence.data))));
  }
  const size_t done = static_cast<size_t>(fence.stat.version - fence_version_);
  fence_version_ = fence.stat.version;
  return done;
}

absl::Status FencedSession::SendAll(const std::vector<Transaction>& transactions, size_t* done) {
  const absl::Time sent = Now();
  const size_t first = *done;
  Gather<absl::Status> answers(transactions.size() - first);
  for (size_t i = first; i < transactions.size(); ++i) {
    std::vector<NodeOp> ops = {
        {Type::kSet, Path("fence"), claim_, fence_version_ + static_cast<int32_t>(i - first)}};
    ops.insert(ops.end(), transactions[i].begin(), transactions[i].end());
    session_->Multi(std::move(ops), answers.Taker(i - first));
  }
  for (const absl::Status& answer : answers.Await()) {
    MEROS_RETURN_IF_ERROR(answer);
    ++*done;
    ++fence_version_;
  }
  Proved(sent, session_->session_timeout());
  return absl::OkStatus();
}

absl::Status FencedSession::Run(const std::vector<Transaction>& transactions) {
  MutexLock lock(&mutex_);
  MEROS_RETURN_IF_ERROR(over_);
  const absl::Time deadline = Now() + options_.call_timeout;
  size_t done = 0;
  while (done < transactions.size()) {
    absl::Status failed = EnsureOwner(deadline);
    if (failed.ok()) {
      is_in_doubt_ = true;
      failed = SendAll(transactions, &done);
    }
    if (failed.ok()) break;
    if (absl::IsAborted(failed)) {
      // The server has looked at the fence just now, so what is read after this answer is not old.
      const absl::StatusOr<size_t> more = CountDone();
      if (!over_.ok()) return over_;
      if (more.ok() && *more > 0) {
        done += *more;
        continue;
      }
      failed = more.status().ok() ? absl::InternalError("the fence does not move") : more.status();
    }
    if (!over_.ok()) return over_;
    if (!absl::IsUnavailable(failed)) {
      // Nodes are there, or are not, against what the index says; or access was taken away.
      return Over(absl::FailedPreconditionError(
          absl::StrCat("the store was changed by somebody else: ", failed.message())));
    }
    if (!MayGoOn(deadline)) return failed;
  }
  is_in_doubt_ = false;
  return absl::OkStatus();
}

absl::Status FencedSession::SettleDoubt(absl::Time deadline) {
  while (is_in_doubt_) {
    MEROS_RETURN_IF_ERROR(EnsureOwner(deadline));
    // Whoever moves the fence first wins: either what is still on its way, or this.
    const absl::Status moved = Multi({{Type::kSet, Path("fence"), claim_, fence_version_}});
    if (moved.ok()) {
      ++fence_version_;
      is_in_doubt_ = false;
    } else if (absl::IsAborted(moved)) {
      MEROS_RETURN_IF_ERROR(CountDone().status());
      return Over(absl::FailedPreconditionError(
          "a batch that was reported as failed has been done; open the store anew"));
    } else if (!MayGoOn(deadline)) {
      return moved;
    }
  }
  return absl::OkStatus();
}

absl::Status FencedSession::Usable() {
  MutexLock lock(&mutex_);
  MEROS_RETURN_IF_ERROR(over_);
  if (fence_version_ > kFenceVersionMax + kFenceVersionMax / 2) {
    return Over(absl::FailedPreconditionError("the fence has counted far; open the store anew"));
  }
  const absl::Time deadline = Now() + options_.call_timeout;
  MEROS_RETURN_IF_ERROR(EnsureOwner(deadline));
  return SettleDoubt(deadline);
}

}  // namespace meros::storage
