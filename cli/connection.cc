#include "cli/connection.h"

#include <chrono>
#include <deque>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/status.h"

namespace meros::cli {
namespace {

using meros::v1::master::GetMasterRequest;
using meros::v1::master::GetMasterResponse;
using meros::v1::master::MasterService;

// What one master says of who leads.
absl::StatusOr<GetMasterResponse> Ask(MasterService::Stub* stub) {
  grpc::ClientContext context;
  // Long enough for a loaded master, short enough to try the next one in good time.
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(3));
  GetMasterResponse response;
  const grpc::Status status = stub->GetMaster(&context, GetMasterRequest(), &response);
  if (!status.ok()) return rpc::FromGrpc(status);
  return response;
}

}  // namespace

absl::StatusOr<Cluster> Cluster::Connect(const ConnectionOptions& options) {
  const auto deadline =
      std::chrono::steady_clock::now() +
      std::chrono::milliseconds(static_cast<int64_t>(options.timeout_seconds * 1000));
  std::vector<std::string> answers;
  while (true) {
    answers.clear();
    std::deque<std::string> to_ask(options.masters.begin(), options.masters.end());
    std::set<std::string> asked;
    while (!to_ask.empty()) {
      const std::string address = to_ask.front();
      to_ask.pop_front();
      if (!asked.insert(address).second) continue;
      MEROS_ASSIGN_OR_RETURN(auto channel, rpc::MakeChannel(address, options.tls));
      auto stub = MasterService::NewStub(channel);
      const auto answer = Ask(stub.get());
      if (answer.ok() && answer->leading()) {
        Cluster cluster;
        cluster.options_ = options;
        cluster.leader_ = address;
        cluster.channel_ = std::move(channel);
        cluster.master_ = std::move(stub);
        return cluster;
      }
      answers.push_back(absl::StrCat(address, ": ",
                                     answer.ok()
                                         ? absl::StrCat("does not lead (", answer->state(), ")")
                                         : std::string(answer.status().message())));
      if (answer.ok() && answer->has_leader_address()) to_ask.push_front(answer->leader_address());
    }
    if (std::chrono::steady_clock::now() >= deadline) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  return absl::UnavailableError(
      absl::StrCat("no leading master found\n  ", absl::StrJoin(answers, "\n  ")));
}

absl::StatusOr<std::unique_ptr<Cluster::AgentStub>> Cluster::Agent(
    const std::string& address) const {
  if (address.empty()) {
    return absl::FailedPreconditionError("the agent has no address that can be dialled");
  }
  MEROS_ASSIGN_OR_RETURN(auto channel, rpc::MakeChannel(address, options_.tls));
  return meros::v1::agent::AgentService::NewStub(channel);
}

void Cluster::SetDeadline(grpc::ClientContext* context) const {
  context->set_deadline(
      std::chrono::system_clock::now() +
      std::chrono::milliseconds(static_cast<int64_t>(options_.timeout_seconds * 1000)));
}

absl::Status Cluster::Explain(const grpc::Status& status) { return rpc::FromGrpc(status); }

}  // namespace meros::cli
