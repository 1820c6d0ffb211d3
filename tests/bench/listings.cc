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
#include "libs/rpc/page_reader.h"
#include "meros/v1/master/master_service.grpc.pb.h"
#include "tests/bench/benchmark.h"

namespace meros::bench {
namespace {

namespace pb = ::meros::v1::master;

// Calls `use` with each page of what `method` lists.
template <typename Request, typename Response, typename Use>
absl::Status ForEachPage(const std::shared_ptr<grpc::Channel>& channel, const char* method,
                         Use use) {
  Request request;
  request.set_page_size(10000);
  rpc::PageReader pages(channel, absl::StrCat("/meros.v1.master.MasterService/", method),
                        Response::kNextPageTokenFieldNumber, [&](const std::string& token) {
                          request.set_page_token(token);
                          return request.SerializeAsString();
                        });
  do {
    MEROS_ASSIGN_OR_RETURN(const grpc::ByteBuffer page, pages.Next());
    MEROS_RETURN_IF_ERROR(use(page));
  } while (pages.HasMore());
  return absl::OkStatus();
}

template <typename Request, typename Response>
absl::Status ListPages(const std::shared_ptr<grpc::Channel>& channel, const char* method,
                       size_t* count, int (Response::*items)() const) {
  return ForEachPage<Request, Response>(channel, method, [&](const grpc::ByteBuffer& packed) {
    google::protobuf::Arena arena;
    auto* page = google::protobuf::Arena::CreateMessage<Response>(&arena);
    MEROS_RETURN_IF_ERROR(rpc::MergeInto(packed, page));
    *count += (page->*items)();
    return absl::OkStatus();
  });
}

}  // namespace

absl::StatusOr<Listed> ListAll(const std::shared_ptr<grpc::Channel>& channel) {
  Listed listed;
  MEROS_RETURN_IF_ERROR((ListPages<pb::ListAgentsRequest>(channel, "ListAgents", &listed.agents,
                                                          &pb::ListAgentsResponse::agents_size)));
  MEROS_RETURN_IF_ERROR((ListPages<pb::ListTasksRequest>(channel, "ListTasks", &listed.tasks,
                                                         &pb::ListTasksResponse::tasks_size)));
  return listed;
}

absl::StatusOr<size_t> ReceiveAll(const std::shared_ptr<grpc::Channel>& channel) {
  size_t bytes = 0;
  const auto count = [&](const grpc::ByteBuffer& page) {
    bytes += page.Length();
    return absl::OkStatus();
  };
  MEROS_RETURN_IF_ERROR(
      (ForEachPage<pb::ListAgentsRequest, pb::ListAgentsResponse>(channel, "ListAgents", count)));
  MEROS_RETURN_IF_ERROR(
      (ForEachPage<pb::ListTasksRequest, pb::ListTasksResponse>(channel, "ListTasks", count)));
  return bytes;
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
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (int i = 0; i < clients; ++i) {
    MEROS_ASSIGN_OR_RETURN(const auto channel, rpc::MakeChannel(master, {.insecure = true},
                                                                {.connection_group = 1 + i}));
    channels.push_back(channel);
  }
  std::atomic<size_t> listings{0};
  std::atomic<size_t> failures{0};
  std::vector<std::thread> threads;
  const absl::Time end = Now() + absl::Seconds(seconds);
  for (const auto& channel : channels) {
    threads.emplace_back([&, channel] {
      while (Now() < end) ++(ListAll(channel).ok() ? listings : failures);
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
