#include "services/allocator/fuzz/session_script.h"

#include <google/protobuf/text_format.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/testing/script.h"
#include "meros/allocator/v1/allocator_service.pb.h"
#include "services/allocator/core/core.h"
#include "services/allocator/shell/explain_wire.h"
#include "services/allocator/shell/from_wire.h"
#include "services/allocator/shell/to_wire.h"

namespace meros::allocator {
namespace {

// That pass at a time: each second is a look at everything, and its invariants.
constexpr uint16_t kMillisMax = 3000;

// What every snapshot of the script's own holds.
constexpr char kBooks[] = R"(
  messages { delta { recovery { agents_expected: 2 } } }
  messages { delta { quota { role: "ops" guarantees { milli { key: "cpus" value: 2000 } }
                             limits { milli { key: "mem" value: 3000000 } } } } }
  messages { delta { role_config { role: "eng" preemptible: true max_offers_in_flight: 3
                                   offer_max { milli { key: "cpus" value: 2000 } } } } }
  messages { delta { upsert_framework { framework_id: "f-1" roles: "eng" active: true } } }
  messages { delta { upsert_framework { framework_id: "f-2" roles: "eng/dev" roles: "ops"
                                        active: true } } }
  messages { delta { upsert_framework { framework_id: "f-3" roles: "ops" active: true
                                        capabilities { type: SHARED_RESOURCES }
                                        capabilities { type: RESERVATION_REFINEMENT } } } }
  messages { delta { upsert_agent { agent_id: "a-1" active: true
    info { hostname: "h-1" attributes { name: "rack" type: TEXT text { value: "r" } } }
    total { name: "cpus" type: SCALAR scalar { value: 4 } }
    total { name: "mem" type: SCALAR scalar { value: 4096 } }
    total { name: "ports" type: RANGES ranges { range { begin: 1000 end: 1009 } } } } } }
  messages { delta { upsert_agent { agent_id: "a-2" active: true info { hostname: "h-2" }
    total { name: "cpus" type: SCALAR scalar { value: 8 } }
    total { name: "mem" type: SCALAR scalar { value: 1024 } }
    total { name: "disk" type: SCALAR scalar { value: 500 }
            reservations { type: DYNAMIC role: "eng" principal: "p" } } } } }
  messages { delta { upsert_agent { agent_id: "a-3" active: true info { hostname: "h-3" }
    maintenance { start_ns: 1000000000000 }
    total { name: "cpus" type: SCALAR scalar { value: 2 } }
    total { name: "mem" type: SCALAR scalar { value: 2048 } } } } }
  messages { delta { allocate { framework_id: "f-1" role: "eng" agent_id: "a-3"
    resources { name: "cpus" type: SCALAR scalar { value: 1 } } } } }
  messages { delta { upsert_gang { framework_id: "f-2" gang_id: "g" role: "eng/dev"
    remaining_ms: 60000 bundles { amount { milli { key: "cpus" value: 1000 } } count: 2 } } } }
)";

v1::MasterFrame Snapshot(uint64_t version) {
  static const v1::MasterFrame* const books = [] {
    auto* frame = new v1::MasterFrame;
    MEROS_CHECK(google::protobuf::TextFormat::ParseFromString(kBooks, frame));
    return frame;
  }();
  v1::MasterFrame frame;
  frame.add_messages()->mutable_snapshot_begin()->set_version(version);
  frame.mutable_messages()->MergeFrom(books->messages());
  frame.add_messages()->mutable_snapshot_end()->set_version(version);
  return frame;
}

// Bounds that a script can reach.
Options SmallOptions() {
  Options options;
  options.proposals_waiting_max = 8;
  options.filters_max = 6;
  options.filters_per_pair_max = 2;
  options.gang_looks_max = 2;
  options.proposal_timeout = absl::Seconds(10);
  return options;
}

// What an accepted proposal becomes.
template <typename Proposal, typename Part>
v1::Allocation AllocationOf(const Proposal& proposal, const Part& part) {
  v1::Allocation allocation;
  allocation.set_framework_id(proposal.framework_id());
  allocation.set_role(proposal.role());
  allocation.set_agent_id(part.agent_id());
  *allocation.mutable_resources() = part.resources();
  allocation.set_proposal_id(part.proposal_id());
  return allocation;
}

class Script {
 public:
  Script() {
    Begin(1);
    Send(stream_, Snapshot(1));
  }

  void Take(Voice voice, uint16_t length, absl::string_view message) {
    switch (voice) {
      case Voice::kFrame:
        return Frame(stream_, message);
      case Voice::kOther:
        return Frame(other_, message);
      case Voice::kDelta:
        return Change(message);
      case Voice::kExplain:
        return Explain(message);
      case Voice::kGrant:
        return Grant(length);
      case Voice::kReject:
        return Reject(length);
      case Voice::kGiveBack:
        return GiveBack(length);
      case Voice::kSession:
        return Begin(length);
      case Voice::kSnapshot:
        open_.clear();
        granted_.clear();
        return Send(stream_, Snapshot(length));
      case Voice::kEnds:
        return End(length % 2 == 0 ? &stream_ : &other_);
      case Voice::kTime:
        return Advance(absl::Milliseconds(length % kMillisMax));
      case Voice::kCount:
        return;
    }
  }

  SessionOutcome outcome() const {
    SessionOutcome outcome = outcome_;
    outcome.snapshots = static_cast<int>(core_.stats().snapshots);
    outcome.resets = static_cast<int>(core_.stats().mirror_resets);
    return outcome;
  }

 private:
  // The parts of a gang, or one that is none.
  struct Open {
    std::string gang_id;
    std::vector<v1::Allocation> parts;
  };

  void Begin(uint64_t epoch) {
    End(&stream_);
    v1::MasterFrame frame;
    frame.add_messages()->mutable_hello()->set_epoch(epoch);
    frame.mutable_messages(0)->mutable_hello()->set_master_id(absl::StrCat("m-", epoch));
    Send(stream_, frame);
  }

  void End(StreamId* stream) {
    Step(StreamClosed{*stream});
    *stream = ++last_stream_;
  }

  void Frame(StreamId stream, absl::string_view bytes) {
    v1::MasterFrame frame;
    if (frame.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) Send(stream, frame);
  }

  void Send(StreamId stream, const v1::MasterFrame& frame) {
    Step(FrameReceived{stream, FromWire(frame)});
    Advance(absl::ZeroDuration());
  }

  void SendDelta(v1::Delta delta) {
    delta.set_version(core_.phase() == Phase::kLoading ? 0 : core_.version() + 1);
    v1::MasterFrame frame;
    *frame.add_messages()->mutable_delta() = std::move(delta);
    Send(stream_, frame);
  }

  void SendResult(uint64_t proposal_id, v1::RejectReason reason) {
    v1::MasterFrame frame;
    frame.add_messages()->mutable_result()->set_proposal_id(proposal_id);
    frame.mutable_messages(0)->mutable_result()->set_reject_reason(reason);
    Send(stream_, frame);
  }

  void Change(absl::string_view bytes) {
    v1::Delta delta;
    if (!delta.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
    SendDelta(std::move(delta));
  }

  void Explain(absl::string_view bytes) {
    v1::ExplainRequest request;
    if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
    auto query = FromWire(request);
    if (!query.ok()) return;
    const int before = explained_;
    Step(ExplainAsked{7, *std::move(query)});
    MEROS_CHECK(explained_ == before + 1);
  }

  Open TakeOpen(uint16_t length) {
    const auto which = open_.begin() + static_cast<ptrdiff_t>(length / 2 % open_.size());
    Open open = std::move(*which);
    open_.erase(which);
    return open;
  }

  void Grant(uint16_t length) {
    if (open_.empty()) return;
    Open open = TakeOpen(length);
    for (v1::Allocation& part : open.parts) {
      SendResult(part.proposal_id(), v1::REJECT_REASON_UNSPECIFIED);
      if (length % 2 == 1) part.set_offers(1);
      v1::Delta delta;
      *delta.mutable_allocate() = part;
      SendDelta(std::move(delta));
      granted_.push_back(std::move(part));
    }
    if (open.gang_id.empty()) return;
    v1::Delta delta;
    delta.mutable_remove_gang()->set_framework_id(granted_.back().framework_id());
    delta.mutable_remove_gang()->set_gang_id(open.gang_id);
    SendDelta(std::move(delta));
  }

  void Reject(uint16_t length) {
    if (open_.empty()) return;
    for (const v1::Allocation& part : TakeOpen(length).parts) {
      SendResult(part.proposal_id(), static_cast<v1::RejectReason>(1 + length % 7));
    }
  }

  void GiveBack(uint16_t length) {
    if (granted_.empty()) return;
    const auto which = granted_.begin() + static_cast<ptrdiff_t>(length % granted_.size());
    v1::Delta delta;
    *delta.mutable_recover()->mutable_allocation() = std::move(*which);
    delta.mutable_recover()->set_refuse_ms(length * int64_t{100});
    if (delta.recover().allocation().offers() == 0) {
      delta.mutable_recover()->mutable_allocation()->set_proposal_id(0);
    }
    granted_.erase(which);
    SendDelta(std::move(delta));
  }

  void Advance(absl::Duration by) {
    testing::PassTime(core_, by, &now_, [this] { Step(runtime::Tick{}); });
  }

  void Step(Core::Input input) {
    Core::Effects effects;
    core_.Step(now_, std::move(input), &effects);
    core_.CheckInvariants();
    for (const Core::Effect& effect : effects) {
      std::visit([this](const auto& e) { Apply(e); }, effect);
    }
  }

  void Apply(const SendWelcome&) {}
  void Apply(const HoardingNoticed&) {}
  void Apply(const CloseStream& close) { MEROS_CHECK(!close.status.ok()); }
  void Apply(const Explained& explained) {
    ++explained_;
    if (!explained.explanation.ok()) return;
    ++outcome_.answers;
    MEROS_CHECK(ToWire(**explained.explanation).IsInitialized());
  }
  template <typename Content>
  static v1::AllocatorMessage Written(const Content& content) {
    v1::AllocatorMessage message;
    ToWire(content, &message);
    MEROS_CHECK(!message.SerializeAsString().empty());
    return message;
  }
  void Apply(const SendNeedSnapshot& effect) { Written(effect); }
  void Apply(const SendInverseOffer& effect) { Written(effect.inverse_offer); }
  void Apply(const SendPreemption& effect) {
    MEROS_CHECK(!effect.preemption.amount.empty());
    Written(effect.preemption);
  }
  void Apply(const SendProposal& effect) {
    const v1::AllocatorMessage message = Written(effect.proposal);
    NoteProposed(message.proposal());
    open_.push_back({"", {AllocationOf(message.proposal(), message.proposal())}});
  }
  void Apply(const SendGangProposal& effect) {
    const v1::AllocatorMessage message = Written(effect.proposal);
    Open open = {message.gang_proposal().gang_id(), {}};
    for (const v1::GangPart& part : message.gang_proposal().parts()) {
      NoteProposed(part);
      open.parts.push_back(AllocationOf(message.gang_proposal(), part));
    }
    MEROS_CHECK(!open.parts.empty());
    open_.push_back(std::move(open));
  }
  template <typename Part>
  void NoteProposed(const Part& part) {
    MEROS_CHECK(part.proposal_id() > last_proposal_);
    MEROS_CHECK(!part.resources().empty());
    last_proposal_ = part.proposal_id();
    ++outcome_.proposals;
  }

  absl::Time now_ = absl::FromUnixSeconds(1000);
  Core core_{SmallOptions(), Rng(1)};
  StreamId stream_ = 1;
  StreamId other_ = 2;
  StreamId last_stream_ = 2;
  std::vector<Open> open_;  // proposals without result
  std::vector<v1::Allocation> granted_;
  uint64_t last_proposal_ = 0;
  int explained_ = 0;
  SessionOutcome outcome_;
};

}  // namespace

SessionOutcome RunSessionScript(const uint8_t* data, size_t size) {
  Script script;
  testing::PlayScript(data, size, Voice::kGrant, Voice::kCount,
                      [&](Voice voice, uint16_t length, absl::string_view message) {
                        script.Take(voice, length, message);
                      });
  return script.outcome();
}

}  // namespace meros::allocator
