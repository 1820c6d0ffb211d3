// Goal: the stores that need no server keep the promises of store.h. Method: the suite that all
// share.
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>

#include "libs/storage/fake_disk.h"
#include "libs/storage/sqlite_store.h"
#include "libs/storage/test_store_conformance.h"

namespace meros::storage::testing {
namespace {

class SqliteMedium : public Medium {
 public:
  SqliteMedium() {
    char name[] = "/tmp/meros-store-XXXXXX";
    directory_ = mkdtemp(name);
  }
  ~SqliteMedium() override { std::filesystem::remove_all(directory_); }
  absl::StatusOr<std::unique_ptr<Store>> Open() override {
    return OpenSqliteStore({.path = directory_ + "/store.db"});
  }

 private:
  std::string directory_;
};

class FakeMedium : public Medium {
 public:
  absl::StatusOr<std::unique_ptr<Store>> Open() override { return disk_.Open(); }

 private:
  FakeDisk disk_{7};
};

INSTANTIATE_TEST_SUITE_P(
    Stores, StoreConformance,
    ::testing::Values(Implementation{"Sqlite", [] { return std::make_unique<SqliteMedium>(); }},
                      Implementation{"Fake", [] { return std::make_unique<FakeMedium>(); }}),
    NameOf);

}  // namespace
}  // namespace meros::storage::testing
