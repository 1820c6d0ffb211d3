// What a durable commit costs on this disk: the store with batches of several sizes, and the bare
// fdatasync under it. Budget: a commit of one row within twice a bare fdatasync; 60,000 rows a second
// in batches of 300 (PERFORMANCE T10). Set TMPDIR to the disk that is to be measured.
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "libs/base/check.h"
#include "libs/storage/crc32c.h"
#include "libs/storage/sqlite_store.h"

namespace meros::storage {
namespace {

std::string TemporaryDirectory() {
  const char* base = getenv("TMPDIR");
  std::string name = absl::StrCat(base != nullptr ? base : "/tmp", "/meros-bench-XXXXXX");
  MEROS_CHECK(mkdtemp(name.data()) != nullptr) << name;
  return name;
}

void BM_Fdatasync(benchmark::State& state) {
  const std::string directory = TemporaryDirectory();
  const int fd = open((directory + "/file").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  const std::string page(4096, 'x');
  // Overwrites in place, as a recycled write-ahead log does.
  for (int i = 0; i < 1024; ++i) MEROS_CHECK(write(fd, page.data(), page.size()) == 4096);
  fsync(fd);
  int64_t at = 0;
  for (auto _ : state) {
    MEROS_CHECK(pwrite(fd, page.data(), page.size(), (at++ % 1024) * 4096) == 4096);
    fdatasync(fd);
  }
  close(fd);
  std::filesystem::remove_all(directory);
}
BENCHMARK(BM_Fdatasync)->UseRealTime();

void BM_SqliteCommit(benchmark::State& state) {
  const std::string directory = TemporaryDirectory();
  auto store = OpenSqliteStore({.path = directory + "/store.db"});
  MEROS_CHECK(store.ok()) << store.status();
  std::vector<Mutation> batch(state.range(0));
  uint64_t n = 0;
  for (auto _ : state) {
    for (Mutation& mutation : batch)
      mutation = {absl::StrCat("r/01/agent-", (n++ * 7919) % 100000), std::string(300, 'v')};
    MEROS_CHECK((*store)->Commit(batch).ok());
  }
  state.SetItemsProcessed(static_cast<int64_t>(n));
  store->reset();
  std::filesystem::remove_all(directory);
}
BENCHMARK(BM_SqliteCommit)->Arg(1)->Arg(10)->Arg(100)->Arg(300)->Arg(1000)->UseRealTime();

void BM_RowChecksum(benchmark::State& state) {
  const std::string value(300, 'v');
  for (auto _ : state) benchmark::DoNotOptimize(RowChecksum("r/01/agent-1", value));
}
BENCHMARK(BM_RowChecksum);

}  // namespace
}  // namespace meros::storage
