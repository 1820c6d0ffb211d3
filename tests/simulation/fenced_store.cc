#include "tests/simulation/fenced_store.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/simulation/probes.h"

namespace meros::simulation {
namespace {

constexpr char kOwner[] = "/store/owner";
constexpr char kFence[] = "/store/fence";
constexpr char kRows[] = "/store/rows/";

Ensemble::Op MoveFence(const std::string& claim, int version) {
  return {.kind = Ensemble::Op::Kind::kSet, .path = kFence, .data = claim, .version = version};
}

}  // namespace

FencedStore::FencedStore(NodeContext* context, Ensemble* ensemble, absl::Duration session_timeout,
                         FencedStoreEvents events)
    : context_(*context),
      client_(context, ensemble, session_timeout),
      events_(std::move(events)),
      claim_(context->MakeRng("claim").Uuid()),
      rng_(context->MakeRng("store")) {}

void FencedStore::Start() { Claim(); }

void FencedStore::Claim() {
  const absl::Time asked = context_.Now();
  client_.Write({{.kind = Ensemble::Op::Kind::kCreate, .path = kOwner, .is_ephemeral = true},
                 MoveFence(claim_, Ensemble::kAnyVersion)},
                [this, asked](absl::StatusOr<Ensemble::Answer> answer) {
                  if (answer.ok()) {
                    fence_ = answer->written.back().second.version;
                    return Open(asked);
                  }
                  if (absl::IsAborted(answer.status())) client_.Leave();
                  if (absl::IsAlreadyExists(answer.status())) return LookAtClaim();
                  ClaimLater();
                });
}

void FencedStore::ClaimLater() {
  context_.After(UniformDuration(&rng_, absl::Milliseconds(10), client_.timeout() / 10),
                 [this] { Claim(); });
}

void FencedStore::LookAtClaim() {
  const absl::Time asked = context_.Now();
  client_.Read([this, asked](absl::StatusOr<Ensemble::Answer> answer) {
    if (!answer.ok()) {
      if (absl::IsAborted(answer.status())) client_.Leave();
      return ClaimLater();
    }
    const auto owner = answer->tree->find(kOwner);
    if (owner == answer->tree->end() || owner->second.owner != client_.session()) {
      return ClaimLater();
    }
    Sometimes<"a claim of the store is found to be done">(true);
    fence_ = answer->tree->at(kFence).version;
    Open(asked);
  });
}

void FencedStore::Open(absl::Time proven) {
  client_.Read([this, proven](absl::StatusOr<Ensemble::Answer> answer) {
    if (!answer.ok()) return Over(answer.status());
    std::vector<storage::Row> rows;
    for (const auto& [path, entry] : *answer->tree) {
      if (!absl::StartsWith(path, kRows)) continue;
      rows.push_back({std::string(absl::StripPrefix(path, kRows)), entry.data});
    }
    is_ours_ = true;
    events_.on_open(std::move(rows));
    events_.on_owned(proven + client_.hold());
    Prove(++turn_);
  });
}

void FencedStore::Prove(uint64_t turn) {
  if (turn != turn_ || !is_ours_) return;
  const absl::Time asked = context_.Now();
  client_.Write({{.kind = Ensemble::Op::Kind::kSet, .path = kOwner}},
                [this, turn, asked](absl::StatusOr<Ensemble::Answer> answer) {
                  if (turn != turn_ || !is_ours_) return;
                  if (answer.ok() && answer->written[0].second.owner == client_.session()) {
                    return events_.on_owned(asked + client_.hold());
                  }
                  if (!absl::IsUnavailable(answer.status())) TakeBack();
                });
  context_.After(client_.timeout() / 6, [this, turn] { Prove(turn); });
}

void FencedStore::TakeBack() {
  client_.Leave();
  ++turn_;
  is_away_ = true;
  TryTakeBack();
}

void FencedStore::TryTakeBack() {
  const absl::Time asked = context_.Now();
  client_.Read([this, turn = turn_, asked](absl::StatusOr<Ensemble::Answer> answer) {
    if (turn != turn_ || !is_ours_) return;
    if (!answer.ok()) return TryTakeBackLater(answer.status());
    const Ensemble::Entry& fence = answer->tree->at(kFence);
    if (fence.data != claim_) {
      Sometimes<"a registry that was replaced finds the fence moved">(true);
      return Over(absl::FailedPreconditionError("the store is another's"));
    }
    // Made by a try that was not answered.
    const auto owner = answer->tree->find(kOwner);
    const bool is_owner = owner != answer->tree->end() && owner->second.owner == client_.session();
    if (is_owner) return BeBack(asked);
    client_.Write({{.kind = Ensemble::Op::Kind::kCreate, .path = kOwner, .is_ephemeral = true},
                   {.kind = Ensemble::Op::Kind::kCheck, .path = kFence, .version = fence.version}},
                  [this, turn, asked](absl::StatusOr<Ensemble::Answer> made) {
                    if (turn != turn_ || !is_ours_) return;
                    if (!made.ok()) return TryTakeBackLater(made.status());
                    BeBack(asked);
                  });
  });
}

void FencedStore::TryTakeBackLater(const absl::Status& why) {
  if (absl::IsAborted(why)) client_.Leave();
  if (done_ != nullptr && context_.Now() >= deadline_) return GiveUp();
  context_.After(UniformDuration(&rng_, absl::Milliseconds(1), absl::Milliseconds(100)),
                 [this, turn = turn_] {
                   if (turn == turn_ && is_ours_) TryTakeBack();
                 });
}

void FencedStore::BeBack(absl::Time proven) {
  Sometimes<"a registry takes its store back under another session">(true);
  is_away_ = false;
  events_.on_owned(proven + client_.hold());
  Prove(turn_);
  if (done_ != nullptr) Try();
}

void FencedStore::Commit(std::vector<storage::Mutation> mutations,
                         std::function<void(absl::Status)> done) {
  transaction_ = {MoveFence(claim_, fence_)};
  for (storage::Mutation& mutation : mutations) {
    Ensemble::Op op{.path = absl::StrCat(kRows, mutation.key)};
    op.kind = mutation.value.has_value() ? Ensemble::Op::Kind::kPut : Ensemble::Op::Kind::kErase;
    if (mutation.value.has_value()) op.data = *std::move(mutation.value);
    transaction_.push_back(std::move(op));
  }
  done_ = std::move(done);
  deadline_ = context_.Now() + client_.timeout() / 2;
  if (!is_away_) Try();
}

void FencedStore::Try() {
  client_.Write(transaction_, [this, turn = turn_](absl::StatusOr<Ensemble::Answer> answer) {
    if (turn != turn_ || !is_ours_) return;
    if (answer.ok()) return Done();
    if (absl::IsAborted(answer.status())) return TakeBack();
    if (absl::IsFailedPrecondition(answer.status())) return LookAtFence();
    if (!absl::IsUnavailable(answer.status())) return Over(answer.status());
    if (context_.Now() >= deadline_) return GiveUp();
    context_.After(UniformDuration(&rng_, absl::Milliseconds(1), absl::Milliseconds(100)),
                   [this, turn] {
                     if (turn == turn_ && is_ours_) Try();
                   });
  });
}

void FencedStore::GiveUp() {
  Sometimes<"a registry gives its store up, in doubt about a write">(true);
  Over(absl::UnavailableError("it is open whether a transaction was done"));
}

void FencedStore::LookAtFence() {
  client_.Read([this, turn = turn_](absl::StatusOr<Ensemble::Answer> answer) {
    if (turn != turn_ || !is_ours_) return;
    if (absl::IsUnavailable(answer.status())) return LookAtFence();
    if (!answer.ok()) return TakeBack();
    const Ensemble::Entry& fence = answer->tree->at(kFence);
    if (fence.data == claim_ && fence.version == fence_ + 1) {
      Sometimes<"a write to ZooKeeper is found to be done though its answer was lost">(true);
      return Done();
    }
    Over(absl::FailedPreconditionError("the store is another's"));
  });
}

void FencedStore::Done() {
  ++fence_;
  transaction_.clear();
  std::exchange(done_, nullptr)(absl::OkStatus());
}

void FencedStore::Over(const absl::Status& why) {
  is_ours_ = is_away_ = false;
  ++turn_;
  done_ = nullptr;
  client_.Leave();
  events_.on_over(why);
  ClaimLater();
}

}  // namespace meros::simulation
