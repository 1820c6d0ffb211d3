// Goal: wrong paths, foreign, damaged and shared files are refused with errors that say what to do.
#include "libs/storage/sqlite_store.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace meros::storage {
namespace {

using ::testing::HasSubstr;

class SqliteStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/meros-sqlite-XXXXXX";
    directory_ = mkdtemp(name);
    path_ = directory_ + "/store.db";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  absl::Status OpenStatus(const std::string& path) {
    return OpenSqliteStore({.path = path}).status();
  }
  void Fill() {
    auto store = OpenSqliteStore({.path = path_});
    ASSERT_TRUE(store.ok()) << store.status();
    std::vector<Mutation> batch;
    for (int i = 0; i < 500; ++i) batch.push_back({absl::StrCat("key", i), std::string(200, 'v')});
    ASSERT_TRUE((*store)->Commit(batch).ok());
  }
  void Execute(const std::string& sql) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &db), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(db);
  }

  std::string directory_;
  std::string path_;
};

TEST_F(SqliteStoreTest, SaysWhatIsWrongWithThePath) {
  EXPECT_EQ(OpenStatus("").code(), absl::StatusCode::kInvalidArgument);
  const absl::Status directory = OpenStatus(directory_);
  EXPECT_EQ(directory.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(directory.message()), HasSubstr("is a directory"));
  EXPECT_EQ(OpenStatus(directory_ + "/absent/store.db").code(), absl::StatusCode::kNotFound);
}

TEST_F(SqliteStoreTest, RefusesASecondOpenerWhileTheFirstLives) {
  auto first = OpenSqliteStore({.path = path_});
  ASSERT_TRUE(first.ok());

  // The lock is the process's, so the second opener is a child.
  const pid_t child = fork();
  if (child == 0) _exit(static_cast<int>(OpenStatus(path_).code()));
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);

  EXPECT_EQ(WEXITSTATUS(status), static_cast<int>(absl::StatusCode::kFailedPrecondition));
}

TEST_F(SqliteStoreTest, RefusesFilesThatAreNotStores) {
  std::ofstream(path_) << std::string(8192, 'x');
  EXPECT_EQ(OpenStatus(path_).code(), absl::StatusCode::kDataLoss);
  std::filesystem::remove(path_);
  Execute("CREATE TABLE t(a)");
  EXPECT_EQ(OpenStatus(path_).code(), absl::StatusCode::kDataLoss);
}

TEST_F(SqliteStoreTest, RefusesANewerFormat) {
  Fill();
  Execute("PRAGMA user_version=2");
  EXPECT_EQ(OpenStatus(path_).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(SqliteStoreTest, NoticesACorruptFileAtOpening) {
  Fill();
  const auto size = std::filesystem::file_size(path_);
  ASSERT_GT(size, 3 * 4096u);
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(4096);
  file << std::string(size - 4096, '\x5a');
  file.close();
  EXPECT_EQ(OpenStatus(path_).code(), absl::StatusCode::kDataLoss);
}

TEST_F(SqliteStoreTest, NoticesAChangedValueByItsChecksum) {
  Fill();
  Execute("UPDATE rows SET value=x'00' WHERE key=CAST('key7' AS BLOB)");
  auto store = OpenSqliteStore({.path = path_});
  ASSERT_TRUE(store.ok());

  EXPECT_EQ((*store)->Get("key7").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ((*store)->List("key7").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE((*store)->Get("key8").ok());
}

// A process that commits and tells its parent through a pipe, killed at random: everything it told of
// must be there.
TEST_F(SqliteStoreTest, AcknowledgedCommitsSurviveKill9) {
  int acknowledged = -1;
  for (int round = 0; round < 8; ++round) {
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    const pid_t child = fork();
    if (child == 0) {
      auto store = OpenSqliteStore({.path = path_, .checkpoint_pages = 20});
      for (int i = acknowledged + 1; store.ok(); ++i) {
        if (!(*store)
                 ->Commit({{{"n", absl::StrCat(i)}, {absl::StrCat("k", i), std::string(100, 'v')}}})
                 .ok())
          break;
        if (write(pipe_ends[1], &i, sizeof(i)) != sizeof(i)) break;
      }
      _exit(1);
    }
    close(pipe_ends[1]);
    for (int n = 0; n < 20 + 17 * round; ++n)
      ASSERT_EQ(read(pipe_ends[0], &acknowledged, sizeof(int)), 4);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    int late = 0;
    while (read(pipe_ends[0], &late, sizeof(late)) == sizeof(late)) acknowledged = late;
    close(pipe_ends[0]);

    auto store = OpenSqliteStore({.path = path_});
    ASSERT_TRUE(store.ok()) << store.status();
    const int found = std::stoi(**(*store)->Get("n"));
    EXPECT_TRUE(found == acknowledged || found == acknowledged + 1) << found << " " << acknowledged;
    for (int i = 0; i <= found; ++i)
      ASSERT_TRUE((*(*store)->Get(absl::StrCat("k", i))).has_value()) << i;
    acknowledged = found;
  }
}

}  // namespace
}  // namespace meros::storage
