#include "services/master/fuzz/registry_script.h"

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/testing/script.h"
#include "meros/registry/v1/registry_service.pb.h"
#include "services/master/core/testing/driver.h"
#include "services/master/shell/decode_agent.h"
#include "services/master/shell/decode_scheduler.h"
#include "services/master/shell/registry_exchange.h"

namespace meros::master {
namespace {

namespace pb = ::meros::registry::v1;

class Script {
 public:
  Script() { Advance(absl::Seconds(1)); }

  void Take(RegistryVoice voice, uint16_t length, absl::string_view message) {
    switch (voice) {
      case RegistryVoice::kResponse:
        return Respond(message);
      case RegistryVoice::kLease:
        return RespondWith(message, [](pb::Response* r) { return r->mutable_lease(); });
      case RegistryVoice::kRecords:
        return RespondWith(message, [](pb::Response* r) { return r->mutable_list(); });
      case RegistryVoice::kAgent:
        return Find(pb::RECORD_KIND_AGENT, absl::StrCat("m-S", agents_++), message);
      case RegistryVoice::kFramework:
        return Find(pb::RECORD_KIND_FRAMEWORK, absl::StrCat("m-000", frameworks_++), message);
      case RegistryVoice::kRole:
        return Find(pb::RECORD_KIND_ROLE, roles_++ == 0 ? "eng" : absl::StrCat("eng/", roles_),
                    message);
      case RegistryVoice::kMachine:
        return Find(pb::RECORD_KIND_MACHINE, absl::StrCat("h-", machines_++), message);
      case RegistryVoice::kSchedule:
        return Find(pb::RECORD_KIND_MAINTENANCE_SCHEDULE, "schedule", message);
      case RegistryVoice::kMessage:
        return Message(message);
      case RegistryVoice::kCall:
        return Call(message);
      case RegistryVoice::kRead:
        return Answer(found_);
      case RegistryVoice::kAnswer:
        return Answer(length % 2 == 0 ? 0 : length / 2 % 17);
      case RegistryVoice::kTime:
        return Advance(absl::Milliseconds(100) * length);
      case RegistryVoice::kLost:
        open_.clear();
        return DoAll(exchange_.FailAll(absl::UnavailableError("the session ended")));
      case RegistryVoice::kEnds:
        if (length % 2 == 0) return Do(SchedulerStreamClosed{1});
        return Do(AgentStreamClosed{2});
      case RegistryVoice::kCount:
        return;
    }
  }

  const RegistryOutcome& outcome() const { return outcome_; }

 private:
  template <typename Message>
  static bool Parse(absl::string_view bytes, Message* message) {
    return message->ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()));
  }

  void Find(pb::RecordKind kind, std::string name, absl::string_view value) {
    pb::Record* record = found_.mutable_list()->add_records();
    record->mutable_key()->set_kind(kind);
    record->mutable_key()->set_name(std::move(name));
    record->set_value(std::string(value));
  }

  void Respond(absl::string_view bytes) {
    pb::Response response;
    if (!Parse(bytes, &response)) return;
    if (response.id() == 0) return Answer(std::move(response));
    Deliver(std::move(response));
  }
  template <typename Part>
  void RespondWith(absl::string_view bytes, Part part) {
    pb::Response response;
    if (Parse(bytes, part(&response))) Answer(std::move(response));
  }
  void Answer(int code) {
    pb::Response response;
    response.set_code(code);
    response.set_message("as it is");
    Answer(std::move(response));
  }
  // To the oldest open request.
  void Answer(pb::Response response) {
    if (open_.empty()) return;
    response.set_id(open_.front());
    open_.pop_front();
    if (response.has_list()) response.mutable_list()->set_last(true);
    Deliver(std::move(response));
  }
  void Deliver(pb::Response response) {
    auto answer = exchange_.Take(std::move(response));
    if (!answer.has_value()) return;
    ++outcome_.answers;
    Do(std::move(answer->input));
  }

  void Message(absl::string_view bytes) {
    agent_link::v1::AgentMessage message;
    if (!Parse(bytes, &message)) return;
    auto input = DecodeAgentMessage(&message, 2);
    if (input.ok()) Do(*std::move(input));
  }
  void Call(absl::string_view bytes) {
    v1::scheduler::Call call;
    if (!Parse(bytes, &call)) return;
    auto input = DecodeCall(std::move(call), {.stream = 1}, "call");
    if (input.ok()) Do(*std::move(input));
  }

  void DoAll(std::vector<Input> inputs) {
    for (Input& input : inputs) Do(std::move(input));
  }
  void Do(Input input) {
    Step(std::move(input));
    Advance(absl::ZeroDuration());
  }
  void Advance(absl::Duration by) {
    meros::testing::PassTime(core_, by, &now_, [this] { Step(runtime::Tick{}); });
  }
  void Step(Input input) {
    const bool led = core_.leadership() == LeadershipState::kLeading;
    EffectList effects;
    core_.Step(now_, std::move(input), &effects);
    core_.CheckInvariants();
    if (!led && core_.leadership() == LeadershipState::kLeading) ++outcome_.led;
    for (const Effect& effect : effects) {
      pb::Request request;
      if (exchange_.Ask(now_, effect, &request)) open_.push_back(request.id());
    }
  }

  absl::Time now_ = absl::FromUnixSeconds(1000);
  // With the lease that scripts were written for.
  static MasterOptions Options() {
    MasterOptions options = testing::TestOptions();
    options.lease_ttl = absl::Seconds(3);
    return options;
  }

  MasterCore core_{Options(), 1};
  RegistryExchange exchange_{{.candidate_id = "m", .master_info = ""}};
  std::deque<uint64_t> open_;  // requests without answer, oldest first
  pb::Response found_;         // the records that a leader finds
  int agents_ = 0;
  int frameworks_ = 0;
  int roles_ = 0;
  int machines_ = 0;
  RegistryOutcome outcome_;
};

}  // namespace

RegistryOutcome RunRegistryScript(const uint8_t* data, size_t size) {
  Script script;
  meros::testing::PlayScript(data, size, RegistryVoice::kRead, RegistryVoice::kCount,
                             [&](RegistryVoice voice, uint16_t length, absl::string_view message) {
                               script.Take(voice, length, message);
                             });
  return script.outcome();
}

}  // namespace meros::master
