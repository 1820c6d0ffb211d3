// How a verb reaches the cluster: the options every verb has, the leading master, and agents.
//
// Thread rule: thread-compatible.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/rpc/credentials.h"
#include "libs/rpc/page_reader.h"
#include "meros/v1/agent/agent_service.grpc.pb.h"
#include "meros/v1/master/master_service.grpc.pb.h"

namespace meros::cli {

struct ConnectionOptions {
  std::vector<std::string> masters = {"127.0.0.1:7050"};  // --master, MEROS_MASTER
  rpc::TlsOptions tls;                                    // --insecure, --tls_*
  double timeout_seconds = 10;  // --timeout: to find a leader, and per call
};

// A connection to the leading master.
class Cluster {
 public:
  using MasterStub = meros::v1::master::MasterService::Stub;
  using AgentStub = meros::v1::agent::AgentService::Stub;

  // Asks each master in turn until one says that it leads.
  // ERRORS: Unavailable naming what each master answered; InvalidArgument for TLS options.
  static absl::StatusOr<Cluster> Connect(const ConnectionOptions& options);

  MasterStub* master() const { return master_.get(); }
  const std::string& leader() const { return leader_; }

  // A stub of the agent at `address`. ERRORS: as rpc::MakeChannel.
  absl::StatusOr<std::unique_ptr<AgentStub>> Agent(const std::string& address) const;

  // One unary call with the deadline of --timeout:
  //   cluster.Call(&MasterStub::ListTasks, request) -> StatusOr<ListTasksResponse>
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (MasterStub::*method)(grpc::ClientContext*,
                                                                   const Request&, Response*),
                                const Request& request) const {
    grpc::ClientContext context;
    SetDeadline(&context);
    Response response;
    const grpc::Status status = (master_.get()->*method)(&context, request, &response);
    if (!status.ok()) return Explain(status);
    return response;
  }

  // The same for a listing that comes in pages: all of them as one, each with that deadline.
  //   cluster.List<ListTasksResponse>("ListTasks", request) -> StatusOr<ListTasksResponse>
  template <typename Response, typename Request>
  absl::StatusOr<Response> List(const char* method, Request request) const {
    rpc::PageReader pages(
        channel_, absl::StrCat("/meros.v1.master.MasterService/", method),
        Response::kNextPageTokenFieldNumber,
        [&](const std::string& token) {
          request.set_page_token(token);
          return request.SerializeAsString();
        },
        [this](grpc::ClientContext* context) { SetDeadline(context); });
    Response all;
    do {
      const auto page = pages.Next();
      if (!page.ok()) return page.status();
      if (const auto merged = rpc::MergeInto(*page, &all); !merged.ok()) return merged;
    } while (pages.HasMore());
    all.clear_next_page_token();
    return all;
  }

  void SetDeadline(grpc::ClientContext* context) const;

 private:
  static absl::Status Explain(const grpc::Status& status);

  ConnectionOptions options_;
  std::string leader_;
  std::shared_ptr<grpc::Channel> channel_;
  std::shared_ptr<MasterStub> master_;
};

}  // namespace meros::cli
