// Goal: a really full disk is RESOURCE_EXHAUSTED, loses nothing, and is over when there is space again.
// Method: a tmpfs of 1 MiB in a mount namespace of our own, which needs root.
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "libs/storage/sqlite_store.h"

namespace meros::storage {
namespace {

TEST(SqliteDiskFull, RefusesKeepsAndRecovers) {
  if (geteuid() != 0)
    GTEST_SKIP() << "NOT ROOT: a full disk is made with a tmpfs mount, which needs root";
  ASSERT_EQ(unshare(CLONE_NEWNS), 0);
  ASSERT_EQ(mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  char name[] = "/tmp/meros-full-XXXXXX";
  const std::string directory = mkdtemp(name);
  ASSERT_EQ(mount("tmpfs", directory.c_str(), "tmpfs", 0, "size=1m"), 0);
  {
    auto store = OpenSqliteStore({.path = directory + "/store.db"});
    ASSERT_TRUE(store.ok()) << store.status();
    std::ofstream(directory + "/ballast") << std::string(300 << 10, 'b');
    int written = 0;
    absl::Status status;
    while (status.ok() && written < 10000) {
      status = (*store)->Commit({{{absl::StrCat("k", written), std::string(500, 'v')}}});
      if (status.ok()) ++written;
    }
    ASSERT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
    ASSERT_GT(written, 10);
    EXPECT_EQ((*store)->List("k")->size(), static_cast<size_t>(written)) << "reads go on";

    std::filesystem::remove(directory + "/ballast");

    EXPECT_TRUE((*store)->Commit({{{absl::StrCat("k", written), "v"}}}).ok());
    store->reset();
    auto again = OpenSqliteStore({.path = directory + "/store.db"});
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ((*again)->List("k")->size(), static_cast<size_t>(written + 1));
  }
  umount2(directory.c_str(), MNT_DETACH);
  rmdir(directory.c_str());
}

}  // namespace
}  // namespace meros::storage
