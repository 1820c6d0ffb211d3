// Assertions for programmer errors (never for input from outside, which gets an absl::Status).
//
//   MEROS_CHECK(cond) << "offer " << id;   fatal always: going on would corrupt the books.
//   MEROS_BUG(cond) << "...";              `cond` should not hold. Fatal where MEROS_BUG_IS_FATAL is
//                                          set in the environment (tests, simulation); elsewhere it
//                                          is counted, logged to stderr and survived. Evaluates to
//                                          nothing; the caller handles the degraded case.
//
// Thread rule: thread-safe.
#pragma once

#include <cstdint>
#include <sstream>

namespace meros {

// How many MEROS_BUG conditions were met by this process. Exported as a metric by every service.
uint64_t BugCount();

namespace internal {

enum class Failure { kCheck, kBug };

// Collects the message and reports it at the end of the full expression.
class FailureMessage {
 public:
  FailureMessage(Failure kind, const char* file, int line, const char* condition);
  FailureMessage(const FailureMessage&) = delete;
  FailureMessage& operator=(const FailureMessage&) = delete;
  ~FailureMessage();

  std::ostream& stream() { return stream_; }

 private:
  const Failure kind_;
  std::ostringstream stream_;
};

// Gives the streaming expression type void, so that it fits the conditional operator.
struct Voidify {
  void operator&(std::ostream&) {}
};

}  // namespace internal
}  // namespace meros

#define MEROS_INTERNAL_FAIL(kind, condition)                                             \
  ::meros::internal::Voidify() &                                                         \
      ::meros::internal::FailureMessage(::meros::internal::Failure::kind, __FILE__,      \
                                        __LINE__, condition)                             \
          .stream()

#define MEROS_CHECK(condition) \
  __builtin_expect(!!(condition), 1) ? (void)0 : MEROS_INTERNAL_FAIL(kCheck, #condition)

#define MEROS_BUG(condition) \
  __builtin_expect(!(condition), 1) ? (void)0 : MEROS_INTERNAL_FAIL(kBug, #condition)
