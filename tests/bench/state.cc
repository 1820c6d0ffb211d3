// state: the whole listing of a large cluster, and a light call while many clients poll it. idle:
// agents that do nothing but live.
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/codegen/proto_buffer_reader.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/packed.h"
#include "libs/rpc/status.h"
#include "tests/bench/filled_cluster.h"
#include "tests/bench/listings.h"

namespace meros::bench {
namespace {

namespace pb = ::meros::v1::master;

// One page, unparsed. ERRORS: as the call.
absl::StatusOr<grpc::ByteBuffer> PageOf(grpc::GenericStub* stub, const char* method,
                                        const google::protobuf::Message& request) {
  grpc::ClientContext context;
  const grpc::ByteBuffer sent = rpc::BufferOf(request.SerializeAsString());
  grpc::ByteBuffer page;
  grpc::Status status;
  absl::Notification done;
  stub->UnaryCall(&context, absl::StrCat("/meros.v1.master.MasterService/", method), {}, &sent,
                  &page, [&](grpc::Status s) {
                    status = std::move(s);
                    done.Notify();
                  });
  done.WaitForNotification();
  MEROS_RETURN_IF_ERROR(rpc::FromGrpc(status));
  return page;
}

// The string in `field` of a packed message, and how many fields `counted` there are.
struct Skimmed {
  std::string text;
  size_t count = 0;
};
Skimmed Skim(grpc::ByteBuffer* page, int field, int counted) {
  using google::protobuf::internal::WireFormatLite;
  grpc::ProtoBufferReader bytes(page);
  google::protobuf::io::CodedInputStream in(&bytes);
  in.SetTotalBytesLimit(1 << 30);
  Skimmed result;
  while (const uint32_t tag = in.ReadTag()) {
    const int number = WireFormatLite::GetTagFieldNumber(tag);
    result.count += number == counted;
    const bool ok = number == field ? WireFormatLite::ReadBytes(&in, &result.text)
                                    : WireFormatLite::SkipField(&in, tag);
    if (!ok) break;
  }
  return result;
}

// What `method` lists, received but not parsed.
template <typename Request, typename Response>
absl::Status ReceivePages(grpc::GenericStub* stub, const char* method, size_t* count,
                          size_t* bytes) {
  Request request;
  request.set_page_size(10000);
  do {
    MEROS_ASSIGN_OR_RETURN(grpc::ByteBuffer page, PageOf(stub, method, request));
    *bytes += page.Length();
    Skimmed skimmed = Skim(&page, Response::kNextPageTokenFieldNumber, 1);
    *count += skimmed.count;
    request.set_page_token(std::move(skimmed.text));
  } while (!request.page_token().empty());
  return absl::OkStatus();
}

// Everything as ListAll, by a client that does nothing with it.
absl::StatusOr<Listed> ReceiveAll(const std::shared_ptr<grpc::Channel>& channel, size_t* bytes) {
  grpc::GenericStub stub(channel);
  Listed listed;
  MEROS_RETURN_IF_ERROR((ReceivePages<pb::ListAgentsRequest, pb::ListAgentsResponse>(
      &stub, "ListAgents", &listed.agents, bytes)));
  MEROS_RETURN_IF_ERROR((ReceivePages<pb::ListTasksRequest, pb::ListTasksResponse>(
      &stub, "ListTasks", &listed.tasks, bytes)));
  return listed;
}

// Times of a light call, `seconds` long.
absl::StatusOr<Samples> LightCalls(pb::MasterService::Stub* stub, double seconds) {
  Samples samples;
  const absl::Time end = Now() + absl::Seconds(seconds);
  while (Now() < end) {
    const absl::Time start = Now();
    grpc::ClientContext context;
    pb::GetMasterResponse response;
    MEROS_RETURN_IF_ERROR(rpc::FromGrpc(stub->GetMaster(&context, {}, &response)));
    samples.Add(Now() - start);
    usleep(5000);
  }
  return samples;
}

std::map<std::string, ProcessUsage> Growth(const std::map<std::string, ProcessUsage>& before,
                                           std::map<std::string, ProcessUsage> after) {
  for (auto& [name, usage] : after) usage.cpu_seconds -= before.at(name).cpu_seconds;
  return after;
}

// What one listing took.
struct Cost {
  absl::Duration whole;
  double master_cpu = 0;  // seconds
  double client_cpu = 0;
  Listed listed;
};

template <typename List>
absl::StatusOr<Cost> CostOf(FilledCluster* cluster, List list) {
  Cost cost;
  const double master = cluster->Usage().at("master").cpu_seconds;
  const double client = UsageOf(getpid()).cpu_seconds;
  const absl::Time start = Now();
  MEROS_ASSIGN_OR_RETURN(cost.listed, list());
  cost.whole = Now() - start;
  cost.master_cpu = cluster->Usage().at("master").cpu_seconds - master;
  cost.client_cpu = UsageOf(getpid()).cpu_seconds - client;
  return cost;
}

std::string ToText(const Cost& cost) {
  return absl::StrCat(absl::ToInt64Milliseconds(cost.whole), " ms; CPU seconds: master ",
                      cost.master_cpu, ", client ", cost.client_cpu);
}

}  // namespace

absl::StatusOr<Report> RunState(Options* options) {
  FilledClusterOptions shape;
  shape.agents = static_cast<int>(options->Get("agents", 10000));
  shape.tasks = static_cast<int>(options->Get("tasks", 100000));
  shape.labels = static_cast<int>(options->Get("labels", 10));
  const int pollers = static_cast<int>(options->Get("pollers", 20));
  const double seconds = options->Get("seconds", 10);
  testing::TempDir directory;
  FilledCluster cluster(shape);
  MEROS_RETURN_IF_ERROR(cluster.Start());
  MEROS_RETURN_IF_ERROR(cluster.Fill());
  const auto channel = cluster.Channel(0);
  const auto stub = pb::MasterService::NewStub(channel);
  MEROS_RETURN_IF_ERROR(ListAll(stub.get()).status());  // connections and pools
  const auto before = cluster.Usage();
  MEROS_ASSIGN_OR_RETURN(const Cost parsed, CostOf(&cluster, [&] { return ListAll(stub.get()); }));
  size_t bytes = 0;
  MEROS_ASSIGN_OR_RETURN(const Cost received,
                         CostOf(&cluster, [&] { return ReceiveAll(channel, &bytes); }));
  const Listed& listed = parsed.listed;
  if (received.listed.tasks != listed.tasks || received.listed.agents != listed.agents) {
    return absl::InternalError("the listings are not of the same cluster");
  }

  Report report;
  constexpr double kStart = 1;  // until all of them read
  MEROS_ASSIGN_OR_RETURN(const auto polling,
                         StartListings(cluster.cluster().master_address(), pollers,
                                       seconds + kStart, directory.path()));
  usleep(static_cast<useconds_t>(kStart * 1e6));
  MEROS_ASSIGN_OR_RETURN(report.latencies, LightCalls(stub.get(), seconds));
  MEROS_ASSIGN_OR_RETURN(const size_t listings, FinishListings(polling.get()));
  report.value = absl::ToDoubleMilliseconds(parsed.whole);
  report.unit = "ms";
  report.n = listed.tasks;
  report.servers = Growth(before, cluster.Usage());
  report.notes["agents"] = "simulated agents over real gRPC, plaintext, loopback";
  report.notes["value"] = absl::StrCat("one client lists ", listed.agents, " agents and ",
                                       listed.tasks, " tasks, ", bytes >> 20, " MiB");
  report.notes["into messages, which is the value"] = ToText(parsed);
  report.notes["received but not parsed"] = ToText(received);
  report.notes["latencies"] =
      absl::StrCat("GetMaster while ", pollers, " clients list everything; ", listings,
                   " listings in ", seconds + kStart, " s");
  return report;
}

absl::StatusOr<Report> RunIdle(Options* options) {
  FilledClusterOptions shape;
  shape.agents = static_cast<int>(options->Get("agents", 10000));
  shape.tasks = 0;
  const double seconds = options->Get("seconds", 30);
  // Agents beat five times in this.
  shape.master_flags = {"--agent_unreachable_timeout=50s"};
  FilledCluster cluster(shape);
  MEROS_RETURN_IF_ERROR(cluster.Start());
  usleep(10'000'000);  // registrations, first offers
  const auto before = cluster.Usage();
  const absl::Time start = Now();
  usleep(static_cast<useconds_t>(seconds * 1e6));
  const double elapsed = absl::ToDoubleSeconds(Now() - start);

  Report report;
  report.servers = Growth(before, cluster.Usage());
  const double cpu_share = report.servers.at("master").cpu_seconds / elapsed;
  report.value = cpu_share > 0 ? 0.5 * shape.agents / cpu_share : 0;
  report.unit = "agents";
  report.n = static_cast<size_t>(shape.agents);
  report.notes["agents"] = "simulated agents over real gRPC, plaintext, loopback";
  report.notes["value"] =
      absl::StrCat("agents that half a core would hold, in proportion: ", shape.agents,
                   " with a heartbeat every 10 s took ", 100 * cpu_share, " % of one");
  return report;
}

}  // namespace meros::bench
