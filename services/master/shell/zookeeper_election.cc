#include "services/master/shell/zookeeper_election.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/telemetry/log.h"
#include "services/master/shell/candidate_node.h"

namespace meros::master {
namespace {

// Tries to get an epoch before another candidate has its turn.
constexpr int kClaimsMax = 10;
// In the attempt of a renewal that only the registry's lease is about; the rest is the epoch.
constexpr uint64_t kBeside = uint64_t{1} << 63;

}  // namespace

ZooKeeperElection::ZooKeeperElection(coordination::CandidacyOptions options, Post post,
                                     EpochSource* epochs)
    : election_(absl::StrCat("zk:", options.url.path)),
      post_(std::move(post)),
      epochs_(epochs),
      candidacy_(std::move(options)),
      thread_([this] { Run(); }) {}

bool ZooKeeperElection::IsQuestion(const Effect& effect) {
  return std::holds_alternative<AcquireLease>(effect) ||
         std::holds_alternative<RenewLease>(effect) || std::holds_alternative<ReleaseLease>(effect);
}

void ZooKeeperElection::Ask(Effect question) {
  MutexLock lock(&mutex_);
  question_ = std::move(question);
  changed_.SignalAll();
}

void ZooKeeperElection::Run() {
  pthread_setname_np(pthread_self(), "election");
  while (true) {
    std::optional<Effect> question;
    {
      MutexLock lock(&mutex_);
      while (!question_.has_value() && !stopping_) changed_.Wait(&mutex_);
      question = std::exchange(question_, std::nullopt);
    }
    if (!question.has_value()) break;
    if (const auto* acquire = std::get_if<AcquireLease>(&*question)) On(*acquire);
    if (const auto* renew = std::get_if<RenewLease>(&*question)) On(*renew);
    if (const auto* release = std::get_if<ReleaseLease>(&*question)) On(*release);
  }
  candidacy_.Resign();
}

void ZooKeeperElection::On(const AcquireLease& question) {
  if (TakesTooLong()) {
    MEROS_LOG(WARNING) << "the registry gives no epoch; another candidate may try";
    candidacy_.Resign();
  }
  const absl::StatusOr<coordination::Standing> standing = candidacy_.Run();
  SetProblem(standing.status());
  if (!standing.ok()) return Reply(question.attempt, LeaseAnswer::Kind::kUnknown);
  if (!standing->we_lead) {
    return Reply(question.attempt, LeaseAnswer::Kind::kHeldByOther, standing->leader_data);
  }
  registry::v1::ElectionWin won;
  won.set_election(election_);
  won.set_number(standing->number);
  epochs_->Claim({.attempt = question.attempt, .ttl = standing->hold}, won);
}

bool ZooKeeperElection::TakesTooLong() {
  MutexLock lock(&mutex_);
  if (claims_failed_ < kClaimsMax) return false;
  claims_failed_ = 0;
  return true;
}

bool ZooKeeperElection::IsSuperseded(uint64_t epoch) const {
  MutexLock lock(&mutex_);
  return epoch <= superseded_epoch_;
}

void ZooKeeperElection::On(const RenewLease& question) {
  if (IsSuperseded(question.epoch)) {
    candidacy_.Resign();
    return Reply(question.attempt, LeaseAnswer::Kind::kHeldByOther);
  }
  const absl::StatusOr<coordination::Standing> standing = candidacy_.Prove();
  SetProblem(standing.status());
  if (!standing.ok()) {
    return Reply(question.attempt, absl::IsFailedPrecondition(standing.status())
                                       ? LeaseAnswer::Kind::kHeldByOther
                                       : LeaseAnswer::Kind::kUnknown);
  }
  LeaseAnswer answer;
  answer.attempt = question.attempt;
  answer.kind = LeaseAnswer::Kind::kGranted;
  answer.epoch = question.epoch;
  answer.ttl = standing->hold;
  post_(std::move(answer));
  epochs_->Tell(RenewLease{
      .attempt = kBeside | question.epoch, .epoch = question.epoch, .ttl = standing->hold});
}

void ZooKeeperElection::On(const ReleaseLease& release) {
  epochs_->Tell(release);
  candidacy_.Resign();
}

void ZooKeeperElection::Reply(uint64_t attempt, LeaseAnswer::Kind kind, const std::string& leader) {
  LeaseAnswer answer;
  answer.attempt = attempt;
  answer.kind = kind;
  answer.leader_address = CandidateAddress(leader);
  answer.leader_region = CandidateRegion(leader);
  post_(std::move(answer));
}

void ZooKeeperElection::Answer(LeaseAnswer answer) {
  const bool is_beside = (answer.attempt & kBeside) != 0;
  {
    MutexLock lock(&mutex_);
    if (answer.kind == LeaseAnswer::Kind::kGranted) {
      claims_failed_ = 0;
    } else if (!is_beside) {
      ++claims_failed_;
    } else if (answer.kind == LeaseAnswer::Kind::kHeldByOther) {
      superseded_epoch_ = std::max(superseded_epoch_, answer.attempt & ~kBeside);
    }
  }
  if (!is_beside) post_(std::move(answer));
}

void ZooKeeperElection::SetProblem(const absl::Status& problem) {
  bool is_news = false;
  {
    MutexLock lock(&mutex_);
    is_news = problem.message() != problem_.message();
    problem_ = problem;
  }
  if (!is_news) return;
  if (problem.ok()) {
    MEROS_LOG(INFO) << "candidate" << telemetry::Field("node", candidacy_.node());
  } else {
    MEROS_LOG(WARNING) << "the election is in doubt" << telemetry::Field("why", problem.message());
  }
}

absl::Status ZooKeeperElection::problem() const {
  MutexLock lock(&mutex_);
  return problem_;
}

void ZooKeeperElection::Stop() {
  candidacy_.Interrupt();
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.SignalAll();
  }
  if (thread_.joinable()) thread_.join();
}

}  // namespace meros::master
