#include "services/master/fuzz/call_script.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "libs/base/check.h"
#include "libs/testing/script.h"
#include "meros/allocator/v1/allocator_service.pb.h"
#include "meros/v1/scheduler/scheduler_service.pb.h"
#include "services/master/core/testing/driver.h"
#include "services/master/fuzz/process_voices.h"
#include "services/master/fuzz/readers.h"
#include "services/master/shell/allocator_codec.h"
#include "services/master/shell/decode_agent.h"
#include "services/master/shell/decode_scheduler.h"
#include "services/master/shell/explain_codec.h"
#include "services/master/shell/maintenance_codec.h"
#include "services/master/shell/operation_codec.h"
#include "services/master/shell/order_codec.h"
#include "services/master/shell/registry_codec.h"
#include "services/master/shell/role_codec.h"

namespace meros::master {
namespace {

namespace link = ::meros::agent_link::v1;
namespace ops = ::meros::v1::master;
using resources::Resources;

// That pass at a time: every third one is a step.
constexpr uint16_t kSecondsMax = 600;

// The registry as a script has it: what the master asked for, and what became durable of it.
class Records {
 public:
  void NoteAsked(const EffectList& effects, absl::Time now) {
    for (const Effect& effect : effects) {
      const auto* write = std::get_if<WriteRegistry>(&effect);
      if (write == nullptr) continue;
      for (auto& mutation : EncodeRecord(*write->record, now)) {
        asked_.push_back(std::move(mutation));
      }
    }
  }
  void Settle(bool is_durable) {
    for (registry::v1::Mutation& mutation : std::exchange(asked_, {})) {
      if (!is_durable) continue;
      const Key key(mutation.key().kind(), mutation.key().name());
      if (mutation.has_remove()) {
        durable_.erase(key);
        continue;
      }
      registry::v1::Record& record = durable_[key];
      *record.mutable_key() = std::move(*mutation.mutable_key());
      record.set_value(std::move(*mutation.mutable_put()));
    }
  }
  RegistrySnapshot Read() const {
    std::vector<registry::v1::Record> records;
    for (const auto& [key, record] : durable_) records.push_back(record);
    auto snapshot = DecodeRecords(records);
    MEROS_CHECK(snapshot.ok()) << snapshot.status().ToString();
    return *std::move(snapshot);
  }

 private:
  using Key = std::pair<int, std::string>;
  std::vector<registry::v1::Mutation> asked_;
  std::map<Key, registry::v1::Record> durable_;
};

class Script {
 public:
  Script() {
    Lead();
    testing::AFramework framework;
    framework.roles = {"eng"};
    framework.principal = "p";
    driver_->Subscribe(1, framework);
    Note();
    Commit(true);
    const Resources all = Resources::Of(4, 4096, 1000);
    Do(AgentRegister{2, testing::DescriptionOf("key-0", all)});
    Commit(true);
    Do(AgentRegister{3, testing::DescriptionOf("key-1", all)});
    Commit(true);
    driver_->Propose(1, "m-0000", "m-S0", Resources::Of(2, 1024, 500), "eng");
    Note();
  }

  // Whether the message was parsed and passed its rules.
  bool Step(Speaker speaker, uint16_t length, absl::string_view message) {
    switch (speaker) {
      case Speaker::kScheduler:
        return Call(1, message);
      case Speaker::kOtherStream:
        return Call(4, message);
      case Speaker::kUnary:
        return Call(0, message);
      case Speaker::kAgent:
        return Agent(2, message);
      case Speaker::kOtherAgent:
        return Agent(3, message);
      case Speaker::kNewAgent:
        return Agent(5, message);
      case Speaker::kAllocator:
        return Allocator(message);
      default:
        break;
    }
    if (speaker < Speaker::kDrain) return Change(speaker, message);
    if (speaker < Speaker::kListAgents) return Order(speaker, message);
    if (speaker < Speaker::kTime) return readers_->Ask(speaker, message);
    if (speaker < Speaker::kCalls) return World(speaker, length);
    if (speaker < Speaker::kGetMaster) return Frame(speaker, message);
    return process_.Ask(speaker, message, readers_->view());
  }

 private:
  bool Change(Speaker speaker, absl::string_view message) {
    switch (speaker) {
      case Speaker::kReserve:
        return Operate<ops::ReserveResourcesRequest>(message);
      case Speaker::kUnreserve:
        return Operate<ops::UnreserveResourcesRequest>(message);
      case Speaker::kCreateVolumes:
        return Operate<ops::CreateVolumesRequest>(message);
      case Speaker::kDestroyVolumes:
        return Operate<ops::DestroyVolumesRequest>(message);
      case Speaker::kGrowVolume:
        return Operate<ops::GrowVolumeRequest>(message);
      case Speaker::kShrinkVolume:
        return Operate<ops::ShrinkVolumeRequest>(message);
      case Speaker::kUpdateQuota:
        return Operate<ops::UpdateQuotaRequest>(message);
      case Speaker::kUpdateWeights:
        return Operate<ops::UpdateWeightsRequest>(message);
      case Speaker::kUpdateRoles:
        return Operate<ops::UpdateRolesRequest>(message);
      case Speaker::kSchedule:
        return Operate<ops::UpdateMaintenanceScheduleRequest>(message);
      case Speaker::kStartMaintenance:
        return Operate<ops::StartMaintenanceRequest>(message);
      case Speaker::kStopMaintenance:
        return Operate<ops::StopMaintenanceRequest>(message);
      default:
        return false;
    }
  }

  bool Order(Speaker speaker, absl::string_view message) {
    switch (speaker) {
      case Speaker::kDrain:
        return Operate<ops::DrainAgentRequest>(message);
      case Speaker::kDeactivate:
        return Operate<ops::DeactivateAgentRequest>(message);
      case Speaker::kReactivate:
        return Operate<ops::ReactivateAgentRequest>(message);
      case Speaker::kMarkGone:
        return Operate<ops::MarkAgentGoneRequest>(message);
      case Speaker::kKillTask:
        return Operate<ops::KillTaskRequest>(message);
      case Speaker::kTeardown:
        return Operate<ops::TeardownRequest>(message);
      case Speaker::kExplain: {
        ops::ExplainRequest request;
        return Parse(message, &request) && QuestionOf(request).ok();
      }
      case Speaker::kExplained: {
        allocator::v1::ExplainResponse response;
        return Parse(message, &response) && AnswerOf(response).IsInitialized();
      }
      default:
        return false;
    }
  }

  bool World(Speaker speaker, uint16_t length) {
    switch (speaker) {
      case Speaker::kTime:
        driver_->Advance(absl::Seconds(length % kSecondsMax));
        Note();
        return true;
      case Speaker::kRegistry:
        Commit(length % 2 == 0);
        return true;
      case Speaker::kStreamEnds:
        EndStream(length % 6);
        return true;
      case Speaker::kWhitelist:
        Do(SetWhitelist{length % 2 == 0 ? nullptr
                                        : std::make_shared<const std::vector<std::string>>(
                                              std::vector<std::string>{"host-key-1"})});
        return true;
      case Speaker::kFailOver:
        records_.Settle(length % 2 == 1);
        Lead();
        return true;
      default:
        return false;
    }
  }

  // What comes in a wrapper, as the services unwrap it.
  bool Frame(Speaker speaker, absl::string_view message) {
    switch (speaker) {
      case Speaker::kCalls:
        return Calls(1, message);
      case Speaker::kOtherCalls:
        return Calls(4, message);
      case Speaker::kCallRequest:
        return CallRequest(message);
      case Speaker::kAgentFrame:
        return AgentFrame(2, message);
      case Speaker::kNewAgentFrame:
        return AgentFrame(5, message);
      default:
        return false;
    }
  }

  void Lead() {
    const absl::Time now = driver_ == nullptr ? absl::UnixEpoch() : driver_->now();
    driver_ = std::make_unique<testing::CoreDriver>();
    driver_->set_now(std::max(now, driver_->now()));
    readers_ = std::make_unique<Readers>();
    driver_->Lead(++epoch_, records_.Read());
    Note();
    Do(AllocatorConnected{allocator_ = 900 + epoch_});
  }

  void EndStream(StreamId stream) {
    if (stream == 0) {
      Do(AllocatorClosed{allocator_});
      Do(AllocatorConnected{++allocator_});
    } else if (stream == 1 || stream == 4) {
      Do(SchedulerStreamClosed{stream});
    } else {
      Do(AgentStreamClosed{stream});
    }
  }

  void Commit(bool is_durable) {
    driver_->CommitWrites(is_durable ? absl::OkStatus() : absl::FailedPreconditionError("refused"));
    Note();
    records_.Settle(is_durable);
  }

  void Do(Input input) {
    driver_->Do(std::move(input));
    Note();
  }
  // What the last step has caused.
  void Note() {
    records_.NoteAsked(driver_->effects(), driver_->now());
    readers_->Follow(driver_->effects());
    readers_->Compare(driver_->books());
  }

  // "#N" becomes the id of the N-th offer.
  template <typename Ids>
  void NameOffers(Ids* ids) {
    for (auto& id : *ids) {
      uint64_t number = 0;
      if (id.value().empty() || id.value()[0] != '#') continue;
      if (absl::SimpleAtoi(id.value().substr(1), &number)) {
        id.set_value(driver_->Offer(number).value());
      }
    }
  }

  void NameOffersIn(v1::scheduler::Call* call) {
    if (call->has_accept()) NameOffers(call->mutable_accept()->mutable_offer_ids());
    if (call->has_decline()) NameOffers(call->mutable_decline()->mutable_offer_ids());
  }

  bool Call(StreamId stream, absl::string_view bytes) {
    v1::scheduler::Call call;
    if (!Parse(bytes, &call)) return false;
    NameOffersIn(&call);
    CallOrigin origin;
    origin.stream = stream;
    origin.call = stream == 0 ? ++calls_ : 0;
    return Take(DecodeCall(std::move(call), std::move(origin), "call"));
  }
  bool Agent(StreamId stream, absl::string_view bytes) {
    link::AgentMessage message;
    if (!Parse(bytes, &message)) return false;
    return Take(DecodeAgentMessage(&message, stream));
  }
  // A fault ends the stream, behind the calls before it.
  bool Calls(StreamId stream, absl::string_view bytes) {
    v1::scheduler::Calls frame;
    bool is_taken = Parse(bytes, &frame);
    for (v1::scheduler::Call& call : *frame.mutable_calls()) NameOffersIn(&call);
    const auto take = [this](absl::StatusOr<Input> input, bool) { return Taken(std::move(input)); };
    is_taken = is_taken && DecodeCalls(&frame, {.stream = stream}, take).ok();
    if (!is_taken) Do(SchedulerStreamClosed{stream});
    return is_taken;
  }
  bool AgentFrame(StreamId stream, absl::string_view bytes) {
    const auto arena = std::make_shared<google::protobuf::Arena>();
    auto* frame = google::protobuf::Arena::CreateMessage<link::AgentFrame>(arena.get());
    const auto take = [this](absl::StatusOr<Input> input) { return Taken(std::move(input)); };
    const bool is_taken = Parse(bytes, frame) &&
                          DecodeAgentFrame(frame, stream, "ipv4:10.0.0.1:4711", arena, take).ok();
    if (!is_taken) Do(AgentStreamClosed{stream});
    return is_taken;
  }
  bool CallRequest(absl::string_view bytes) {
    v1::scheduler::CallRequest request;
    if (!Parse(bytes, &request)) return false;
    if (request.has_call()) NameOffersIn(request.mutable_call());
    return Take(DecodeCallRequest(request, {.call = ++calls_}));
  }
  absl::Status Taken(absl::StatusOr<Input> input) {
    const absl::Status status = input.status();
    Take(std::move(input));
    return status;
  }
  bool Take(absl::StatusOr<Input> input) {
    if (!input.ok()) return false;
    Do(*std::move(input));
    return true;
  }
  bool Allocator(absl::string_view bytes) {
    allocator::v1::AllocatorFrame frame;
    if (!Parse(bytes, &frame)) return false;
    for (Input& input : DecodeFrame(frame, allocator_)) Do(std::move(input));
    return true;
  }
  template <typename Request>
  bool Operate(absl::string_view bytes) {
    Request request;
    if (!Parse(bytes, &request) || !CheckRequestId(request.request_id()).ok()) return false;
    auto call = DecodeCall(request);
    if (!call.ok()) return false;
    call->call = ++calls_;
    Do(*std::move(call));
    return true;
  }
  // As gRPC parses: what is required and missing is found by the rules.
  template <typename Message>
  static bool Parse(absl::string_view bytes, Message* message) {
    return message->ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()));
  }

  std::unique_ptr<testing::CoreDriver> driver_;
  std::unique_ptr<Readers> readers_;
  ProcessVoices process_;
  Records records_;
  uint64_t epoch_ = 0;
  StreamId allocator_ = 0;
  uint64_t calls_ = 0;
};

}  // namespace

int RunCallScript(const uint8_t* data, size_t size) {
  Script script;
  int taken = 0;
  const meros::testing::Silent<Speaker> silent{Speaker::kTime, Speaker::kCalls};
  meros::testing::PlayScript(data, size, silent, Speaker::kCount,
                             [&](Speaker speaker, uint16_t length, absl::string_view message) {
                               if (script.Step(speaker, length, message)) ++taken;
                             });
  return taken;
}

}  // namespace meros::master
