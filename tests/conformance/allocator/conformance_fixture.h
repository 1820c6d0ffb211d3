// What the tests of the suite share: an allocator, at MEROS_ALLOCATOR_ADDRESS or our own, and
// masters with small books. Waiting for something has a deadline of 60 s; waiting for nothing takes
// 0.5 s.
//
// Thread rule: thread-compatible.
#pragma once

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "libs/testing/matchers.h"
#include "libs/testing/process.h"
#include "libs/testing/temp_dir.h"
#include "libs/wire/resources_proto.h"
#include "tests/conformance/allocator/test_master.h"

namespace meros::allocator_conformance {

inline constexpr absl::Duration kQuiet = absl::Milliseconds(500);
inline constexpr char kTotal[] = "cpus:4;mem:4096";

class AllocatorConformance : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const char* given = std::getenv("MEROS_ALLOCATOR_ADDRESS");
    if (given != nullptr) {
      address_ = new std::string(given);
    } else {
      directory_ = new testing::TempDir();
      address_ = new std::string("127.0.0.1:0");
      StartOurs();
    }
    // Above those of any earlier run.
    epoch_ = static_cast<uint64_t>(absl::ToUnixMillis(testing::PollNow()));
  }
  static void TearDownTestSuite() {
    delete process_;
    delete directory_;
    delete address_;
    process_ = nullptr;
    directory_ = nullptr;
    address_ = nullptr;
  }

  // Also after a crash, on the same address.
  static void StartOurs() {
    delete process_;
    process_ = nullptr;
    auto process = testing::Process::Start(
        {.name = "allocator",
         .program = testing::BinaryPath("meros-allocator"),
         .arguments = {"--address=" + *address_, "--insecure", "--metrics_port=0"},
         .log_dir = directory_->path()});
    ASSERT_TRUE(process.ok()) << process.status();
    process_ = process->release();
    ASSERT_TRUE(process_->WaitReady(absl::Seconds(60)).ok());
    *address_ = process_->address();
  }

  static uint64_t NextEpoch() { return ++epoch_; }

  // A welcomed master with these books at version 10.
  std::unique_ptr<TestMaster> Begin(const std::vector<proto::Delta>& objects) {
    auto master = std::make_unique<TestMaster>(*address_);
    master->Hello(absl::StrCat("master-", epoch_ + 1), NextEpoch());
    EXPECT_TRUE(master->WaitWelcome().has_value());
    master->Snapshot(objects, 10);
    return master;
  }
  std::unique_ptr<TestMaster> BeginSmall() { return Begin({Framework("f1"), Agent("a1", kTotal)}); }

  // After something that does not fit: a snapshot is asked for, and the session goes on with it.
  void ExpectRecovery(TestMaster* master) {
    EXPECT_TRUE(master->WaitNeedSnapshot().has_value());
    master->Snapshot({Framework("f1"), Agent("a1", kTotal)}, 100);
    EXPECT_TRUE(master->WaitProposal().has_value());
    EXPECT_THAT(master->WaitClosed(absl::ZeroDuration()), testing::IsOk());
  }

  static inline std::string* address_ = nullptr;
  static inline testing::TempDir* directory_ = nullptr;
  static inline testing::Process* process_ = nullptr;  // null for another implementation
  static inline uint64_t epoch_ = 0;
};

inline resources::Resources Read(const proto::Proposal& proposal) {
  const auto read = wire::ResourcesFromProto(proposal.resources());
  EXPECT_TRUE(read.ok()) << read.status();
  return read.ok() ? *read : resources::Resources();
}

}  // namespace meros::allocator_conformance
