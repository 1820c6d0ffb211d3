#include "libs/testing/temp_dir.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "gtest/gtest.h"
#include "libs/base/check.h"

namespace meros::testing {

TempDir::TempDir() {
  // Short, because unix socket paths have 107 bytes.
  char name[] = "/tmp/meros-XXXXXX";
  MEROS_CHECK(mkdtemp(name) != nullptr);
  path_ = name;
}

TempDir::~TempDir() {
  if (::testing::Test::HasFailure()) {
    std::fprintf(stderr, "kept for inspection: %s\n", path_.c_str());
    return;
  }
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace meros::testing
