#include "tests/simulation/candidate.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "libs/simulation/probes.h"

namespace meros::simulation {
namespace {

using master::LeaseAnswer;

constexpr char kQueue[] = "/election/json.info_";
// As in zookeeper_election.cc.
constexpr int kClaimsMax = 10;
constexpr uint64_t kBeside = uint64_t{1} << 63;

}  // namespace

Candidate::Candidate(NodeContext* context, Ensemble* ensemble, absl::Duration session_timeout,
                     std::string address, Ways ways)
    : client_(context, ensemble, session_timeout),
      address_(std::move(address)),
      ways_(std::move(ways)) {}

bool Candidate::IsQuestion(const master::Effect& effect) {
  return std::holds_alternative<master::AcquireLease>(effect) ||
         std::holds_alternative<master::RenewLease>(effect) ||
         std::holds_alternative<master::ReleaseLease>(effect);
}

void Candidate::Ask(master::Effect question) {
  question_ = std::move(question);
  if (!is_busy_) Next();
}

void Candidate::Next() {
  const std::optional<master::Effect> question = std::exchange(question_, std::nullopt);
  is_busy_ = question.has_value();
  if (!is_busy_) return;
  if (const auto* acquire = std::get_if<master::AcquireLease>(&*question)) return On(*acquire);
  if (const auto* renew = std::get_if<master::RenewLease>(&*question)) return On(*renew);
  On(std::get<master::ReleaseLease>(*question));
}

void Candidate::Finish() { Next(); }

void Candidate::Reply(uint64_t attempt, LeaseAnswer::Kind kind, const std::string& leader) {
  LeaseAnswer answer;
  answer.attempt = attempt;
  answer.kind = kind;
  answer.leader_address = leader;
  ways_.answer(std::move(answer));
  Finish();
}

void Candidate::Resign() {
  client_.Leave();
  node_.clear();
  number_ = 0;
}

void Candidate::On(const master::AcquireLease& question) {
  if (claims_failed_ >= kClaimsMax) {
    Sometimes<"a master that gets no epoch lets another candidate try">(true);
    claims_failed_ = 0;
    Resign();
  }
  if (!node_.empty()) return LookAtQueue(question.attempt);
  client_.Write({{.kind = Ensemble::Op::Kind::kCreateSequential,
                  .path = kQueue,
                  .data = address_,
                  .is_ephemeral = true}},
                [this, attempt = question.attempt](absl::StatusOr<Ensemble::Answer> answer) {
                  if (!answer.ok()) {
                    // It may have been made all the same; it goes with the session.
                    Resign();
                    return Reply(attempt, LeaseAnswer::Kind::kUnknown);
                  }
                  node_ = answer->written[0].first;
                  LookAtQueue(attempt);
                });
}

void Candidate::LookAtQueue(uint64_t attempt) {
  client_.Read([this, attempt](absl::StatusOr<Ensemble::Answer> answer) {
    if (!answer.ok()) {
      if (absl::IsAborted(answer.status())) Resign();
      return Reply(attempt, LeaseAnswer::Kind::kUnknown);
    }
    const auto own = answer->tree->find(node_);
    if (own == answer->tree->end()) {
      Resign();
      return Reply(attempt, LeaseAnswer::Kind::kUnknown);
    }
    const auto first = answer->tree->lower_bound(kQueue);  // numbers have equal lengths
    if (first->first != node_) {
      return Reply(attempt, LeaseAnswer::Kind::kHeldByOther, first->second.data);
    }
    number_ = own->second.created;
    Prove(attempt, [this, attempt] {
      registry::v1::ElectionWin won;
      won.set_election("zk:/election");
      won.set_number(number_);
      ways_.tell(master::AcquireLease{.attempt = attempt, .ttl = client_.hold()}, won);
      Finish();
    });
  });
}

void Candidate::Prove(uint64_t attempt, std::function<void()> proven) {
  client_.Write(
      {{.kind = Ensemble::Op::Kind::kSet, .path = node_, .data = address_}},
      [this, attempt, proven = std::move(proven)](absl::StatusOr<Ensemble::Answer> answer) {
        if (absl::IsUnavailable(answer.status())) {
          return Reply(attempt, LeaseAnswer::Kind::kUnknown);
        }
        if (answer.ok() && answer->written[0].second.owner == client_.session()) {
          return proven();
        }
        Sometimes<"a leader's session with ZooKeeper has ended">(true);
        Resign();
        Reply(attempt, LeaseAnswer::Kind::kHeldByOther);
      });
}

void Candidate::On(const master::RenewLease& question) {
  if (question.epoch <= superseded_epoch_ || number_ == 0) {
    Resign();
    return Reply(question.attempt, LeaseAnswer::Kind::kHeldByOther);
  }
  Prove(question.attempt, [this, question] {
    LeaseAnswer answer;
    answer.attempt = question.attempt;
    answer.kind = LeaseAnswer::Kind::kGranted;
    answer.epoch = question.epoch;
    answer.ttl = client_.hold();
    ways_.answer(std::move(answer));
    ways_.tell(
        master::RenewLease{
            .attempt = kBeside | question.epoch, .epoch = question.epoch, .ttl = client_.hold()},
        std::nullopt);
    Finish();
  });
}

void Candidate::On(const master::ReleaseLease& release) {
  ways_.tell(release, std::nullopt);
  Resign();
  Finish();
}

void Candidate::Hear(LeaseAnswer answer) {
  const bool is_beside = (answer.attempt & kBeside) != 0;
  if (answer.kind == LeaseAnswer::Kind::kGranted) {
    claims_failed_ = 0;
  } else if (!is_beside) {
    ++claims_failed_;
  } else if (answer.kind == LeaseAnswer::Kind::kHeldByOther) {
    superseded_epoch_ = std::max(superseded_epoch_, answer.attempt & ~kBeside);
  }
  if (!is_beside) ways_.answer(std::move(answer));
}

}  // namespace meros::simulation
