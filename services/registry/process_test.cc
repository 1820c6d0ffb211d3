// Goal: the real binary keeps acknowledged writes over kill -9, survives a full disk, and refuses
// bad
// files, paths and flags with an error that says what is wrong.
// Method: real processes on loopback with a pipelined session; the full disk is a small tmpfs.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/rpc/channel.h"
#include "libs/testing/http_get.h"
#include "libs/testing/process.h"
#include "libs/testing/temp_dir.h"
#include "meros/registry/v1/registry_service.grpc.pb.h"
#include "services/registry/test_session.h"

namespace meros::registry {
namespace {

using ::testing::HasSubstr;
constexpr absl::Duration kLimit = absl::Seconds(30);

class RegistryProcessTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<testing::Process>> Launch(const std::string& store,
                                                           std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"--address=127.0.0.1:0", "--insecure", "--metrics_port=0",
                                          "--store=" + store};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return testing::Process::Start({.name = absl::StrCat("registry-", ++launches_),
                                    .program = testing::BinaryPath("meros-registry"),
                                    .arguments = std::move(arguments),
                                    .log_dir = directory_.path()});
  }
  std::unique_ptr<testing::Process> Serve(const std::string& store) {
    auto process = Launch(store, {"--store_retry_interval=100ms"});
    EXPECT_TRUE(process.ok()) << process.status();
    const absl::Status ready = (*process)->WaitReady(kLimit);
    EXPECT_TRUE(ready.ok()) << ready;
    return *std::move(process);
  }
  // Starts one that must refuse to run, and returns what it said.
  std::string Refusal(const std::string& store, std::vector<std::string> more = {}) {
    auto process = Launch(store, std::move(more));
    EXPECT_TRUE(process.ok()) << process.status();
    const auto status = (*process)->Wait(kLimit);
    EXPECT_TRUE(status.ok()) << status.status();
    EXPECT_TRUE(WIFEXITED(*status) && WEXITSTATUS(*status) != 0) << *status;
    return (*process)->Log() + (*process)->Output();
  }
  std::string Store(const std::string& name = "r.db") const {
    return "sqlite:" + (directory_ / name);
  }

  testing::TempDir directory_;
  int launches_ = 0;
};

TEST_F(RegistryProcessTest, Kill9LosesNoAcknowledgedWriteAndEpochsGrow) {
  std::map<std::string, std::string> acknowledged;
  uint64_t last_epoch = 0;
  int value = 0;
  for (int round = 0; round < 5; ++round) {
    auto registry = Serve(Store());
    std::map<uint64_t, std::pair<std::string, std::string>> sent;
    Session session(registry->address());
    const v1::Response lease = session.Call(Acquire(absl::StrCat("m", round)));
    ASSERT_EQ(lease.code(), 0) << lease.message();
    ASSERT_GT(lease.lease().epoch(), last_epoch);
    last_epoch = lease.lease().epoch();
    for (const auto& [name, written] : acknowledged) {
      const v1::Response found = session.Call(Get(name));
      ASSERT_EQ(found.code(), 0) << name << ": " << found.message();
      EXPECT_GE(std::stoi(found.record().value()), std::stoi(written)) << name;
    }
    uint64_t last = 0;
    for (int frame = 0; frame < 30; ++frame) {
      std::vector<v1::Request> puts;
      std::vector<std::pair<std::string, std::string>> written;
      for (int i = 0; i < 20; ++i) {
        written.emplace_back(absl::StrCat("k", i), absl::StrCat(++value));
        puts.push_back(Put(last_epoch, written.back().first, written.back().second));
      }
      last = session.Send(std::move(puts));
      for (size_t i = 0; i < written.size(); ++i) sent[last + i] = written[i];
    }
    // In the midst of them.
    session.Await(last - 20 * static_cast<uint64_t>(round + 1));
    registry->Kill();
    session.Await(last + 19);
    for (const auto& [id, answer] : session.answers()) {
      if (answer.code() == 0 && sent.count(id) > 0) acknowledged[sent[id].first] = sent[id].second;
    }
    ASSERT_FALSE(acknowledged.empty());
  }
}

TEST_F(RegistryProcessTest, AWatchGoesOnAfterKill9) {
  uint64_t epoch = 0;
  v1::WatchResponse told;
  {
    auto registry = Serve(Store());
    auto stub =
        v1::RegistryService::NewStub(*rpc::MakeChannel(registry->address(), {.insecure = true}));
    Session session(registry->address());
    epoch = session.Call(Acquire("m")).lease().epoch();
    Watching watching(stub.get(), 0);
    ASSERT_TRUE(watching.Read(&told));
    std::vector<v1::Request> puts;
    for (int i = 0; i < 200; ++i) puts.push_back(Put(epoch, "k", absl::StrCat(i)));
    session.Send(std::move(puts));
    for (int i = 0; i < 100; ++i) {
      const uint64_t before = told.revision();
      ASSERT_TRUE(watching.Read(&told));
      EXPECT_EQ(told.revision(), before + 1);
      EXPECT_EQ(told.changes(0).record().value(), absl::StrCat(i));
    }
    registry->Kill();
    while (watching.Read(&told)) {
    }
    EXPECT_EQ(watching.Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  }

  auto registry = Serve(Store());
  auto stub =
      v1::RegistryService::NewStub(*rpc::MakeChannel(registry->address(), {.insecure = true}));
  Session session(registry->address());
  // Whatever was told was durable, so it is not later than what there is now; and from there on
  // nothing is missed.
  const v1::Response found = session.Call(Get("k"));
  ASSERT_EQ(found.code(), 0) << found.message();
  ASSERT_GE(found.record().revision(), told.revision());
  Watching present(stub.get(), found.record().revision());
  Watching beyond(stub.get(), found.record().revision() + 1);
  v1::WatchResponse refused;
  EXPECT_FALSE(beyond.Read(&refused));
  EXPECT_EQ(beyond.Finish().error_code(), grpc::StatusCode::OUT_OF_RANGE);
  Watching before(stub.get(), 1);
  EXPECT_FALSE(before.Read(&refused));
  EXPECT_EQ(before.Finish().error_code(), grpc::StatusCode::OUT_OF_RANGE);
  ASSERT_EQ(session.Call(Put(epoch, "k", "after")).code(), 0);
  ASSERT_TRUE(present.Read(&told));
  EXPECT_EQ(told.revision(), found.record().revision() + 1);
  EXPECT_EQ(told.changes(0).record().value(), "after");
}

TEST_F(RegistryProcessTest, OneThatIsStoppedTellsWatchersThatTheyMayComeBack) {
  auto registry = Serve(Store());
  auto stub =
      v1::RegistryService::NewStub(*rpc::MakeChannel(registry->address(), {.insecure = true}));
  v1::WatchResponse told;
  Watching watching(stub.get(), 0);
  ASSERT_TRUE(watching.Read(&told));

  ASSERT_TRUE(registry->Stop(kLimit).ok());

  EXPECT_FALSE(watching.Read(&told));
  const grpc::Status ended = watching.Finish();
  EXPECT_EQ(ended.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ended.error_message(), "the registry is stopping");
}

TEST_F(RegistryProcessTest, AFullDiskRefusesWritesAndNothingElse) {
  if (geteuid() != 0)
    GTEST_SKIP() << "NOT ROOT: a full disk is made with a tmpfs mount, which needs root";
  ASSERT_EQ(unshare(CLONE_NEWNS), 0);
  ASSERT_EQ(mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  const std::string disk = directory_ / "disk";
  std::filesystem::create_directory(disk);
  ASSERT_EQ(mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=1m"), 0);
  {
    auto registry = Serve(Store("disk/r.db"));
    Session session(registry->address());
    const uint64_t epoch = session.Call(Acquire("m")).lease().epoch();
    ASSERT_EQ(session.Call(Put(epoch, "before", "v")).code(), 0);
    const auto ready = [&] {
      return absl::StrContains(testing::HttpGet(registry->metrics_port(), "/readyz"), " 200 ");
    };
    std::ofstream(disk + "/ballast") << std::string(2 << 20, 'b');

    v1::Response refused;
    for (int i = 0; i < 100 && refused.code() == 0; ++i)
      refused = session.Call(Put(epoch, absl::StrCat("k", i), std::string(20000, 'v')));

    EXPECT_EQ(refused.code(), static_cast<int>(absl::StatusCode::kResourceExhausted));
    EXPECT_THAT(refused.message(), HasSubstr("full"));
    EXPECT_TRUE(registry->running());
    EXPECT_TRUE(testing::Eventually(kLimit, [&] { return !ready(); }));
    EXPECT_EQ(session.Call(Get("before")).code(), 0) << "reads go on";
    v1::Request renew;
    renew.mutable_renew_lease()->set_epoch(epoch);
    EXPECT_EQ(session.Call(renew).code(), 0) << "leadership goes on";

    std::filesystem::remove(disk + "/ballast");

    EXPECT_TRUE(testing::Eventually(kLimit, ready)) << "without a write of anybody's";
    EXPECT_EQ(session.Call(Put(epoch, "after", "v")).code(), 0);
    EXPECT_EQ(session.Call(Get("after")).code(), 0);
  }
  umount2(disk.c_str(), MNT_DETACH);
}

TEST_F(RegistryProcessTest, TellsItsStatusAndLeader) {
  auto registry = Serve(Store());
  Session session(registry->address());
  const uint64_t epoch = session.Call(Acquire("m")).lease().epoch();
  ASSERT_EQ(session.Call(Put(epoch, "k", "value")).code(), 0);
  auto stub =
      v1::RegistryService::NewStub(*rpc::MakeChannel(registry->address(), {.insecure = true}));

  grpc::ClientContext status_context;
  v1::GetStatusResponse status;
  ASSERT_TRUE(stub->GetStatus(&status_context, {}, &status).ok());
  EXPECT_TRUE(status.writable());
  EXPECT_EQ(status.records(), 2u);
  EXPECT_EQ(status.epoch(), epoch);
  EXPECT_EQ(status.store(), Store());

  grpc::ClientContext leader_context;
  v1::GetLeaderResponse leader;
  ASSERT_TRUE(stub->GetLeader(&leader_context, {}, &leader).ok());
  EXPECT_TRUE(leader.held());
  EXPECT_EQ(leader.candidate_id(), "m");

  const auto stopped = registry->Stop(kLimit);
  ASSERT_TRUE(stopped.ok());
  EXPECT_EQ(*stopped, 0);
}

TEST_F(RegistryProcessTest, RefusesWhatItCannotServe) {
  EXPECT_THAT(Refusal("sqlite:" + directory_.path()), HasSubstr("is a directory"));
  EXPECT_THAT(Refusal(Store("absent/r.db")), HasSubstr("no directory"));
  std::ofstream(directory_ / "text.db") << std::string(4096, 'x');
  EXPECT_THAT(Refusal(Store("text.db")), HasSubstr("not a database"));
  EXPECT_THAT(Refusal("zk://localhost"), HasSubstr("path is missing"));
  EXPECT_THAT(Refusal("mysql:there"), HasSubstr("sqlite:PATH"));
  EXPECT_THAT(Refusal(Store(), {"--lease_ttl_mim=1s"}), HasSubstr("lease_ttl_min"));
  EXPECT_THAT(Refusal(Store(), {"--lease_ttl_min=1m", "--lease_ttl_max=1s"}),
              HasSubstr("lease_ttl"));
  EXPECT_THAT(Refusal(Store(), {"--address=nonsense"}), HasSubstr("nonsense"));
}

TEST_F(RegistryProcessTest, RefusesACorruptFileAndOneInUse) {
  {
    auto registry = Serve(Store());
    EXPECT_THAT(Refusal(Store()), HasSubstr("in use by another process"));
    Session session(registry->address());
    const uint64_t epoch = session.Call(Acquire("m")).lease().epoch();
    for (int i = 0; i < 20; ++i)
      ASSERT_EQ(session.Call(Put(epoch, absl::StrCat("k", i), std::string(3000, 'v'))).code(), 0);
    ASSERT_TRUE(registry->Stop(kLimit).ok());
  }
  const std::string path = directory_ / "r.db";
  const auto size = std::filesystem::file_size(path);
  ASSERT_GT(size, 5 * 4096u);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(size / 2));
  file << std::string(4096, '\x5a');
  file.close();
  EXPECT_THAT(Refusal(Store()), HasSubstr("restore the file"));
}

}  // namespace
}  // namespace meros::registry
