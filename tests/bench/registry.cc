// registry, registry-zk: durable commits per second of the real registry, one pipelined session, on
// SQLite and on a ZooKeeper ensemble of three servers.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <string>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/coordination/zookeeper.h"
#include "libs/testing/process.h"
#include "libs/testing/temp_dir.h"
#include "libs/testing/zookeeper_ensemble.h"
#include "tests/bench/benchmark.h"
#include "tests/bench/commit_load.h"

namespace meros::bench {
namespace {

using coordination::ZooKeeper;

struct Shape {
  double seconds = 0;
  size_t outstanding = 0;
  size_t value_bytes = 0;
};

Shape ShapeOf(Options* options, size_t outstanding) {
  return {options->Get("seconds", 5),
          static_cast<size_t>(options->Get("outstanding", static_cast<double>(outstanding))),
          static_cast<size_t>(options->Get("value_bytes", 300))};
}

// Of a registry on this store; what it says about itself is for the caller.
absl::StatusOr<Report> MeasureCommits(const Shape& shape, const std::string& store,
                                      const std::string& directory) {
  MEROS_ASSIGN_OR_RETURN(
      auto registry, testing::Process::Start({.name = "registry",
                                              .program = testing::BinaryPath("meros-registry"),
                                              .arguments = {"--address=127.0.0.1:0", "--insecure",
                                                            "--metrics_port=0", "--store=" + store},
                                              .log_dir = directory}));
  MEROS_RETURN_IF_ERROR(registry->WaitReady(absl::Seconds(30)));
  Report report;
  report.fdatasync_p50_ms = MeasureFdatasync(directory);
  CommitLoad load(shape.outstanding, shape.value_bytes);
  MEROS_RETURN_IF_ERROR(load.Start(registry->address()));
  if (!testing::Eventually(absl::Seconds(10), [&] { return load.committed() > 0; })) {
    return absl::InternalError(absl::StrCat("no commit: ", load.failure()));
  }
  usleep(300000);  // warm-up
  load.TakeLatencies();
  const ProcessUsage before = UsageOf(registry->pid());
  const size_t committed_before = load.committed();
  const absl::Time start = Now();
  usleep(static_cast<useconds_t>(shape.seconds * 1e6));
  report.n = load.committed() - committed_before;
  report.value = static_cast<double>(report.n) / absl::ToDoubleSeconds(Now() - start);
  report.unit = "1/s";
  report.latencies = load.TakeLatencies();
  report.servers["registry"] = UsageOf(registry->pid());
  report.servers["registry"].cpu_seconds -= before.cpu_seconds;
  if (!load.failure().empty()) return absl::InternalError(load.failure());
  return report;
}

// The ensemble itself: as many writes of single nodes in flight, through the same client library.
class RawWrites {
 public:
  static constexpr int kNodes = 1000;

  explicit RawWrites(const Shape& shape) : shape_(shape), value_(shape.value_bytes, 'v') {}

  // Writes per second. ERRORS: as the ensemble's.
  absl::StatusOr<double> Measure(const std::string& servers) {
    MEROS_ASSIGN_OR_RETURN(const auto url,
                           coordination::ParseZooKeeperUrl(absl::StrCat("zk://", servers, "/raw")));
    MEROS_ASSIGN_OR_RETURN(session_, ZooKeeper::Open({.url = url}, nullptr));
    const bool connected = testing::Eventually(absl::Seconds(30), [&] {
      return session_->state() == coordination::SessionState::kConnected;
    });
    if (!connected) return absl::DeadlineExceededError("no session with the ensemble");
    for (int i = 0; i < kNodes; ++i) {
      session_->Create(NodeOf(i), value_, coordination::NodeKind::kPersistent,
                       [this](const auto& path) { path.ok() ? ++created_ : ++failed_; });
    }
    testing::Eventually(absl::Seconds(30), [&] { return created_ + failed_ == kNodes; });
    if (created_ != kNodes) return absl::InternalError("the nodes could not be made");
    for (size_t i = 0; i < shape_.outstanding; ++i) WriteNext();
    usleep(300000);  // warm-up
    const size_t before = written_;
    const absl::Time start = Now();
    usleep(static_cast<useconds_t>(shape_.seconds * 1e6));
    const double rate =
        static_cast<double>(written_ - before) / absl::ToDoubleSeconds(Now() - start);
    stopping_ = true;
    session_.reset();  // after the last callback
    if (failed_ > 0) return absl::InternalError(absl::StrCat(failed_.load(), " writes failed"));
    return rate;
  }

 private:
  static std::string NodeOf(size_t i) { return absl::StrCat("/raw-", i % kNodes); }

  void WriteNext() {
    session_->Set(NodeOf(next_++), value_, coordination::kAnyVersion, [this](const auto& stat) {
      if (stopping_) return;
      stat.ok() ? ++written_ : ++failed_;
      if (stat.ok()) WriteNext();
    });
  }

  const Shape shape_;
  const std::string value_;
  std::unique_ptr<ZooKeeper> session_;
  std::atomic<size_t> next_{0};
  std::atomic<size_t> created_{0}, written_{0}, failed_{0};
  std::atomic<bool> stopping_{false};
};

}  // namespace

// The rate with the widest window whose commits are answered in time, the 99th percentile of them:
// a wider one is faster, and each commit waits longer. `outstanding` is where the search begins.
absl::StatusOr<Report> RunRegistry(Options* options) {
  const double bound_ms = options->Get("p99_ms", 5);
  Shape shape = ShapeOf(options, 2048);
  std::string wider;
  while (true) {
    testing::TempDir directory;
    MEROS_ASSIGN_OR_RETURN(
        Report report,
        MeasureCommits(shape, "sqlite:" + directory.path() + "/r.db", directory.path()));
    const double p99_ms = report.latencies.Percentile(0.99);
    if (p99_ms <= bound_ms || shape.outstanding == 1) {
      report.notes["window"] = absl::StrCat(shape.outstanding, " commits in flight",
                                            p99_ms > bound_ms ? ", and still too slow" : "");
      report.notes["wider windows"] = wider.empty() ? "not tried" : wider;
      report.notes["store"] = "SQLite, WAL, synchronous=FULL; plaintext gRPC on loopback";
      return report;
    }
    absl::StrAppend(&wider, wider.empty() ? "" : "; ", shape.outstanding,
                    " in flight: ", static_cast<int64_t>(report.value), "/s, p99 ", p99_ms, " ms");
    shape.outstanding /= 2;
  }
}

absl::StatusOr<Report> RunRegistryZooKeeper(Options* options) {
  const Shape shape = ShapeOf(options, 1024);
  testing::TempDir directory;
  testing::ZooKeeperEnsemble ensemble({.directory = directory.path(), .durable = true});
  MEROS_RETURN_IF_ERROR(ensemble.Start());
  MEROS_ASSIGN_OR_RETURN(const double raw, RawWrites(shape).Measure(ensemble.servers()));
  MEROS_ASSIGN_OR_RETURN(
      Report report,
      MeasureCommits(shape, absl::StrCat("zk://", ensemble.servers(), "/meros"), directory.path()));
  report.notes["raw"] = absl::StrCat(raw, " single writes a second of the ensemble itself, ",
                                     shape.outstanding, " in flight, measured before");
  report.notes["share_of_raw"] = absl::StrCat(report.value / raw);
  report.notes["store"] =
      "three ZooKeeper servers on this machine, each transaction synced; plaintext gRPC";
  return report;
}

}  // namespace meros::bench
