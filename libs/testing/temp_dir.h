// A directory for one test, removed with everything in it unless the test failed (then its path is
// printed, because the logs in it tell why).
//
// Thread rule: thread-compatible.
#pragma once

#include <string>

namespace meros::testing {

class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace meros::testing
