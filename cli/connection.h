// How a verb reaches the cluster: the options every verb has, the leading master, and agents.
//
// Thread rule: thread-compatible.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/rpc/credentials.h"
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
  template <typename Request, typename Response>
  absl::StatusOr<Response> List(grpc::Status (MasterStub::*method)(grpc::ClientContext*,
                                                                   const Request&, Response*),
                                Request request) const {
    Response all;
    do {
      const absl::StatusOr<Response> page = Call(method, request);
      if (!page.ok()) return page.status();
      request.set_page_token(page->next_page_token());
      all.MergeFrom(*page);
    } while (!request.page_token().empty());
    all.clear_next_page_token();
    return all;
  }

  void SetDeadline(grpc::ClientContext* context) const;

 private:
  static absl::Status Explain(const grpc::Status& status);

  ConnectionOptions options_;
  std::string leader_;
  std::shared_ptr<MasterStub> master_;
};

}  // namespace meros::cli
