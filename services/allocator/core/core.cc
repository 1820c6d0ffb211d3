#include "services/allocator/core/core.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "services/allocator/core/explain.h"
#include "services/allocator/core/filters/min_allocatable.h"
#include "services/allocator/core/propose_gangs.h"
#include "services/allocator/core/quota_headroom.h"

namespace meros::allocator {

Core::Core(Options options, Rng rng)
    : options_(std::move(options)),
      rng_(rng),
      lottery_rng_(rng.Next()),
      ask_backoff_(absl::ZeroDuration()) {
  MEROS_CHECK(options_.Validate().ok()) << options_.Validate().ToString();
}

void Core::Step(absl::Time now, Input input, Effects* out) {
  std::visit([&](auto&& in) { On(now, std::forward<decltype(in)>(in), out); }, std::move(input));
}

absl::Time Core::NextDeadline() const {
  if (phase_ == Phase::kAwaiting) return ask_at_;
  if (phase_ != Phase::kReady) return absl::InfiniteFuture();
  absl::Time next = std::min(batch_at_, books_->filters.NextExpiry());
  next = std::min(next, books_->gangs.NextDeadline());
  if (!books_->candidates.empty() && !WaitsForResults()) {
    next = std::min(next, WaitsForAgents(earliest_run_) ? RecoveryEnd() : earliest_run_);
  }
  if (!books_->mirror.proposals().empty()) {
    next = std::min(next,
                    books_->mirror.proposals().begin()->second->sent + options_.proposal_timeout);
  }
  return next;
}

// --- Sessions
// -------------------------------------------------------------------------------------

void Core::On(absl::Time now, FrameReceived frame, Effects* out) {
  for (MasterMessage& message : frame.messages) {
    if (refused_.contains(frame.stream)) return;
    if (frame.stream == stream_) {
      std::visit([&](auto&& m) { OnMessage(now, std::forward<decltype(m)>(m), out); },
                 std::move(message));
    } else if (const Hello* hello = std::get_if<Hello>(&message); hello != nullptr) {
      OnHello(now, frame.stream, *hello, out);
    } else {
      Refuse(frame.stream, absl::InvalidArgumentError("the first message must be hello"), out);
    }
  }
}

absl::Status Core::CheckHello(const Hello& hello) const {
  if (hello.epoch == 0) return absl::InvalidArgumentError("hello.epoch is 0, must be above 0");
  if (hello.master_id.empty()) return absl::InvalidArgumentError("hello.master_id is empty");
  if (hello.epoch < epoch_) {
    return absl::FailedPreconditionError(absl::StrCat("epoch ", hello.epoch, " of master ",
                                                      hello.master_id, " is over: master ",
                                                      master_id_, " has epoch ", epoch_));
  }
  if (hello.epoch == epoch_ && hello.master_id != master_id_) {
    return absl::AlreadyExistsError(
        absl::StrCat("epoch ", epoch_, " is that of master ", master_id_));
  }
  return absl::OkStatus();
}

void Core::OnHello(absl::Time now, StreamId stream, const Hello& hello, Effects* out) {
  if (absl::Status status = CheckHello(hello); !status.ok()) {
    Refuse(stream, std::move(status), out);
    return;
  }
  if (stream_ != 0) {
    Refuse(stream_,
           absl::AbortedError(absl::StrCat("master ", hello.master_id, " of epoch ", hello.epoch,
                                           " took over the session")),
           out);
  }
  ++stats_.sessions;
  stream_ = stream;
  master_id_ = hello.master_id;
  region_ = hello.region;
  session_began_ = now;
  epoch_ = hello.epoch;
  books_.reset();
  phase_ = Phase::kAwaiting;
  loss_ = "no snapshot has begun";
  ask_at_ = now + options_.snapshot_backoff_max;
  ask_backoff_ = absl::ZeroDuration();
  out->push_back(SendWelcome{stream});
}

void Core::Refuse(StreamId stream, absl::Status status, Effects* out) {
  ++stats_.sessions_refused;
  refused_.insert(stream);
  if (stream == stream_) {
    stream_ = 0;
    phase_ = Phase::kNoMaster;
    books_.reset();
  }
  out->push_back(CloseStream{stream, std::move(status)});
}

void Core::On(absl::Time, const StreamClosed& closed, Effects*) {
  refused_.erase(closed.stream);
  if (closed.stream != stream_) return;
  stream_ = 0;
  phase_ = Phase::kNoMaster;
  books_.reset();
}

void Core::OnMessage(absl::Time, const Hello&, Effects* out) {
  Refuse(stream_, absl::InvalidArgumentError("hello was said twice"), out);
}

void Core::OnMessage(absl::Time, const UnknownMessage& unknown, Effects* out) {
  Refuse(stream_, absl::InvalidArgumentError(unknown.what), out);
}

// --- The mirror
// -----------------------------------------------------------------------------------

void Core::OnMessage(absl::Time, const SnapshotBegin& begin, Effects*) {
  books_ = std::make_unique<Books>(options_, next_proposal_, region_, lottery_rng_);
  preemption_ = Preemption();
  version_ = begin.version;
  phase_ = Phase::kLoading;
}

void Core::OnMessage(absl::Time now, const SnapshotEnd& end, Effects* out) {
  if (phase_ == Phase::kAwaiting) return;
  if (phase_ == Phase::kReady || end.version != version_) {
    LoseMirror(
        now,
        absl::StrCat("a snapshot of version ", end.version, " ended, ",
                     phase_ == Phase::kReady ? "none" : absl::StrCat(version_), " had begun"),
        out);
    return;
  }
  ++stats_.snapshots;
  phase_ = Phase::kReady;
  ready_since_ = now;
  earliest_run_ = now;
  batch_at_ = now + options_.allocation_interval;
  books_->candidates.MarkAll();
}

void Core::OnMessage(absl::Time now, Delta delta, Effects* out) {
  if (phase_ == Phase::kAwaiting) return;
  const uint64_t expected = phase_ == Phase::kLoading ? 0 : version_ + 1;
  if (delta.version != expected) {
    LoseMirror(now, absl::StrCat("a delta has version ", delta.version, ", expected ", expected),
               out);
    return;
  }
  if (absl::Status status = books_->Apply(now, std::move(delta.change)); !status.ok()) {
    LoseMirror(now, absl::StrCat("delta of version ", delta.version, ": ", status.message()), out);
    return;
  }
  if (phase_ == Phase::kReady) version_ = delta.version;
}

void Core::OnMessage(absl::Time now, const UnreadableDelta& unreadable, Effects* out) {
  if (phase_ != Phase::kAwaiting) LoseMirror(now, unreadable.what, out);
}

void Core::OnMessage(absl::Time now, const ProposalResult& result, Effects* out) {
  if (phase_ != Phase::kReady) return;  // of proposals on books that are gone
  if (absl::Status status = books_->ApplyResult(result, batch_at_); !status.ok()) {
    LoseMirror(now, std::string(status.message()), out);
    return;
  }
  stats_.gangs_rejected += books_->TakeGangsRejected();
  if (result.proposal_id > 0) ++stats_.results[static_cast<size_t>(result.reject_reason)];
}

void Core::LoseMirror(absl::Time now, const std::string& reason, Effects* out) {
  ++stats_.mirror_resets;
  // A mirror that held for long was lost by accident; one that is lost at once will be lost again.
  if (phase_ == Phase::kReady && now - ready_since_ >= options_.snapshot_backoff_max) {
    ask_backoff_ = absl::ZeroDuration();
  }
  books_.reset();
  phase_ = Phase::kAwaiting;
  loss_ = reason;
  ask_at_ = now + ask_backoff_;
  ask_backoff_ = std::min(std::max(ask_backoff_ * 2, options_.snapshot_backoff_min),
                          options_.snapshot_backoff_max);
  if (ask_at_ <= now) AskForSnapshot(now, loss_, out);
}

void Core::AskForSnapshot(absl::Time now, const std::string& reason, Effects* out) {
  out->push_back(SendNeedSnapshot{stream_, reason});
  ask_at_ = now + options_.snapshot_backoff_max;
}

// --- Runs
// -----------------------------------------------------------------------------------------

bool Core::WaitsForResults() const {
  return books_->mirror.proposals().size() >= options_.proposals_waiting_max;
}

bool Core::WaitsForAgents(absl::Time now) const {
  if (books_->agents_expected() == 0 || !books_->mirror.roles().has_quota()) return false;
  const double enough =
      std::floor(static_cast<double>(books_->agents_expected()) * options_.recovery_factor);
  return static_cast<double>(books_->mirror.agents().size()) < enough && now < RecoveryEnd();
}

void Core::On(absl::Time now, runtime::Tick, Effects* out) {
  if (phase_ == Phase::kAwaiting && now >= ask_at_) AskForSnapshot(now, loss_, out);
  if (phase_ != Phase::kReady) return;
  const auto& proposals = books_->mirror.proposals();
  if (!proposals.empty() && proposals.begin()->second->sent + options_.proposal_timeout <= now) {
    LoseMirror(now,
               absl::StrCat("proposal ", proposals.begin()->first, " was not settled within ",
                            absl::FormatDuration(options_.proposal_timeout)),
               out);
    return;
  }
  books_->ExpireFilters(now);
  books_->ExpireGangHold(now);
  if (now >= batch_at_) {
    ++stats_.batch_runs;
    batch_at_ = now + options_.allocation_interval;
    books_->BeginBatch();
    books_->hoarding.Run(now, books_->mirror, [&](HoardingChange change) {
      stats_.hoardings += change.hoards ? 1 : 0;
      out->push_back(HoardingNoticed{std::move(change)});
    });
    if (!WaitsForAgents(now)) RunAllocation(now, Look::kAtAll, out);
    RunRequests(now, out);
  } else if (!books_->candidates.empty() && now >= earliest_run_ && !WaitsForResults() &&
             !WaitsForAgents(now)) {
    ++stats_.event_runs;
    RunAllocation(now, Look::kAtMarked, out);
  }
}

void Core::RunRequests(absl::Time now, Effects* out) {
  books_->inverse_offers.Run(books_->mirror, now, /*all=*/true, [&](InverseOffer offer) {
    ++stats_.inverse_offers;
    out->push_back(SendInverseOffer{stream_, std::move(offer)});
  });
  if (WaitsForAgents(now)) return;
  preemption_.Run(books_->mirror, options_, now, [&](PreemptionProposal preemption) {
    ++stats_.preemptions;
    out->push_back(SendPreemption{stream_, std::move(preemption)});
  });
}

void Core::RunAllocation(absl::Time now, Look gangs, Effects* out) {
  const RunContext context{&options_, &rng_, now, version_, &next_proposal_};
  books_->mirror.roles().Refresh();
  std::vector<Agent*> agents = books_->candidates.Take(books_->mirror);
  ProposeGangs(books_.get(), context, agents, gangs == Look::kAtAll, [&](GangProposal proposal) {
    ++stats_.gangs_proposed;
    out->push_back(SendGangProposal{stream_, std::move(proposal)});
  });
  // Mostly one proposal for each.
  if (books_->mirror.roles().demanding_count() > 0) out->reserve(out->size() + agents.size());
  const RunReport report =
      Propose(books_.get(), context, std::move(agents), [&](Proposal proposal) {
        out->push_back(SendProposal{stream_, std::move(proposal)});
      });
  for (size_t gate = 0; gate < kGateCount; ++gate) stats_.gates[gate] += report.gates[gate];
  stats_.proposals += report.proposals;
  stats_.filters_dropped += books_->TakeFiltersDropped();
  stats_.last_run = report;
  earliest_run_ = now + options_.event_interval +
                  options_.proposal_pace * static_cast<double>(report.proposals);
}

// --- Questions

void Core::On(absl::Time now, const ExplainAsked& asked, Effects* out) {
  if (phase_ != Phase::kReady) {
    out->push_back(Explained{
        asked.call, absl::UnavailableError("the books of the master are not known at present")});
    return;
  }
  absl::StatusOr<Explanation> explanation = Explain(*books_, options_, now, asked.query);
  if (!explanation.ok()) {
    out->push_back(Explained{asked.call, explanation.status()});
    return;
  }
  explanation->version = version_;
  if (WaitsForAgents(now)) {
    explanation->blocked.push_back(
        absl::StrCat("waiting for agents after a fail-over: ", books_->mirror.agents().size(),
                     " of ", books_->agents_expected(), " expected, at most until ",
                     absl::FormatTime(RecoveryEnd(), absl::UTCTimeZone())));
  }
  if (WaitsForResults()) {
    explanation->blocked.push_back("waiting for the master to answer proposals");
  }
  out->push_back(
      Explained{asked.call, std::make_shared<const Explanation>(*std::move(explanation))});
}

void Core::CheckInvariants() const {
  MEROS_CHECK((stream_ == 0) == (phase_ == Phase::kNoMaster));
  MEROS_CHECK((books_ != nullptr) == (phase_ == Phase::kLoading || phase_ == Phase::kReady));
  if (books_ == nullptr) return;
  books_->CheckInvariants();
  MEROS_CHECK(books_->mirror.proposals().size() <= options_.proposals_waiting_max);
  const QuotaHeadroom headroom(books_->mirror);
  for (const auto& [id, framework] : books_->mirror.frameworks()) {
    for (const auto& [role, client] : framework->clients) {
      if (client->parked_at == nullptr) continue;
      const MinAllocatable& minimum = MinAllocatableOf(*client, options_.min_allocatable);
      MEROS_CHECK(headroom.ForbiddenBy(*client->role, minimum) != nullptr) << id << " " << role;
    }
  }
}

}  // namespace meros::allocator
