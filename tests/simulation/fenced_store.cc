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
                  if (absl::IsUnavailable(answer.status())) return;
                  Over(absl::FailedPreconditionError("the store is another's"));
                });
  context_.After(client_.timeout() / 6, [this, turn] { Prove(turn); });
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
  Try(context_.Now() + client_.timeout() / 2);
}

void FencedStore::Try(absl::Time deadline) {
  client_.Write(
      transaction_, [this, turn = turn_, deadline](absl::StatusOr<Ensemble::Answer> answer) {
        if (turn != turn_ || !is_ours_) return;
        if (answer.ok()) return Done();
        if (absl::IsFailedPrecondition(answer.status())) return LookAtFence();
        if (!absl::IsUnavailable(answer.status())) return Over(answer.status());
        if (context_.Now() >= deadline) {
          Sometimes<"a registry gives its store up, in doubt about a write">(true);
          return Over(absl::UnavailableError("it is open whether a transaction was done"));
        }
        context_.After(UniformDuration(&rng_, absl::Milliseconds(1), absl::Milliseconds(100)),
                       [this, turn, deadline] {
                         if (turn == turn_ && is_ours_) Try(deadline);
                       });
      });
}

void FencedStore::LookAtFence() {
  client_.Read([this, turn = turn_](absl::StatusOr<Ensemble::Answer> answer) {
    if (turn != turn_ || !is_ours_) return;
    if (absl::IsUnavailable(answer.status())) return LookAtFence();
    if (!answer.ok()) return Over(answer.status());
    const Ensemble::Entry& fence = answer->tree->at(kFence);
    if (fence.data == claim_ && fence.version == fence_ + 1) {
      Sometimes<"a write to ZooKeeper is found to be done though its answer was lost">(true);
      return Done();
    }
    Sometimes<"a registry that was replaced finds the fence moved">(true);
    Over(absl::FailedPreconditionError("the store is another's"));
  });
}

void FencedStore::Done() {
  ++fence_;
  transaction_.clear();
  std::exchange(done_, nullptr)(absl::OkStatus());
}

void FencedStore::Over(const absl::Status& why) {
  is_ours_ = false;
  ++turn_;
  done_ = nullptr;
  client_.Leave();
  events_.on_over(why);
  ClaimLater();
}

}  // namespace meros::simulation
