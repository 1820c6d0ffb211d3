// Goal: failures and nondeterminism are reported with what replays them.
#include "libs/simulation/seeds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/simulation/probes.h"

namespace meros::simulation {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

SeedOptions Options() {
  return {.replay_command = "./sim --seed=", .seeds_max = 16, .twice_every = 8};
}

TEST(RunSeeds, RunsCorpusAndFreshSeedsSomeTwice) {
  std::vector<uint64_t> ran;
  SeedOptions options = Options();
  options.corpus = {77};
  options.seeds_max = 2;

  const SeedSummary summary = RunSeeds(options, [&](uint64_t seed) {
    ran.push_back(seed);
    return SeedResult{.status = absl::OkStatus(), .hash = seed, .events = 1, .report = ""};
  });

  EXPECT_TRUE(summary.is_ok);
  EXPECT_THAT(ran, ElementsAre(77, 77, 1, 1, 2));
  EXPECT_EQ(summary.seeds, 3u);
  EXPECT_EQ(summary.run_twice, 2u);
}

TEST(RunSeeds, AFailureTellsHowToSeeItAgain) {
  const SeedSummary summary = RunSeeds(Options(), [](uint64_t seed) {
    return SeedResult{.status = seed == 5 ? absl::InternalError("lost a task") : absl::OkStatus(),
                      .hash = 0,
                      .events = 0,
                      .report = "the last events\n"};
  });

  EXPECT_FALSE(summary.is_ok);
  EXPECT_EQ(summary.seeds, 5u);
  EXPECT_EQ(summary.failure,
            "the last events\nseed 5 failed: INTERNAL: lost a task\nreplay with: ./sim --seed=5\n");
}

TEST(RunSeeds, ADifferentHashIsAFailure) {
  uint64_t runs = 0;

  const SeedSummary summary = RunSeeds(Options(), [&](uint64_t) {
    return SeedResult{.status = absl::OkStatus(), .hash = ++runs, .events = 3, .report = ""};
  });

  EXPECT_FALSE(summary.is_ok);
  EXPECT_THAT(summary.failure, HasSubstr("seed 1 is not deterministic"));
}

TEST(RunSeeds, ALongRunThatNeverMetAProbeFails) {
  Probes probes;
  *probes.Expect("met") = 1;
  probes.Expect("an agent flies");
  SeedOptions options = Options();
  options.probes = &probes;
  const auto scenario = [](uint64_t) { return SeedResult{}; };

  options.probes_after = 17;
  const SeedSummary is_short = RunSeeds(options, scenario);
  options.probes_after = 16;
  const SeedSummary is_long = RunSeeds(options, scenario);

  EXPECT_TRUE(is_short.is_ok);
  EXPECT_FALSE(is_long.is_ok);
  EXPECT_EQ(is_long.failure, "never met in 16 seeds: an agent flies\n");
}

TEST(Probes, TellWhatWasNeverMet) {
  Probes probes;
  ++*probes.Expect("met");
  probes.Expect("met");
  probes.Expect("never met");

  EXPECT_THAT(probes.Missing(), ElementsAre("never met"));
  EXPECT_THAT(probes.Report(), HasSubstr("         1  met\n"));
}

void NeverCalled() { Sometimes<"a place that never runs">(true); }

TEST(Probes, AreKnownAlsoIfTheirPlaceNeverRuns) {
  void (*volatile unused)() = &NeverCalled;
  ASSERT_NE(unused, nullptr);

  Sometimes<"a place that runs">(false);
  EXPECT_THAT(Probes::OfProcess().Missing(),
              ElementsAre("a place that never runs", "a place that runs"));

  Sometimes<"a place that runs">(true);
  EXPECT_THAT(Probes::OfProcess().Missing(), ElementsAre("a place that never runs"));
}

}  // namespace
}  // namespace meros::simulation
