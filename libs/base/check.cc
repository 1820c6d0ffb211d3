#include "libs/base/check.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace meros {
namespace {

std::atomic<uint64_t> bug_count{0};

bool BugIsFatal() {
  static const bool fatal = std::getenv("MEROS_BUG_IS_FATAL") != nullptr;
  return fatal;
}

}  // namespace

uint64_t BugCount() { return bug_count.load(std::memory_order_relaxed); }

namespace internal {

FailureMessage::FailureMessage(Failure kind, const char* file, int line, const char* condition)
    : kind_(kind) {
  stream_ << file << ":" << line << ": "
          << (kind == Failure::kCheck ? "check failed: " : "bug: ") << condition << " ";
}

FailureMessage::~FailureMessage() {
  const std::string text = stream_.str();
  std::fprintf(stderr, "%s\n", text.c_str());
  if (kind_ == Failure::kCheck || BugIsFatal()) {
    std::fflush(stderr);
    std::abort();
  }
  bug_count.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace internal
}  // namespace meros
