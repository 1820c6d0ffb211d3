#include "libs/base/retry_hint.h"

#include <gtest/gtest.h>

namespace meros {
namespace {

TEST(RetryHint, IsReadAsItWasWritten) {
  const absl::Status status = RetryLaterError("too many calls", absl::Microseconds(1500));

  EXPECT_EQ(status, absl::ResourceExhaustedError("too many calls; retry after 2 ms"));
  EXPECT_EQ(RetryAfter(status), absl::Milliseconds(2));
}

TEST(RetryHint, OtherStatusesHaveNone) {
  for (const absl::Status& status : {absl::OkStatus(), absl::ResourceExhaustedError("too much"),
                                     absl::UnavailableError("x; retry after 5 ms"),
                                     absl::ResourceExhaustedError("x; retry after 5 s"),
                                     absl::ResourceExhaustedError("x; retry after -5 ms"),
                                     absl::ResourceExhaustedError("x; retry after 5 ms or so")}) {
    EXPECT_EQ(RetryAfter(status), std::nullopt) << status;
  }
}

}  // namespace
}  // namespace meros
