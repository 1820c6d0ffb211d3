#include "libs/simulation/seeds.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/config/flag_set.h"
#include "libs/runtime/random_seed.h"

namespace meros::simulation {
namespace {

// What the signal handler writes; filled before each seed.
char last_words[512];

void WriteLastWords(int signal_number) {
  // Best effort: the process is dying.
  (void)!write(STDERR_FILENO, last_words, strnlen(last_words, sizeof(last_words)));
  raise(signal_number);  // SA_RESETHAND: now with the default action
}

void InstallLastWords() {
  struct sigaction action = {};
  action.sa_handler = &WriteLastWords;
  action.sa_flags = SA_RESETHAND;
  for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE}) sigaction(number, &action, nullptr);
}

std::string ReplayLine(const SeedOptions& options, uint64_t seed) {
  return absl::StrCat("replay with: ", options.replay_command, seed, "\n");
}

// Runs one seed once or twice into `summary`.
void RunSeed(const SeedOptions& options, const Scenario& scenario, uint64_t seed, bool is_twice,
             SeedSummary* summary) {
  snprintf(last_words, sizeof(last_words), "\nsimulation: seed %llu ended the process\n%s",
           static_cast<unsigned long long>(seed), ReplayLine(options, seed).c_str());
  const SeedResult result = scenario(seed);
  ++summary->seeds;
  summary->events += result.events;
  if (!result.status.ok()) {
    summary->is_ok = false;
    summary->failure =
        absl::StrCat(result.report, "seed ", seed, " failed: ", result.status.ToString(), "\n",
                     ReplayLine(options, seed));
    return;
  }
  if (!is_twice) return;
  ++summary->run_twice;
  const SeedResult again = scenario(seed);
  if (again.hash != result.hash || again.events != result.events) {
    summary->is_ok = false;
    summary->failure =
        absl::StrCat("seed ", seed, " is not deterministic: hash ", absl::Hex(result.hash),
                     " over ", result.events, " events, then ", absl::Hex(again.hash), " over ",
                     again.events, "\n", ReplayLine(options, seed));
  }
}

int Replay(const SeedOptions& options, const Scenario& scenario, uint64_t seed) {
  SeedSummary summary;
  RunSeed(options, scenario, seed, /*is_twice=*/true, &summary);
  const SeedResult shown = scenario(seed);
  printf("%s%sseed %llu: %s, hash %016llx, %llu events\n", shown.report.c_str(),
         summary.failure.c_str(), static_cast<unsigned long long>(seed),
         summary.is_ok ? "ok" : "FAILED", static_cast<unsigned long long>(shown.hash),
         static_cast<unsigned long long>(shown.events));
  return summary.is_ok ? 0 : 1;
}

// Fails the run if it was long enough for every probe, and one was never met.
void CheckProbes(const SeedOptions& options, SeedSummary* summary) {
  if (!summary->is_ok || summary->seeds < options.probes_after) return;
  const std::vector<std::string> missing = options.probes->Missing();
  if (missing.empty()) return;
  summary->is_ok = false;
  summary->failure =
      absl::StrCat("never met in ", summary->seeds, " seeds: ", absl::StrJoin(missing, "; "), "\n");
}

// One number a line; `#` starts a comment.
std::vector<uint64_t> ReadCorpus(const std::string& path) {
  std::vector<uint64_t> seeds;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    uint64_t seed = 0;
    if (absl::SimpleAtoi(line.substr(0, line.find('#')), &seed)) seeds.push_back(seed);
  }
  return seeds;
}

}  // namespace

SeedSummary RunSeeds(const SeedOptions& options, const Scenario& scenario) {
  SeedSummary summary;
  for (const uint64_t seed : options.corpus) {
    RunSeed(options, scenario, seed, /*is_twice=*/true, &summary);
    if (!summary.is_ok) return summary;
  }
  const absl::Time deadline = options.clock->Now() + options.limit;
  for (uint64_t n = 0; n < options.seeds_max && options.clock->Now() < deadline; ++n) {
    RunSeed(options, scenario, options.first_seed + n, n % options.twice_every == 0, &summary);
    if (!summary.is_ok) return summary;
  }
  CheckProbes(options, &summary);
  return summary;
}

int SeedsMain(int argc, char** argv, const std::string& name, const Scenario& scenario) {
  int64_t seed = 0;
  int64_t first_seed = 0;
  int64_t seeds = 0;
  int64_t probes_after = static_cast<int64_t>(SeedOptions().probes_after);
  absl::Duration time = absl::ZeroDuration();
  std::string corpus;
  config::FlagSet flags(name, "Deterministic simulation over seeds.");
  flags.Add(&seed, {.name = "seed", .help = "Run this seed alone and show its trace; 0 for none."});
  flags.Add(&first_seed, {.name = "first_seed", .help = "Start here; 0 draws a start."});
  flags.Add(&seeds,
            {.name = "seeds", .help = "Fresh seeds at most; 0 for as many as the time allows."});
  flags.Add(&time, {.name = "time",
                    .help = "Real time to spend on fresh seeds; 0s for as long as --seeds take, "
                            "or a minute."});
  flags.Add(&probes_after,
            {.name = "probes_after",
             .help = "So many seeds or more must meet every probe; 0 for any number."});
  flags.Add(&corpus,
            {.name = "corpus", .help = "File of seeds that once failed, one a line; run first."});
  config::ParseOrExit(argc, argv, &flags);

  InstallLastWords();
  SeedOptions options = {.replay_command = absl::StrCat(argv[0], " --seed=")};
  if (seed != 0) return Replay(options, scenario, static_cast<uint64_t>(seed));
  // 31 bits: short enough to read out.
  options.first_seed =
      first_seed != 0 ? static_cast<uint64_t>(first_seed) : 1 + (runtime::RandomSeed() >> 33);
  if (seeds > 0) options.seeds_max = static_cast<uint64_t>(seeds);
  if (time == absl::ZeroDuration()) {
    time = seeds > 0 ? absl::InfiniteDuration() : absl::Seconds(60);
  }
  options.limit = time;
  options.probes_after = static_cast<uint64_t>(probes_after);
  options.corpus = corpus.empty() ? std::vector<uint64_t>() : ReadCorpus(corpus);
  const SeedSummary summary = RunSeeds(options, scenario);
  printf("%sprobes:\n%smeros-%s: %llu seeds from %llu, %llu of them twice, %llu events: %s\n",
         summary.failure.c_str(), Probes::OfProcess().Report().c_str(), name.c_str(),
         static_cast<unsigned long long>(summary.seeds),
         static_cast<unsigned long long>(options.first_seed),
         static_cast<unsigned long long>(summary.run_twice),
         static_cast<unsigned long long>(summary.events), summary.is_ok ? "ok" : "FAILED");
  return summary.is_ok ? 0 : 1;
}

}  // namespace meros::simulation
