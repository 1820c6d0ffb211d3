// Goal: every rule of the protocol (protos/meros/registry/v1/registry_service.proto) that the core
// decides. Method: requests in, effects out; the test plays the store.
#include "services/registry/core/registry_core.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "libs/base/rng.h"
#include "services/registry/core/test_core.h"

namespace meros::registry {
namespace {

TEST_F(RegistryCoreTest, WhoCannotBeSureToOwnTheStoreAnswersNothing) {
  Step(RegistryCore::StoreOwned{now_ + absl::Seconds(5)});
  const uint64_t epoch = Lead("a");
  now_ += absl::Seconds(4);
  EXPECT_EQ(Replies(Ask(1, Renew(2, epoch))).at(0).code(), 0);
  now_ += absl::Seconds(1);

  // Another registry may have granted the lease to another master.
  EXPECT_EQ(Replies(Ask(1, Renew(3, epoch))).at(0).code(),
            static_cast<int>(absl::StatusCode::kUnavailable));
  const auto status = Step(RegistryCore::StatusAsked{9});
  EXPECT_FALSE(std::get<RegistryCore::ReplyStatus>(status.at(0)).response.writable());

  Step(RegistryCore::StoreOwned{now_ + absl::Seconds(5)});
  Step(RegistryCore::StoreOwned{now_ - absl::Seconds(5)});  // came late
  EXPECT_EQ(Replies(Ask(1, Renew(4, epoch))).at(0).code(), 0);
}

TEST_F(RegistryCoreTest, AnAnswerWaitsForTheStore) {
  const uint64_t epoch = Lead("a");

  const auto effects = Ask(1, Put(7, epoch, "agent-1", "x"));

  EXPECT_TRUE(Replies(effects).empty());
  const auto replies = Settle(effects);
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(replies[0].id(), 7u);
  EXPECT_EQ(replies[0].commit().revision(), 2u);
}

TEST_F(RegistryCoreTest, WritesDuringATransactionGoTogetherInTheNext) {
  const uint64_t epoch = Lead("a");
  const auto first = Ask(1, Put(1, epoch, "one", "x"));
  for (int i = 2; i <= 50; ++i) {
    EXPECT_TRUE(Ask(1, Put(i, epoch, absl::StrCat("n", i), "x")).empty());
  }

  const auto second = Step(RegistryCore::StoreCommitted{Persisted(first)->token});

  ASSERT_NE(Persisted(second), nullptr);
  EXPECT_EQ(Persisted(second)->changes.size(), 49u);
  EXPECT_EQ(Settle(second).size(), 50u);
}

TEST_F(RegistryCoreTest, OneBatchOfInputsIsOneTransaction) {
  const uint64_t epoch = Lead("a");
  std::vector<RegistryCore::Effect> out;
  core_.Step(now_, RegistryCore::Requested{1, Put(2, epoch, "k1", "v")}, &out);
  core_.Step(now_, RegistryCore::Requested{2, Put(2, epoch, "k2", "v")}, &out);
  EXPECT_EQ(Persisted(out), nullptr);

  EndBatch(&out);

  ASSERT_NE(Persisted(out), nullptr);
  EXPECT_EQ(Persisted(out)->changes.size(), 2u);
}

TEST_F(RegistryCoreTest, CommitsOfOneTransactionHaveRevisionsOfTheirOwn) {
  const uint64_t epoch = Lead("a");
  std::vector<RegistryCore::Effect> out;
  core_.Step(now_, RegistryCore::Requested{1, Put(2, epoch, "k", "first")}, &out);
  core_.Step(now_, RegistryCore::Requested{1, Put(3, epoch, "k", "second")}, &out);
  EndBatch(&out);
  const auto replies = Settle(std::move(out));
  ASSERT_EQ(replies.size(), 2u);
  ASSERT_LT(replies[0].commit().revision(), replies[1].commit().revision());

  // Who wrote "first" and expects it must not overwrite "second".
  v1::Request put = Put(4, epoch, "k", "third");
  put.mutable_commit()->mutable_mutations(0)->set_expected_revision(replies[0].commit().revision());
  EXPECT_EQ(Settle(Ask(1, put)).at(0).code(), static_cast<int>(absl::StatusCode::kAborted));
}

TEST_F(RegistryCoreTest, ARefusalThatRestsOnAWriteWaitsForIt) {
  const uint64_t epoch = Lead("a");
  std::vector<RegistryCore::Effect> out;
  v1::Request create = Put(3, epoch, "k", "other");
  create.mutable_commit()->mutable_mutations(0)->set_expected_revision(0);
  core_.Step(now_, RegistryCore::Requested{1, Put(2, epoch, "k", "v")}, &out);
  core_.Step(now_, RegistryCore::Requested{1, create}, &out);
  EndBatch(&out);
  EXPECT_TRUE(Replies(out).empty());

  const auto failed =
      Step(RegistryCore::StoreFailed{Persisted(out)->token, absl::UnavailableError("io")});

  for (const auto& reply : Replies(failed))
    EXPECT_EQ(reply.code(), static_cast<int>(absl::StatusCode::kUnavailable)) << reply.id();
}

TEST_F(RegistryCoreTest, WhoGivesTheLeaseBackMayNotRenewItMeanwhile) {
  const uint64_t epoch = Lead("a");
  v1::Request release;
  release.set_id(2);
  release.mutable_release_lease()->set_epoch(epoch);
  auto releasing = Ask(1, release);
  EXPECT_NE(Replies(Ask(1, Renew(3, epoch))).at(0).code(), 0);
  EXPECT_EQ(Settle(std::move(releasing)).at(0).code(), 0);
}

// Found by the cluster simulation: the old holder went on beside the new one.
TEST_F(RegistryCoreTest, WhoIsBeingReplacedMayNotAcquireItsOldEpochAgain) {
  Lead("a");
  now_ += absl::Seconds(11);
  auto granting = Ask(2, Acquire(5, "b", 0));
  ASSERT_NE(Persisted(granting), nullptr);

  EXPECT_EQ(Replies(Ask(1, Acquire(6, "a", 0))).at(0).code(),
            static_cast<int>(absl::StatusCode::kFailedPrecondition));

  EXPECT_EQ(Settle(std::move(granting)).at(0).code(), 0);
}

TEST_F(RegistryCoreTest, CommitsSeeTheEarlierOnesOfTheirBatch) {
  const uint64_t epoch = Lead("a");
  const auto first = Ask(1, Put(1, epoch, "k", "1"));
  v1::Request expecting = Put(2, epoch, "k", "2");
  expecting.mutable_commit()->mutable_mutations(0)->set_expected_revision(2);
  v1::Request stale = Put(3, epoch, "k", "3");
  stale.mutable_commit()->mutable_mutations(0)->set_expected_revision(0);
  Ask(1, expecting);
  Ask(1, stale);

  const auto replies = Settle(first);

  ASSERT_EQ(replies.size(), 3u);
  std::map<uint64_t, int> codes;
  for (const auto& reply : replies) codes[reply.id()] = reply.code();
  EXPECT_EQ(codes[1], 0);
  EXPECT_EQ(codes[2], 0);
  EXPECT_EQ(codes[3], static_cast<int>(absl::StatusCode::kAborted));
}

TEST_F(RegistryCoreTest, RepeatingACommitIsHarmless) {
  const uint64_t epoch = Lead("a");
  v1::Request create = Put(1, epoch, "k", "1");
  create.mutable_commit()->mutable_mutations(0)->set_expected_revision(0);
  Settle(Ask(1, create));

  const auto replies = Settle(Ask(1, create));

  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(replies[0].code(), 0) << replies[0].message();
}

TEST_F(RegistryCoreTest, AnOldEpochCannotWrite) {
  const uint64_t old_epoch = Lead("a");
  now_ += absl::Seconds(11);
  const uint64_t new_epoch = Lead("b");
  EXPECT_EQ(new_epoch, old_epoch + 1);

  const auto refused = Settle(Ask(1, Put(2, old_epoch, "k", "old")));
  const auto taken = Settle(Ask(2, Put(3, new_epoch, "k", "new")));

  EXPECT_EQ(refused.at(0).code(), static_cast<int>(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(taken.at(0).code(), 0);
  EXPECT_EQ(core_.records().Find({v1::RECORD_KIND_AGENT, "k"})->bytes(), "new");
}

TEST_F(RegistryCoreTest, AWaitingCandidateIsGrantedAtExpiry) {
  const uint64_t epoch = Lead("a");
  EXPECT_TRUE(Ask(2, Acquire(5, "b", 60000)).empty());
  now_ += absl::Seconds(6);
  EXPECT_EQ(Settle(Ask(1, Renew(2, epoch))).at(0).code(), 0);
  EXPECT_EQ(core_.NextDeadline(), now_ + absl::Seconds(10));

  now_ = core_.NextDeadline();
  const auto replies = Settle(Step(runtime::Tick{}));

  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(replies[0].id(), 5u);
  EXPECT_EQ(replies[0].lease().epoch(), epoch + 1);
  EXPECT_EQ(Settle(Ask(1, Renew(3, epoch))).at(0).code(),
            static_cast<int>(absl::StatusCode::kFailedPrecondition));
}

TEST_F(RegistryCoreTest, AReleasedLeaseGoesToTheNextAtOnce) {
  const uint64_t epoch = Lead("a");
  Ask(2, Acquire(5, "b", 60000));
  v1::Request release;
  release.set_id(9);
  release.mutable_release_lease()->set_epoch(epoch);

  const auto replies = Settle(Ask(1, release));

  ASSERT_EQ(replies.size(), 2u);
  EXPECT_EQ(replies[0].id(), 9u);
  EXPECT_EQ(replies[1].id(), 5u);
  EXPECT_EQ(replies[1].lease().epoch(), epoch + 1);
}

TEST_F(RegistryCoreTest, AskingOnceNamesTheHolder) {
  Lead("a");

  const auto replies = Settle(Ask(2, Acquire(5, "b", 0)));

  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(replies[0].code(), static_cast<int>(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(replies[0].lease().candidate_id(), "a");
  EXPECT_EQ(replies[0].lease().address(), "address of a");
}

TEST_F(RegistryCoreTest, WhoAsksAgainWaitsOnceAndHearsOfIt) {
  const uint64_t epoch = Lead("a");
  EXPECT_TRUE(Ask(2, Acquire(5, "b", 60000)).empty());

  const auto replies = Replies(Ask(3, Acquire(6, "b", 60000)));

  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(replies[0].id(), 5u);
  EXPECT_EQ(replies[0].code(), static_cast<int>(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(replies[0].lease().candidate_id(), "a");
  now_ = core_.lease().expiry();
  const auto granted = Settle(Step(runtime::Tick{}));
  ASSERT_EQ(granted.size(), 1u);
  EXPECT_EQ(granted[0].id(), 6u);
  EXPECT_EQ(granted[0].lease().epoch(), epoch + 1);
}

TEST_F(RegistryCoreTest, WhoseGrantIsBeingWrittenCountsAmongThoseWhoWait) {
  options_.waiters_max = 1;
  Restart();
  const auto written = Ask(1, Acquire(1, "a", 0));

  EXPECT_EQ(Replies(Ask(2, Acquire(2, "b", 60000))).at(0).code(),
            static_cast<int>(absl::StatusCode::kResourceExhausted));
  Step(RegistryCore::StoreFailed{Persisted(written)->token, absl::UnavailableError("away")});
  now_ += options_.store_retry_interval;
  EXPECT_EQ(Settle(Step(runtime::Tick{})).at(0).id(), 1u);
}

TEST_F(RegistryCoreTest, AFullQueueIsWaitedForInPeace) {
  options_.queued_writes_max = 1;
  Restart();
  const uint64_t epoch = Lead("a");
  EXPECT_TRUE(Ask(2, Acquire(5, "b", 60000)).empty());
  const auto written = Ask(1, Put(2, epoch, "one", "x"));
  EXPECT_TRUE(Ask(1, Put(3, epoch, "two", "x")).empty());
  now_ = core_.lease().expiry();
  Step(runtime::Tick{});

  // The lease is free, but its grant has no place in the queue until the store has answered.
  EXPECT_GT(core_.NextDeadline(), now_);
  EXPECT_EQ(Settle(written).size(), 3u);
  EXPECT_EQ(core_.lease().epoch(), epoch + 1);
}

TEST_F(RegistryCoreTest, AWaitThatRunsOutSaysSo) {
  Lead("a");
  Ask(2, Acquire(5, "b", 3000));
  now_ = core_.NextDeadline();

  const auto replies = Settle(Step(runtime::Tick{}));

  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(replies[0].code(), static_cast<int>(absl::StatusCode::kDeadlineExceeded));
}

TEST_F(RegistryCoreTest, ARestartKeepsTheRecordsAndThePromiseOfTheLease) {
  const uint64_t epoch = Lead("a");
  Settle(Ask(1, Put(2, epoch, "k", "v")));
  now_ += absl::Seconds(9);
  Settle(Ask(1, Renew(3, epoch)));  // promised until now + 10 s; not written anywhere
  Restart();

  EXPECT_EQ(core_.records().Find({v1::RECORD_KIND_AGENT, "k"})->bytes(), "v");
  EXPECT_TRUE(Ask(2, Acquire(5, "b", 60000)).empty());
  EXPECT_EQ(Settle(Ask(1, Renew(4, epoch))).at(0).code(), 0) << "the holder goes on";
  EXPECT_GE(core_.NextDeadline(), now_ + absl::Seconds(10));
}

TEST_F(RegistryCoreTest, ListingIsOrderedAndComesInParts) {
  const uint64_t epoch = Lead("a");
  options_.list_part_bytes = 1;
  for (const char* name : {"c", "a", "b"}) Settle(Ask(1, Put(2, epoch, name, "v")));
  Restart();
  v1::Request list;
  list.set_id(9);
  list.mutable_list()->add_kinds(v1::RECORD_KIND_AGENT);

  const auto replies = Replies(Ask(1, list));

  ASSERT_EQ(replies.size(), 3u);
  EXPECT_EQ(replies[0].list().records(0).key().name(), "a");
  EXPECT_EQ(replies[2].list().records(0).key().name(), "c");
  EXPECT_FALSE(replies[1].list().last());
  EXPECT_TRUE(replies[2].list().last());
  list.mutable_list()->set_kinds(0, v1::RECORD_KIND_FRAMEWORK);
  ASSERT_EQ(Replies(Ask(1, list)).size(), 1u) << "an empty listing is one empty part";
}

TEST_F(RegistryCoreTest, BadRequestsNameTheirField) {
  const uint64_t epoch = Lead("a");
  const auto message = [&](v1::Request request) {
    const auto replies = Settle(Ask(1, std::move(request)));
    EXPECT_EQ(replies.size(), 1u);
    EXPECT_EQ(replies.at(0).code(), static_cast<int>(absl::StatusCode::kInvalidArgument));
    return replies.at(0).message();
  };
  EXPECT_TRUE(absl::StrContains(message(v1::Request()), "body"));
  EXPECT_TRUE(absl::StrContains(message(Put(1, epoch, "", "v")), "key.name"));
  EXPECT_TRUE(absl::StrContains(message(Put(1, epoch, "k", std::string(2 << 20, 'x'))), "put"));
  v1::Request lease = Put(1, epoch, "leader", "v");
  lease.mutable_commit()->mutable_mutations(0)->mutable_key()->set_kind(v1::RECORD_KIND_LEASE);
  EXPECT_TRUE(absl::StrContains(message(lease), "lease requests only"));
  v1::Request twice = Put(1, epoch, "k", "v");
  *twice.mutable_commit()->add_mutations() = twice.commit().mutations(0);
  EXPECT_TRUE(absl::StrContains(message(twice), "twice"));
  v1::Request short_lease = Acquire(1, "b", 0);
  short_lease.mutable_acquire_lease()->set_ttl_ms(1);
  EXPECT_TRUE(absl::StrContains(message(short_lease), "ttl_ms"));
  EXPECT_TRUE(absl::StrContains(message(Acquire(1, "", 0)), "candidate_id"));
  EXPECT_TRUE(absl::StrContains(message(AcquireWon(1, "b", 0)), "acquire_lease.won"));
  EXPECT_TRUE(absl::StrContains(message(AcquireWon(1, "b", 1, "")), "acquire_lease.won"));
}

TEST_F(RegistryCoreTest, RandomLivesNeverHaveTwoHoldersOrLoseAnAcknowledgedWrite) {
  // Property: whatever is asked, in whatever order, with restarts and a failing store: acknowledged
  // writes are found after a restart, epochs only grow, and a holder's promised time is kept.
  Rng rng(20261121);
  std::map<std::string, std::string> acknowledged;
  uint64_t highest_epoch = 0;
  absl::Time promised_until = absl::InfinitePast();
  std::string holder;
  uint64_t holder_epoch = 0;
  for (int i = 0; i < 20000; ++i) {
    // Mostly small steps; now and then the holder is silent for longer than its lease.
    now_ += rng.Chance(0.02) ? absl::Seconds(11) : absl::Milliseconds(rng.Uniform(0, 400));
    const std::string candidate = absl::StrCat("m", rng.Uniform(0, 2));
    std::vector<v1::Response> replies;
    const std::string name = absl::StrCat("k", rng.Uniform(0, 9)), value = absl::StrCat(i);
    switch (rng.Uniform(0, 9)) {
      case 0:
        Restart();
        break;
      case 1:
      case 2:
        replies = Settle(Ask(1, Acquire(1, candidate, 0)));
        if (!replies.empty() && replies[0].code() == 0) {
          EXPECT_GE(replies[0].lease().epoch(), highest_epoch);
          if (candidate != holder && !holder.empty()) {
            EXPECT_GE(now_, promised_until) << "granted over the head of " << holder;
          }
          holder = candidate;
          holder_epoch = highest_epoch = replies[0].lease().epoch();
          promised_until = now_ + absl::Seconds(10);
        }
        break;
      case 3:
        replies = Settle(Ask(1, Renew(1, holder_epoch)));
        if (!replies.empty() && replies[0].code() == 0) promised_until = now_ + absl::Seconds(10);
        break;
      case 4: {
        auto effects = Ask(1, Put(1, highest_epoch, name, value));
        if (const auto* persist = Persisted(effects)) {
          effects = Step(RegistryCore::StoreFailed{persist->token, absl::UnavailableError("io")});
          for (const auto& reply : Replies(effects)) EXPECT_NE(reply.code(), 0);
        }
        break;
      }
      case 5:
        Settle(Step(runtime::Tick{}));
        break;
      default:
        replies = Settle(Ask(1, Put(1, highest_epoch, name, value)));
        if (!replies.empty() && replies[0].code() == 0) acknowledged[name] = value;
    }
  }
  Restart();
  for (const auto& [name, value] : acknowledged) {
    ASSERT_NE(core_.records().Find({v1::RECORD_KIND_AGENT, name}), nullptr) << name;
    EXPECT_EQ(core_.records().Find({v1::RECORD_KIND_AGENT, name})->bytes(), value);
  }
  EXPECT_GT(highest_epoch, 5u) << "the walk changed leaders";
  EXPECT_GT(acknowledged.size(), 5u);
}

}  // namespace
}  // namespace meros::registry
