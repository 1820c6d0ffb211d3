// Goal: hosts hear each other and us, unless their cable is cut; then there is silence between
// those two alone, until it is mended. Method: real sockets of small programs on each host.
#include "libs/testing/separate_hosts.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "libs/testing/temp_dir.h"

namespace meros::testing {
namespace {

constexpr absl::Duration kLimit = absl::Seconds(60);
constexpr int kUs = -1;

class SeparateHostsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "NOT ROOT: hosts are network namespaces, which need root";
    auto hosts = SeparateHosts::Create(3, directory_.path());
    ASSERT_TRUE(hosts.ok()) << hosts.status();
    hosts_ = *std::move(hosts);
    for (int i = 0; i < 3; ++i) {
      greeters_.push_back(Python(i, absl::StrCat("s = socket.create_server(('", hosts_->address(i),
                                                 "', 7000))\n", "print('up', flush=True)\n",
                                                 "while True: s.accept()[0].sendall(b'hello')")));
      ASSERT_TRUE(Eventually(kLimit, [&] { return greeters_[i]->Output() == "up\n"; }));
    }
  }

  std::unique_ptr<Process> Python(int where, const std::string& script) {
    std::vector<std::string> line;
    if (where != kUs) line = hosts_->enter(where);
    line.insert(line.end(), {"/usr/bin/python3", "-c", absl::StrCat("import socket\n", script)});
    auto process = Process::Start({.name = absl::StrCat("python-", ++started_),
                                   .program = line.front(),
                                   .arguments = {line.begin() + 1, line.end()},
                                   .log_dir = directory_.path()});
    EXPECT_TRUE(process.ok()) << process.status();
    return *std::move(process);
  }
  // What somebody at `where` hears from host i: its greeting, or that nothing came.
  std::string Heard(int where, int i) {
    const auto caller =
        Python(where, absl::StrCat("try: print(socket.create_connection(('", hosts_->address(i),
                                   "', 7000), 2).recv(5).decode())\n",
                                   "except TimeoutError: print('silence')"));
    const auto status = caller->Wait(kLimit);
    EXPECT_TRUE(status.ok() && *status == 0) << caller->Log();
    return caller->Output();
  }

  TempDir directory_;
  int started_ = 0;
  std::unique_ptr<SeparateHosts> hosts_;
  std::vector<std::unique_ptr<Process>> greeters_;
};

TEST_F(SeparateHostsTest, OnlyThoseWhoseCableIsCutAreSilentToEachOther) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Heard(kUs, i), "hello\n");
    EXPECT_EQ(Heard((i + 1) % 3, i), "hello\n");
  }

  ASSERT_TRUE(hosts_->Cut(0, 1).ok());
  EXPECT_EQ(Heard(0, 1), "silence\n");
  EXPECT_EQ(Heard(1, 0), "silence\n");
  EXPECT_EQ(Heard(2, 0), "hello\n");
  EXPECT_EQ(Heard(1, 2), "hello\n");
  EXPECT_EQ(Heard(kUs, 0), "hello\n");

  ASSERT_TRUE(hosts_->MendAll().ok());
  EXPECT_EQ(Heard(0, 1), "hello\n");
  EXPECT_EQ(Heard(1, 0), "hello\n");
}

}  // namespace
}  // namespace meros::testing
