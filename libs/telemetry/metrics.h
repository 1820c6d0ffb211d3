// Metrics: counters, gauges and histograms under the names of STYLE N6, exposed in Prometheus' text
// format by MetricsServer (libs/telemetry/metrics_server.h).
//
//   telemetry::MetricRegistry metrics("master");
//   telemetry::Counter sent =
//       metrics.AddCounter("meros_master_offers_sent_total", "Offers sent to frameworks.");
//   telemetry::CounterFamily refused = metrics.AddCounterFamily(
//       "meros_master_calls_refused_total", "Calls refused, by reason.", {.label = "reason"});
//   sent.Add(3);
//   refused.With("unknown_framework").Add();
//
// Metrics are made once, at start, and the handles kept; With() looks a label value up under a
// lock, so hot paths keep its result too. A wrong name, a missing help text or a name used twice is
// a programmer error and ends the process. Every metric is described in docs/reference/metrics.md
// (tidy checks it).
//
// Owner: main; handles and families must not outlive the registry. Thread rule: thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace prometheus {
class Collectable;
class Counter;
class Gauge;
class Histogram;
}  // namespace prometheus

namespace meros::telemetry {

// Handles are values: copy them freely. A default-made handle counts nothing.
class Counter {
 public:
  Counter() = default;
  // REQUIRES: `amount` >= 0.
  void Add(double amount = 1);
  double ValueForTest() const;

 private:
  friend struct MetricHandles;
  prometheus::Counter* impl_ = nullptr;
};

class Gauge {
 public:
  Gauge() = default;
  void Set(double value);
  void Add(double amount);
  double ValueForTest() const;

 private:
  friend struct MetricHandles;
  prometheus::Gauge* impl_ = nullptr;
};

class Histogram {
 public:
  Histogram() = default;
  void Observe(double value);
  // In seconds.
  void Observe(absl::Duration value) { Observe(absl::ToDoubleSeconds(value)); }
  uint64_t CountForTest() const;

 private:
  friend struct MetricHandles;
  prometheus::Histogram* impl_ = nullptr;
};

// A metric with several labels whose owner knows all its rows, and replaces them as a whole.
struct MetricRow {
  std::vector<std::string> values;  // of the labels, in their order
  double number = 0;
};
class MetricTable {
 public:
  MetricTable() = default;
  // REQUIRES: as many values as labels in each row; no two rows of the same values.
  void Replace(const std::vector<MetricRow>& rows);

 private:
  friend class MetricRegistry;
  struct State;
  std::shared_ptr<State> state_;
};

struct LabelOptions {
  std::string label;       // snake_case, for example "reason"
  size_t values_max = 64;  // further values are counted together under "other"
};

// One metric per value of a label. The set of values is bounded, because each costs memory here and
// a time series in every Prometheus that scrapes us.
template <typename Handle>
class Family {
 public:
  Family() = default;
  Handle With(absl::string_view value) const;

 private:
  friend class MetricRegistry;
  struct State;
  std::shared_ptr<State> state_;
};
using CounterFamily = Family<Counter>;
using GaugeFamily = Family<Gauge>;
using HistogramFamily = Family<Histogram>;

// Upper bounds of histogram buckets, ascending; +Inf is added.
using Buckets = std::vector<double>;
// 10 us to 10 s, three a decade: latencies of steps, calls and commits.
Buckets LatencyBuckets();
// 1, 2, 4 ... 2^(`count` - 1): sizes of batches.
Buckets PowerOfTwoBuckets(int count);

enum class MetricKind { kCounter, kGauge, kHistogram };

// A name is `meros_<service>_...` in [a-z0-9_]; counters end in _total, others do not; a histogram
// ends in its unit: _seconds, _bytes or a plural noun. Help is a sentence that ends in a period.
// ERRORS: InvalidArgument saying which rule is broken.
absl::Status CheckMetricName(absl::string_view service, MetricKind kind, absl::string_view name,
                             absl::string_view help);

class MetricRegistry {
 public:
  // `service` is the second word of every name, for example "master".
  explicit MetricRegistry(absl::string_view service);
  ~MetricRegistry();
  MetricRegistry(const MetricRegistry&) = delete;
  MetricRegistry& operator=(const MetricRegistry&) = delete;

  const std::string& service() const;

  Counter AddCounter(absl::string_view name, absl::string_view help);
  Gauge AddGauge(absl::string_view name, absl::string_view help);
  Histogram AddHistogram(absl::string_view name, absl::string_view help, Buckets buckets);

  // Read at each scrape, on a thread of the metrics server: `read` is thread-safe and quick.
  void AddCallbackGauge(absl::string_view name, absl::string_view help,
                        std::function<double()> read);
  void AddCallbackCounter(absl::string_view name, absl::string_view help,
                          std::function<double()> read);

  CounterFamily AddCounterFamily(absl::string_view name, absl::string_view help,
                                 LabelOptions label);
  GaugeFamily AddGaugeFamily(absl::string_view name, absl::string_view help, LabelOptions label);
  HistogramFamily AddHistogramFamily(absl::string_view name, absl::string_view help,
                                     LabelOptions label, Buckets buckets);

  // The caller bounds the number of rows: each is a time series in every Prometheus.
  MetricTable AddCounterTable(absl::string_view name, absl::string_view help,
                              std::vector<std::string> labels);
  MetricTable AddGaugeTable(absl::string_view name, absl::string_view help,
                            std::vector<std::string> labels);

  // Adds metrics that are made at each scrape, such as those of the process.
  void AddCollectable(std::shared_ptr<prometheus::Collectable> collectable);

  // Everything in Prometheus' text format, version 0.0.4.
  std::string Serialize() const;

 private:
  MetricTable AddTable(MetricKind kind, absl::string_view name, absl::string_view help,
                       std::vector<std::string> labels);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace meros::telemetry
