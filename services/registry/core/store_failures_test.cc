// Goal: whatever the store fails with, masters are told to try again, nobody is told that writes
// are taken before one was, and it ends without anybody's help. Method: as registry_core_test.cc.
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "services/registry/core/test_core.h"

namespace meros::registry {
namespace {

constexpr int kUnavailable = static_cast<int>(absl::StatusCode::kUnavailable);
constexpr int kExhausted = static_cast<int>(absl::StatusCode::kResourceExhausted);

class StoreFailures : public RegistryCoreTest {
 protected:
  // The store takes nothing of what it has.
  std::vector<RegistryCore::Effect> Fail(const std::vector<RegistryCore::Effect>& effects,
                                         const absl::Status& why) {
    const RegistryCore::Persist* const persist = Persisted(effects);
    EXPECT_NE(persist, nullptr);
    if (persist == nullptr) return {};
    return Step(RegistryCore::StoreFailed{persist->token, why});
  }
  v1::GetStatusResponse Status() {
    return std::get<RegistryCore::ReplyStatus>(Step(RegistryCore::StatusAsked{1}).at(0)).response;
  }
  // The tick that is due next.
  std::vector<RegistryCore::Effect> Later() {
    now_ = core_.NextDeadline();
    return Step(runtime::Tick{});
  }
};

TEST_F(StoreFailures, AFullDiskRefusesWritesAndComesBack) {
  const uint64_t epoch = Lead("a");
  const auto effects = Ask(1, Put(2, epoch, "k", "v"));
  Ask(1, Put(3, epoch, "l", "v"));

  const auto failed = Fail(effects, absl::ResourceExhaustedError("disk full"));

  ASSERT_EQ(Replies(failed).size(), 2u);
  for (const auto& reply : Replies(failed)) EXPECT_EQ(reply.code(), kExhausted);
  EXPECT_EQ(core_.records().Find({v1::RECORD_KIND_AGENT, "k"}), nullptr);
  EXPECT_EQ(Settle(Ask(1, Put(4, epoch, "k", "v"))).at(0).message(), "disk full");
  EXPECT_EQ(Settle(Ask(1, Renew(5, epoch))).at(0).code(), 0) << "the leader keeps leading";
  Settle(Later());
  EXPECT_EQ(Settle(Ask(1, Put(6, epoch, "k", "v"))).at(0).code(), 0);
}

// Masters take other codes for an answer to what they asked, and go on without the record.
TEST_F(StoreFailures, OfAnyKindAreOnesThatClientsTryAgain) {
  const uint64_t epoch = Lead("a");
  for (int kind = 1; kind <= 16; ++kind) {
    const std::string why = absl::StrCat("cannot commit: reason ", kind);
    const auto written = Ask(1, Put(2, epoch, "k", absl::StrCat(kind)));
    Ask(1, Put(3, epoch, "l", absl::StrCat(kind)));

    auto replies = Replies(Fail(written, absl::Status(static_cast<absl::StatusCode>(kind), why)));

    replies.push_back(Replies(Ask(1, Put(4, epoch, "m", "v"))).at(0));
    ASSERT_EQ(replies.size(), 3u) << kind;
    for (const v1::Response& reply : replies) {
      EXPECT_EQ(reply.code(), kind == kExhausted ? kExhausted : kUnavailable) << kind;
      EXPECT_EQ(reply.message(), why);
    }
    EXPECT_FALSE(Status().writable());
    EXPECT_EQ(Status().reason(), why);
    Settle(Later());
  }
}

TEST_F(StoreFailures, LeaveWhatARequestIsRefusedForAsItIs) {
  const uint64_t epoch = Lead("a");
  Fail(Ask(1, Put(2, epoch, "k", "v")), absl::DataLossError("damaged"));

  EXPECT_EQ(Replies(Ask(1, Put(3, epoch, "", "v"))).at(0).code(),
            static_cast<int>(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(Replies(Ask(1, Renew(4, epoch + 1))).at(0).code(),
            static_cast<int>(absl::StatusCode::kFailedPrecondition));
}

TEST_F(StoreFailures, EndOnlyWhenAWriteWasDurableAlsoIfNobodyWantsAny) {
  const uint64_t epoch = Lead("a");
  Fail(Ask(1, Put(2, epoch, "k", "v")), absl::ResourceExhaustedError("disk full"));
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(core_.NextDeadline(), now_ + options_.store_retry_interval);
    const auto probe = Later();

    ASSERT_NE(Persisted(probe), nullptr) << "it is tried unasked";
    EXPECT_TRUE(Persisted(probe)->changes.empty());
    EXPECT_GT(Persisted(probe)->revision, core_.revision()) << "something to write";
    EXPECT_FALSE(Status().writable()) << "nobody knows yet";
    EXPECT_FALSE(TakesWrites(core_.write_state()));
    EXPECT_EQ(Replies(Ask(1, Put(3, epoch, "k", "v"))).at(0).message(), "disk full");
    EXPECT_TRUE(Fail(probe, absl::ResourceExhaustedError("disk full")).empty());
    EXPECT_FALSE(Status().writable());
  }

  const auto probe = Later();
  const uint64_t revision = Persisted(probe)->revision;
  EXPECT_TRUE(Settle(probe).empty());

  EXPECT_TRUE(Status().writable());
  EXPECT_EQ(Status().reason(), "");
  EXPECT_EQ(core_.revision(), revision);
  const auto replies = Settle(Ask(1, Put(4, epoch, "k", "v")));
  EXPECT_EQ(replies.at(0).code(), 0) << replies.at(0).message();
  EXPECT_GT(replies.at(0).commit().revision(), revision);
}

TEST_F(StoreFailures, KeepCandidatesWaitingUntilTheyEnd) {
  const uint64_t epoch = Lead("a");
  EXPECT_TRUE(Ask(2, Acquire(5, "b", 60000)).empty());
  now_ = core_.lease().expiry();
  Fail(Step(runtime::Tick{}), absl::PermissionDeniedError("read-only file system"));
  Fail(Later(), absl::PermissionDeniedError("read-only file system"));

  const auto replies = Settle(Later());

  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(replies[0].id(), 5u);
  EXPECT_EQ(replies[0].lease().epoch(), epoch + 1);
}

}  // namespace
}  // namespace meros::registry
