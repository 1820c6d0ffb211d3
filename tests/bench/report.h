// What every benchmark prints last: one JSON object with the figure, how it was obtained and on
// what.
//
// Thread rule: thread-compatible.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace meros::bench {

// The clock that everything is timed with.
absl::Time Now();

// Latencies of single events, kept whole: percentiles of a figure that counts are never estimated.
class Samples {
 public:
  void Add(absl::Duration sample) { values_.push_back(absl::ToDoubleMilliseconds(sample)); }
  void Merge(const Samples& other) {
    values_.insert(values_.end(), other.values_.begin(), other.values_.end());
  }
  size_t size() const { return values_.size(); }
  // In milliseconds; `p` in [0, 1]. 0 without samples.
  double Percentile(double p) const;

 private:
  mutable std::vector<double> values_;
};

// CPU and memory of the processes under test.
struct ProcessUsage {
  double cpu_seconds = 0;  // user and system
  double rss_mb = 0;
};
ProcessUsage UsageOf(int pid);

struct Report {
  std::string metric;  // "launch"
  double value = 0;
  std::string unit;   // "1/s", "ms" or "s"
  size_t n = 0;       // events that the value is made of
  Samples latencies;  // in milliseconds, may be empty
  std::map<std::string, double> parameters;
  std::map<std::string, std::string> notes;     // e.g. "agents": "simulated"
  std::map<std::string, ProcessUsage> servers;  // by service, growth during the measurement
  double fdatasync_p50_ms = -1;                 // where durable

  // One line.
  std::string Json() const;
  // A few lines for people.
  std::string Text() const;
};

// Median of writing and syncing 4 KiB in `directory`, milliseconds.
double MeasureFdatasync(const std::string& directory);

}  // namespace meros::bench
