// How often watchers are sent what is pending.
#include "services/master/shell/flush_pacer.h"

#include <gtest/gtest.h>

namespace meros::master {
namespace {

constexpr absl::Time kStart = absl::UnixEpoch();

absl::Duration Ms(int ms) { return absl::Milliseconds(ms); }

TEST(FlushPacer, IsDueAtOnceAfterAQuietTime) {
  FlushPacer pacer({});
  EXPECT_TRUE(pacer.IsDue(kStart));
  pacer.Sent(kStart, kStart);

  EXPECT_FALSE(pacer.IsDue(kStart + Ms(4)));
  EXPECT_TRUE(pacer.IsDue(kStart + Ms(5)));
  EXPECT_TRUE(pacer.IsDue(kStart + Ms(5000)));
}

TEST(FlushPacer, TakesAFifthOfItsThreadAtMost) {
  FlushPacer pacer({});
  pacer.Sent(kStart, kStart + Ms(8));

  EXPECT_EQ(pacer.next(), kStart + Ms(40));
}

TEST(FlushPacer, NobodyWaitsForEver) {
  FlushPacer pacer({});
  pacer.Sent(kStart, kStart + Ms(3000));

  EXPECT_EQ(pacer.next(), kStart + Ms(50));
}

}  // namespace
}  // namespace meros::master
