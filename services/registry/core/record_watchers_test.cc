// Goal: watchers are told what there is and every durable commit after it, in order, without gap
// and nothing else; whoever cannot be is told so and ended, without harm to others. Method: as
// registry_core_test.cc; the test reads for the watchers.
#include "services/registry/core/record_watchers.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "services/registry/core/test_core.h"

namespace meros::registry {
namespace {

using Effects = std::vector<RegistryCore::Effect>;

class RecordWatching : public RegistryCoreTest {
 protected:
  static v1::WatchRequest From(uint64_t after, std::vector<v1::RecordKind> kinds = {}) {
    v1::WatchRequest request;
    request.set_after_revision(after);
    for (const v1::RecordKind kind : kinds) request.add_kinds(kind);
    return request;
  }
  Effects Watch(StreamId watch, const v1::WatchRequest& request) {
    return Step(RegistryCore::WatchAsked{watch, request});
  }
  Effects Read(StreamId watch, size_t bytes) { return Step(RegistryCore::WatchRead{watch, bytes}); }

  // "3: +1/x=v -1/y last", a line a response.
  static std::string Line(const v1::WatchResponse& response) {
    std::string line = absl::StrCat(response.revision(), ":");
    for (const v1::RecordChange& change : response.changes()) {
      const v1::RecordKey& key = change.has_record() ? change.record().key() : change.removed();
      absl::StrAppend(&line, change.has_record() ? " +" : " -", key.kind(), "/", key.name());
      if (change.has_record() && key.kind() != v1::RECORD_KIND_LEASE) {
        absl::StrAppend(&line, "=", change.record().value());
      }
    }
    return line + (response.last() ? " last" : "");
  }
  static std::vector<std::string> Told(const Effects& effects, StreamId watch) {
    std::vector<std::string> lines;
    for (const auto& effect : effects) {
      const auto* tell = std::get_if<TellWatcher>(&effect);
      if (tell != nullptr && tell->watch == watch) lines.push_back(Line(*tell->response));
    }
    return lines;
  }
  // Of the watch that ended; OK: none did.
  static absl::Status Ended(const Effects& effects, StreamId watch) {
    for (const auto& effect : effects) {
      const auto* end = std::get_if<EndWatch>(&effect);
      if (end != nullptr && end->watch == watch) return end->status;
    }
    return absl::OkStatus();
  }

  // All effects until the store has everything.
  Effects Write(Effects effects) {
    Effects all = effects;
    while (const auto* persist = Persisted(effects)) {
      disk_.revision = persist->revision;
      for (const StoreChange& change : persist->changes) durable_[change.key] = change.value;
      effects = Step(RegistryCore::StoreCommitted{persist->token});
      all.insert(all.end(), effects.begin(), effects.end());
    }
    return all;
  }
  Effects Put(const std::string& name, const std::string& value) {
    return Write(Ask(1, RegistryCoreTest::Put(9, epoch_, name, value)));
  }
  Effects Change(const std::vector<v1::Mutation>& mutations) {
    v1::Request request;
    request.set_id(9);
    request.mutable_commit()->set_epoch(epoch_);
    for (const v1::Mutation& mutation : mutations) {
      *request.mutable_commit()->add_mutations() = mutation;
    }
    return Write(Ask(1, request));
  }
  static v1::Mutation Mutation(v1::RecordKind kind, const std::string& name,
                               const std::optional<std::string>& value) {
    v1::Mutation mutation;
    mutation.mutable_key()->set_kind(kind);
    mutation.mutable_key()->set_name(name);
    value.has_value() ? mutation.set_put(*value) : mutation.set_remove(true);
    return mutation;
  }
  // With other options. The lease is revision 1.
  void Begin() {
    core_ = RegistryCore(options_, {}, now_);
    epoch_ = Lead("a");
  }
  void SetUp() override { Begin(); }

  uint64_t epoch_ = 0;
};

using Lines = std::vector<std::string>;

TEST_F(RecordWatching, EverythingThereIsComesFirstThenEachCommit) {
  Put("x", "1");
  Put("y", "2");

  EXPECT_EQ(Told(Watch(7, From(0)), 7), Lines({"3: +1/x=1 +1/y=2 +8/leader last"}));
  EXPECT_EQ(Told(Put("x", "3"), 7), Lines({"4: +1/x=3 last"}));
  EXPECT_EQ(Told(Change({Mutation(v1::RECORD_KIND_ROLE, "r", "4"),
                         Mutation(v1::RECORD_KIND_AGENT, "y", std::nullopt),
                         Mutation(v1::RECORD_KIND_AGENT, "a", "5")}),
                 7),
            Lines({"5: +1/a=5 -1/y +10/r=4 last"}))
      << "ordered by key, whatever the order of the mutations";
  EXPECT_TRUE(Told(Put("x", "3"), 7).empty()) << "it changed nothing";
}

TEST_F(RecordWatching, AnEmptyRegistryIsToldToo) {
  core_ = RegistryCore(options_, {}, now_);
  EXPECT_EQ(Told(Watch(7, From(0)), 7), Lines({"0: last"}));
  EXPECT_EQ(Told(Watch(8, From(0, {v1::RECORD_KIND_ROLE})), 8), Lines({"0: last"}));
}

TEST_F(RecordWatching, WhatIsLargeComesInParts) {
  options_.list_part_bytes = 20;
  Begin();
  Change({Mutation(v1::RECORD_KIND_AGENT, "x", "1"), Mutation(v1::RECORD_KIND_AGENT, "y", "2"),
          Mutation(v1::RECORD_KIND_ROLE, "r", "3")});

  EXPECT_EQ(Told(Watch(7, From(0, {v1::RECORD_KIND_AGENT})), 7),
            Lines({"2: +1/x=1", "2: +1/y=2 last"}))
      << "the last part is known by what is wanted";
  EXPECT_EQ(Told(Watch(8, From(1)), 8), Lines({"2: +1/x=1", "2: +1/y=2", "2: +10/r=3 last"}));
}

TEST_F(RecordWatching, OnlyWantedKindsAreToldAndCommitsWithoutThemAreNot) {
  Watch(7, From(0, {v1::RECORD_KIND_ROLE, v1::RECORD_KIND_AGENT, v1::RECORD_KIND_ROLE}));
  Watch(8, From(0, {v1::RECORD_KIND_ROLE}));
  const Effects agent = Put("x", "1");
  EXPECT_EQ(Told(agent, 7), Lines({"2: +1/x=1 last"}));
  EXPECT_TRUE(Told(agent, 8).empty());
  const Effects both =
      Change({Mutation(v1::RECORD_KIND_AGENT, "x", "2"), Mutation(v1::RECORD_KIND_ROLE, "r", "3")});
  EXPECT_EQ(Told(both, 7), Lines({"3: +1/x=2 +10/r=3 last"}));
  EXPECT_EQ(Told(both, 8), Lines({"3: +10/r=3 last"}));
}

TEST_F(RecordWatching, WhoWantsNothingOfWhatIsCommittedIsToldTheRevisionFromTimeToTime) {
  options_.watch_silent_commits_max = 3;
  Begin();
  Watch(7, From(0, {v1::RECORD_KIND_ROLE}));  // at revision 1
  EXPECT_TRUE(Told(Put("x", "1"), 7).empty());
  EXPECT_TRUE(Told(Put("x", "2"), 7).empty());
  EXPECT_EQ(Told(Put("x", "3"), 7), Lines({"4: last"}));
  EXPECT_TRUE(Told(Put("x", "4"), 7).empty());
  EXPECT_EQ(Told(Change({Mutation(v1::RECORD_KIND_ROLE, "r", "1")}), 7),
            Lines({"6: +10/r=1 last"}));
  EXPECT_TRUE(Told(Put("x", "5"), 7).empty()) << "counted from what it was told last";
}

TEST_F(RecordWatching, TheLeaseIsARecordAsInListings) {
  Watch(7, From(0, {v1::RECORD_KIND_LEASE}));
  v1::Request release;
  release.mutable_release_lease()->set_epoch(epoch_);
  EXPECT_EQ(Told(Write(Ask(1, release)), 7), Lines({"2: +8/leader last"}));
  EXPECT_EQ(Told(Write(Ask(2, Acquire(1, "b", 0))), 7), Lines({"3: +8/leader last"}));
  EXPECT_TRUE(Told(Write(Ask(2, Renew(1, epoch_ + 1))), 7).empty()) << "is not durable";
}

TEST_F(RecordWatching, NothingIsToldBeforeItIsDurableNorIfItNeverIs) {
  Watch(7, From(0));
  const Effects asked = Ask(1, RegistryCoreTest::Put(2, epoch_, "x", "1"));
  ASSERT_NE(Persisted(asked), nullptr);
  EXPECT_TRUE(Told(asked, 7).empty());
  EXPECT_EQ(Told(Watch(8, From(0, {v1::RECORD_KIND_AGENT})), 8), Lines({"1: last"}));

  const Effects failed =
      Step(RegistryCore::StoreFailed{Persisted(asked)->token, absl::UnavailableError("io")});
  EXPECT_TRUE(Told(failed, 7).empty());
  now_ = core_.NextDeadline();
  EXPECT_TRUE(Told(Write(Step(runtime::Tick{})), 7).empty()) << "a probe changes nothing";

  // Revision 2 was the probe's.
  const Effects put = Put("y", "1");
  EXPECT_EQ(Told(put, 7), Lines({"3: +1/y=1 last"}));
  EXPECT_EQ(Told(put, 8), Lines({"3: +1/y=1 last"}));
}

TEST_F(RecordWatching, EachCommitOfATransactionIsTold) {
  Watch(7, From(0));
  Effects first = Ask(1, RegistryCoreTest::Put(2, epoch_, "x", "1"));
  for (int i = 2; i <= 4; ++i) {
    Ask(1, RegistryCoreTest::Put(i, epoch_, "x", absl::StrCat(i)));
  }
  EXPECT_EQ(Told(Write(std::move(first)), 7),
            Lines({"2: +1/x=1 last", "3: +1/x=2 last", "4: +1/x=3 last", "5: +1/x=4 last"}));
}

TEST_F(RecordWatching, WhoComesBackIsToldWhatItMissed) {
  for (int i = 2; i <= 5; ++i) Put("x", absl::StrCat(i));  // at that revision
  Change({Mutation(v1::RECORD_KIND_ROLE, "r", "6")});

  EXPECT_EQ(Told(Watch(7, From(3)), 7),
            Lines({"4: +1/x=4 last", "5: +1/x=5 last", "6: +10/r=6 last"}));
  EXPECT_EQ(Told(Watch(8, From(3, {v1::RECORD_KIND_ROLE})), 8), Lines({"6: +10/r=6 last"}));
  const Effects present = Watch(9, From(6));
  EXPECT_TRUE(present.empty()) << "nothing was missed";
  const Effects put = Put("x", "7");
  for (const StreamId watch : {7, 9}) EXPECT_EQ(Told(put, watch), Lines({"7: +1/x=7 last"}));
}

TEST_F(RecordWatching, WhatIsForgottenOrYetToComeIsOutOfRange) {
  options_.watch_ring_changes_max = 3;
  Begin();
  for (int i = 2; i <= 10; ++i) Put("x", absl::StrCat(i));
  EXPECT_EQ(Told(Watch(7, From(7)), 7).size(), 3u);
  EXPECT_TRUE(absl::IsOutOfRange(Ended(Watch(8, From(6)), 8)));
  EXPECT_TRUE(absl::IsOutOfRange(Ended(Watch(8, From(11)), 8)));
  EXPECT_EQ(core_.record_watchers(), 1u);

  options_.watch_ring_changes_max = 1000;
  options_.watch_ring_bytes_max = 3000;
  Begin();
  for (int i = 2; i <= 10; ++i) Put("x", absl::StrCat(std::string(1000, 'v'), i));
  EXPECT_EQ(Told(Watch(7, From(8)), 7).size(), 2u);
  EXPECT_TRUE(absl::IsOutOfRange(Ended(Watch(8, From(7)), 8)));
}

TEST_F(RecordWatching, AfterARestartOnlyThePresentRevisionCanBeGoneOnAfter) {
  Put("x", "1");
  Put("x", "2");
  Restart();

  EXPECT_TRUE(absl::IsOutOfRange(Ended(Watch(7, From(2)), 7)));
  EXPECT_TRUE(Watch(7, From(3)).empty());
  EXPECT_EQ(Told(Put("x", "4"), 7), Lines({"4: +1/x=4 last"}));
}

TEST_F(RecordWatching, WhoDoesNotOwnTheStoreEndsWatchesAndBeginsNone) {
  Step(RegistryCore::StoreOwned{now_ + absl::Seconds(5)});
  Watch(7, From(0));
  Watch(8, From(0, {v1::RECORD_KIND_ROLE}));
  now_ += absl::Seconds(4);
  Step(RegistryCore::StoreOwned{now_ + absl::Seconds(5)});
  EXPECT_EQ(core_.NextDeadline(), now_ + absl::Seconds(5));
  now_ += absl::Seconds(5);

  const Effects ended = Step(runtime::Tick{});

  for (const StreamId watch : {7, 8}) EXPECT_TRUE(absl::IsUnavailable(Ended(ended, watch)));
  EXPECT_GT(core_.NextDeadline(), now_) << "there is nothing left to end";
  EXPECT_TRUE(absl::IsUnavailable(Ended(Watch(9, From(0)), 9)));
  Step(RegistryCore::StoreOwned{now_ + absl::Seconds(5)});
  EXPECT_EQ(Told(Watch(9, From(0)), 9).size(), 1u);
}

TEST_F(RecordWatching, KindsThatAreNoneAreNamed) {
  const auto unknown =
      Ended(Watch(7, From(0, {v1::RECORD_KIND_AGENT, static_cast<v1::RecordKind>(77)})), 7);
  EXPECT_TRUE(absl::IsInvalidArgument(unknown));
  EXPECT_TRUE(absl::StrContains(unknown.message(), "kinds[1]")) << unknown;
  const auto none = Ended(Watch(7, From(0, {v1::RECORD_KIND_UNSPECIFIED})), 7);
  EXPECT_TRUE(absl::StrContains(none.message(), "kinds[0]")) << none;
  EXPECT_EQ(core_.record_watchers(), 0u);
}

TEST_F(RecordWatching, OnlySoManyMayWatchAndWhoGoesLeavesItsPlace) {
  options_.record_watchers_max = 2;
  Begin();
  Watch(7, From(0));
  Watch(8, From(0));
  EXPECT_TRUE(absl::IsResourceExhausted(Ended(Watch(9, From(0)), 9)));

  Step(RegistryCore::WatchClosed{7});
  Step(RegistryCore::WatchClosed{7});

  EXPECT_EQ(Told(Watch(10, From(0)), 10).size(), 1u);
  const Effects put = Put("x", "1");
  EXPECT_TRUE(Told(put, 7).empty());
  EXPECT_EQ(Told(put, 8).size(), 1u);
}

TEST_F(RecordWatching, WhoDoesNotReadIsToldMoreOnlyWhenItHasRead) {
  options_.list_part_bytes = 150;
  options_.watch_unread_bytes_max = 300;
  Begin();
  for (int i = 2; i <= 11; ++i) Put(absl::StrCat("x", i), std::string(100, 'v'));

  const size_t shown = Told(Watch(7, From(0, {v1::RECORD_KIND_AGENT})), 7).size();
  EXPECT_EQ(shown, 3u) << "parts of 124 bytes, until 300 are on the way";
  EXPECT_TRUE(Told(Put("x2", "new"), 7).empty());
  EXPECT_TRUE(Told(Read(7, 50), 7).empty()) << "still 322";
  Lines told;
  for (int i = 0; i < 10; ++i) {
    for (std::string& line : Told(Read(7, 1000), 7)) told.push_back(std::move(line));
  }
  ASSERT_EQ(told.size(), 8u);
  EXPECT_TRUE(absl::StartsWith(told[6], "11: +1/x9=v")) << "the records of when it began";
  EXPECT_TRUE(absl::EndsWith(told[6], " last"));
  EXPECT_EQ(told[7], "12: +1/x2=new last") << "and then what came meanwhile";
}

TEST_F(RecordWatching, WhoReadsTooSlowlyIsEndedAndNobodyElse) {
  options_.watch_unread_bytes_max = 20;
  options_.watch_ring_changes_max = 4;
  Begin();
  Watch(7, From(1));  // never reads
  Watch(8, From(1));
  Watch(9, From(1, {v1::RECORD_KIND_ROLE}));  // has nothing to read
  Effects ended;
  for (int i = 2; i <= 20; ++i) {
    Effects put = Put("x", absl::StrCat(i));
    EXPECT_EQ(Told(put, 8).size(), 1u) << i;
    Read(8, 1000);
    if (!Ended(put, 7).ok()) {
      EXPECT_TRUE(ended.empty()) << "twice";
      ended = std::move(put);
    }
  }
  EXPECT_TRUE(absl::IsResourceExhausted(Ended(ended, 7)));
  EXPECT_TRUE(std::any_of(ended.begin(), ended.end(), [](const RegistryCore::Effect& effect) {
    const auto* end = std::get_if<EndWatch>(&effect);
    return end != nullptr && end->is_overrun;
  }));
  EXPECT_EQ(core_.record_watchers(), 2u);
}

TEST_F(RecordWatching, ACommitLargerThanTheRingEndsNobodyWhoReads) {
  options_.watch_ring_changes_max = 2;
  Begin();
  Watch(7, From(0));
  std::vector<v1::Mutation> many;
  for (int i = 0; i < 10; ++i) {
    many.push_back(Mutation(v1::RECORD_KIND_AGENT, absl::StrCat("x", i), "v"));
  }
  EXPECT_EQ(Told(Change(many), 7).size(), 1u);
  EXPECT_EQ(Told(Put("x", "1"), 7).size(), 1u);
}

TEST_F(RecordWatching, WhoWantTheSameShareWhatTheyAreTold) {
  for (const StreamId watch : {7, 8}) Watch(watch, From(0));
  const Effects put = Put("x", "1");
  std::vector<const v1::WatchResponse*> told;
  for (const auto& effect : put) {
    if (const auto* tell = std::get_if<TellWatcher>(&effect)) told.push_back(tell->response.get());
  }
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0], told[1]);
}

}  // namespace
}  // namespace meros::registry
