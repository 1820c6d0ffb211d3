// listings: clients that list everything, again and again. `state` starts it beside itself.
#include "tests/bench/listings.h"

#include <google/protobuf/arena.h>
#include <sys/resource.h>

#include <atomic>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/status.h"
#include "tests/bench/benchmark.h"

namespace meros::bench {
namespace {

namespace pb = ::meros::v1::master;

template <typename Request, typename Response, typename Call>
absl::Status ListPages(Call call, size_t* count, int (Response::*items)() const) {
  Request request;
  request.set_page_size(10000);
  do {
    google::protobuf::Arena arena;
    auto* page = google::protobuf::Arena::CreateMessage<Response>(&arena);
    grpc::ClientContext context;
    MEROS_RETURN_IF_ERROR(rpc::FromGrpc(call(&context, request, page)));
    *count += (page->*items)();
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Listed> ListAll(pb::MasterService::Stub* stub) {
  Listed listed;
  MEROS_RETURN_IF_ERROR(
      (ListPages<pb::ListAgentsRequest>([&](auto... a) { return stub->ListAgents(a...); },
                                        &listed.agents, &pb::ListAgentsResponse::agents_size)));
  MEROS_RETURN_IF_ERROR(
      (ListPages<pb::ListTasksRequest>([&](auto... a) { return stub->ListTasks(a...); },
                                       &listed.tasks, &pb::ListTasksResponse::tasks_size)));
  return listed;
}

absl::StatusOr<std::unique_ptr<testing::Process>> StartListings(const std::string& master,
                                                                int clients, double seconds,
                                                                const std::string& log_dir) {
  return testing::Process::Start(
      {.name = "listings",
       .program = std::filesystem::read_symlink("/proc/self/exe").string(),
       .arguments = {"listings", "--json", "--port=" + master.substr(master.rfind(':') + 1),
                     absl::StrCat("--clients=", clients), absl::StrCat("--seconds=", seconds)},
       .log_dir = log_dir});
}

absl::StatusOr<size_t> FinishListings(testing::Process* process) {
  MEROS_ASSIGN_OR_RETURN(const int status, process->Wait(absl::Minutes(2)));
  const auto report = nlohmann::json::parse(process->Output(), nullptr, /*allow_exceptions=*/false);
  if (status != 0 || !report.is_object()) {
    return absl::InternalError(absl::StrCat("the clients that list failed: ", process->Log()));
  }
  return report.value("n", size_t{0});
}

absl::StatusOr<Report> RunListings(Options* options) {
  const std::string master = absl::StrCat("127.0.0.1:", options->Get("port", 7050));
  const int clients = static_cast<int>(options->Get("clients", 20));
  const double seconds = options->Get("seconds", 10);
  setpriority(PRIO_PROCESS, 0, 19);  // inherited by all threads
  std::vector<std::unique_ptr<pb::MasterService::Stub>> stubs;
  for (int i = 0; i < clients; ++i) {
    MEROS_ASSIGN_OR_RETURN(const auto channel, rpc::MakeChannel(master, {.insecure = true},
                                                                {.connection_group = 1 + i}));
    stubs.push_back(pb::MasterService::NewStub(channel));
  }
  std::atomic<size_t> listings{0};
  std::atomic<size_t> failures{0};
  std::vector<std::thread> threads;
  const absl::Time end = Now() + absl::Seconds(seconds);
  for (const auto& stub : stubs) {
    threads.emplace_back([&, client = stub.get()] {
      while (Now() < end) ++(ListAll(client).ok() ? listings : failures);
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (failures > 0)
    return absl::UnavailableError(absl::StrCat(failures.load(), " listings failed"));
  Report report;
  report.value = listings / seconds;
  report.unit = "1/s";
  report.n = listings;
  return report;
}

}  // namespace meros::bench
