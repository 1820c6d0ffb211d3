// Everything that a master lists: what one client reads, and many that do so again and again.
#pragma once

#include <grpcpp/channel.h>

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "libs/testing/process.h"

namespace meros::bench {

struct Listed {
  size_t agents = 0;
  size_t tasks = 0;
};

// Lists all agents and tasks, page by page, as large as pages may be. Each is parsed into an arena,
// as a client would that reads so much, while the next one comes in.
absl::StatusOr<Listed> ListAll(const std::shared_ptr<grpc::Channel>& channel);

// The same by a client that does nothing with what it receives: how many bytes there were.
absl::StatusOr<size_t> ReceiveAll(const std::shared_ptr<grpc::Channel>& channel);

// `clients` that list everything of this master, which is on this machine, for so long, in a
// process of their own and at the lowest priority: they stand for clients on other machines, which
// take neither the cores nor gRPC's threads from those who are measured. `log_dir` is for its
// output.
absl::StatusOr<std::unique_ptr<testing::Process>> StartListings(const std::string& master,
                                                                int clients, double seconds,
                                                                const std::string& log_dir);
// Waits until its time is over; returns how often everything was listed.
absl::StatusOr<size_t> FinishListings(testing::Process* process);

}  // namespace meros::bench
