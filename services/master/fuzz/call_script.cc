#include "services/master/fuzz/call_script.h"

#include <google/protobuf/stubs/logging.h>

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "libs/base/check.h"
#include "meros/allocator/v1/allocator_service.pb.h"
#include "services/master/core/testing/driver.h"
#include "services/master/shell/allocator_codec.h"
#include "services/master/shell/decode_agent.h"
#include "services/master/shell/decode_scheduler.h"
#include "services/master/shell/maintenance_codec.h"
#include "services/master/shell/operation_codec.h"
#include "services/master/shell/role_codec.h"

namespace meros::master {
namespace {

namespace link = ::meros::agent_link::v1;
namespace ops = ::meros::v1::master;
using resources::Resources;

constexpr StreamId kAllocator = 900;

// That pass at a time: every third one is a step.
constexpr uint16_t kSecondsMax = 600;

class Script {
 public:
  Script() {
    driver_.Lead();
    driver_.ConnectAllocator(kAllocator);
    testing::AFramework framework;
    framework.roles = {"eng"};
    framework.principal = "p";
    driver_.Subscribe(1, framework);
    driver_.CommitWrites();
    const Resources all = Resources::Of(4, 4096, 1000);
    driver_.Register(2, "key-0", all);
    driver_.Register(3, "key-1", all);
    driver_.Propose(1, "m-0000", "m-S0", Resources::Of(2, 1024, 500), "eng");
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
      case Speaker::kProposal:
        return Propose<allocator::v1::Proposal>(message, [this](const auto& m) {
          driver_.Do(AllocatorProposals{kAllocator, {DecodeProposal(m)}});
        });
      case Speaker::kGangProposal:
        return Propose<allocator::v1::GangProposal>(message, [this](const auto& m) {
          AllocatorProposals proposals;
          proposals.stream = kAllocator;
          proposals.gangs.push_back(DecodeGangProposal(m));
          driver_.Do(std::move(proposals));
        });
      case Speaker::kPreemption:
        return Propose<allocator::v1::Preemption>(message, [this](const auto& m) {
          driver_.Do(AllocatorPreemptions{kAllocator, {DecodePreemption(m)}});
        });
      default:
        return Operator(speaker, length, message);
    }
  }

 private:
  bool Operator(Speaker speaker, uint16_t length, absl::string_view message) {
    switch (speaker) {
      case Speaker::kReserve:
        return Order<ops::ReserveResourcesRequest>(message);
      case Speaker::kUnreserve:
        return Order<ops::UnreserveResourcesRequest>(message);
      case Speaker::kCreateVolumes:
        return Order<ops::CreateVolumesRequest>(message);
      case Speaker::kDestroyVolumes:
        return Order<ops::DestroyVolumesRequest>(message);
      case Speaker::kGrowVolume:
        return Order<ops::GrowVolumeRequest>(message);
      case Speaker::kShrinkVolume:
        return Order<ops::ShrinkVolumeRequest>(message);
      case Speaker::kUpdateQuota:
        return Order<ops::UpdateQuotaRequest>(message);
      case Speaker::kUpdateWeights:
        return Order<ops::UpdateWeightsRequest>(message);
      case Speaker::kUpdateRoles:
        return Order<ops::UpdateRolesRequest>(message);
      case Speaker::kSchedule:
        return Order<ops::UpdateMaintenanceScheduleRequest>(message);
      case Speaker::kStartMaintenance:
        return Order<ops::StartMaintenanceRequest>(message);
      case Speaker::kStopMaintenance:
        return Order<ops::StopMaintenanceRequest>(message);
      case Speaker::kKillTask:
        driver_.Do(OperatorKillTask{++calls_, "", FrameworkId(), TaskId(std::string(message)), {}});
        return true;
      case Speaker::kTeardown:
        driver_.Do(OperatorTeardown{++calls_, "", FrameworkId(std::string(message))});
        return true;
      default:
        return World(speaker, length);
    }
  }

  bool World(Speaker speaker, uint16_t length) {
    switch (speaker) {
      case Speaker::kTime:
        driver_.Advance(absl::Seconds(length % kSecondsMax));
        return true;
      case Speaker::kRegistry:
        driver_.CommitWrites(length % 2 == 0 ? absl::OkStatus()
                                             : absl::FailedPreconditionError("refused"));
        return true;
      case Speaker::kStreamEnds: {
        const StreamId stream = 1 + length % 5;
        if (stream == 1 || stream == 4) {
          driver_.Do(SchedulerStreamClosed{stream});
        } else {
          driver_.Do(AgentStreamClosed{stream});
        }
        return true;
      }
      default:
        return false;
    }
  }

  // "#N" becomes the id of the N-th offer.
  template <typename Ids>
  void NameOffers(Ids* ids) {
    for (auto& id : *ids) {
      uint64_t number = 0;
      if (id.value().empty() || id.value()[0] != '#') continue;
      if (absl::SimpleAtoi(id.value().substr(1), &number)) {
        id.set_value(driver_.Offer(number).value());
      }
    }
  }

  bool Call(StreamId stream, absl::string_view bytes) {
    v1::scheduler::Call call;
    if (!call.ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()))) return false;
    if (call.has_accept()) NameOffers(call.mutable_accept()->mutable_offer_ids());
    if (call.has_decline()) NameOffers(call.mutable_decline()->mutable_offer_ids());
    CallOrigin origin;
    origin.stream = stream;
    origin.call = stream == 0 ? ++calls_ : 0;
    return Take(DecodeCall(std::move(call), std::move(origin), "call"));
  }
  bool Agent(StreamId stream, absl::string_view bytes) {
    link::AgentMessage message;
    if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return false;
    return Take(DecodeAgentMessage(&message, stream));
  }
  bool Take(absl::StatusOr<Input> input) {
    if (!input.ok()) return false;
    driver_.Do(*std::move(input));
    return true;
  }

  template <typename Message, typename Act>
  bool Propose(absl::string_view bytes, Act act) {
    Message message;
    if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return false;
    act(message);
    return true;
  }
  template <typename Request>
  bool Order(absl::string_view bytes) {
    Request request;
    if (!request.ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()))) return false;
    auto call = DecodeCall(request);
    if (!call.ok()) return false;
    call->call = ++calls_;
    driver_.Do(*std::move(call));
    return true;
  }

  testing::CoreDriver driver_;
  uint64_t calls_ = 0;
};

}  // namespace

std::string Entry(Speaker speaker, absl::string_view message) {
  MEROS_CHECK(message.size() <= 0xffff) << message.size();
  std::string entry = Entry(speaker, static_cast<uint16_t>(message.size()));
  entry.append(message.data(), message.size());
  return entry;
}

std::string Entry(Speaker speaker, uint16_t length) {
  return {static_cast<char>(speaker), static_cast<char>(length & 0xff),
          static_cast<char>(length >> 8)};
}

int RunCallScript(const uint8_t* data, size_t size) {
  // Protobuf writes a line for every bad string.
  static google::protobuf::LogHandler* const silence = google::protobuf::SetLogHandler(nullptr);
  (void)silence;
  Script script;
  int taken = 0;
  for (int i = 0; i < kEntriesMax && size >= 3; ++i) {
    const auto speaker = static_cast<Speaker>(data[0] % static_cast<uint8_t>(Speaker::kCount));
    const auto length = static_cast<uint16_t>(data[1] | data[2] << 8);
    data += 3;
    size -= 3;
    const bool has_message = speaker < Speaker::kTime;
    const size_t bytes = has_message ? std::min<size_t>(length, size) : 0;
    if (script.Step(speaker, length, {reinterpret_cast<const char*>(data), bytes})) ++taken;
    data += bytes;
    size -= bytes;
  }
  return taken;
}

}  // namespace meros::master
