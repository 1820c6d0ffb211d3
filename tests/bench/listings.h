// Everything that a master lists: what one client reads, and many that do so again and again.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "libs/testing/process.h"
#include "meros/v1/master/master_service.grpc.pb.h"

namespace meros::bench {

struct Listed {
  size_t agents = 0;
  size_t tasks = 0;
};

// Lists all agents and tasks, page by page, as large as pages may be. Each is parsed into an arena,
// as a client would that reads so much.
absl::StatusOr<Listed> ListAll(meros::v1::master::MasterService::Stub* stub);

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
