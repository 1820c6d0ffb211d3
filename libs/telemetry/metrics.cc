#include "libs/telemetry/metrics.h"

#include <map>
#include <set>
#include <sstream>
#include <utility>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/text_serializer.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/mutex.h"

namespace meros::telemetry {

// Makes handles and knows which Prometheus type stands behind each.
struct MetricHandles {
  template <typename Handle, typename Impl>
  static Handle Make(Impl* impl) {
    Handle handle;
    handle.impl_ = impl;
    return handle;
  }
};

namespace {

template <typename Handle>
struct ImplOf;
template <>
struct ImplOf<Counter> {
  using Type = prometheus::Counter;
};
template <>
struct ImplOf<Gauge> {
  using Type = prometheus::Gauge;
};
template <>
struct ImplOf<Histogram> {
  using Type = prometheus::Histogram;
};

// A single value that is asked for at each scrape.
class CallbackMetric : public prometheus::Collectable {
 public:
  CallbackMetric(absl::string_view name, absl::string_view help, prometheus::MetricType type,
                 std::function<double()> read)
      : name_(name), help_(help), type_(type), read_(std::move(read)) {}

  std::vector<prometheus::MetricFamily> Collect() const override {
    prometheus::ClientMetric metric;
    metric.gauge.value = metric.counter.value = read_();
    return {{name_, help_, type_, {metric}}};
  }

 private:
  const std::string name_;
  const std::string help_;
  const prometheus::MetricType type_;
  const std::function<double()> read_;
};

prometheus::MetricType TypeOf(MetricKind kind) {
  switch (kind) {
    case MetricKind::kCounter: return prometheus::MetricType::Counter;
    case MetricKind::kGauge: return prometheus::MetricType::Gauge;
    case MetricKind::kHistogram: return prometheus::MetricType::Histogram;
  }
  return prometheus::MetricType::Untyped;
}

absl::Status Wrong(absl::string_view name, absl::string_view rule) {
  return absl::InvalidArgumentError(absl::StrCat("metric '", name, "' ", rule));
}

}  // namespace

absl::Status CheckMetricName(absl::string_view service, MetricKind kind, absl::string_view name,
                             absl::string_view help) {
  const std::string prefix = absl::StrCat("meros_", service, "_");
  if (!absl::StartsWith(name, prefix) || name.size() == prefix.size()) {
    return Wrong(name, absl::StrCat("must start with ", prefix));
  }
  for (const char c : name) {
    if (!absl::ascii_islower(c) && !absl::ascii_isdigit(c) && c != '_')
      return Wrong(name, "must be snake_case");
  }
  if (absl::StrContains(name, "__") || absl::EndsWith(name, "_"))
    return Wrong(name, "has an empty word");
  if ((kind == MetricKind::kCounter) != absl::EndsWith(name, "_total")) {
    return Wrong(name, kind == MetricKind::kCounter ? "is a counter and must end in _total"
                                                    : "is no counter and must not end in _total");
  }
  if (kind == MetricKind::kHistogram && !absl::EndsWith(name, "s")) {
    return Wrong(name,
                 "is a histogram and must end in its unit: _seconds, _bytes or a plural noun");
  }
  if (help.size() < 2 || !absl::EndsWith(help, "."))
    return Wrong(name, "needs a help text that ends in a period");
  return absl::OkStatus();
}

void Counter::Add(double amount) {
  if (impl_ != nullptr) impl_->Increment(amount);
}

double Counter::ValueForTest() const { return impl_ == nullptr ? 0 : impl_->Value(); }

void Gauge::Set(double value) {
  if (impl_ != nullptr) impl_->Set(value);
}

void Gauge::Add(double amount) {
  if (impl_ != nullptr) impl_->Increment(amount);
}

double Gauge::ValueForTest() const { return impl_ == nullptr ? 0 : impl_->Value(); }

void Histogram::Observe(double value) {
  if (impl_ != nullptr) impl_->Observe(value);
}

uint64_t Histogram::CountForTest() const {
  return impl_ == nullptr ? 0 : impl_->Collect().histogram.sample_count;
}

Buckets LatencyBuckets() {
  return {0.00001, 0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01,
          0.02,    0.05,    0.1,     0.2,    0.5,    1,      2,     5,     10};
}

Buckets PowerOfTwoBuckets(int count) {
  MEROS_CHECK(count > 0 && count < 32) << count;
  Buckets buckets;
  for (int i = 0; i < count; ++i) buckets.push_back(static_cast<double>(uint64_t{1} << i));
  return buckets;
}

template <typename Handle>
struct Family<Handle>::State {
  using Impl = typename ImplOf<Handle>::Type;

  LabelOptions options;
  Buckets buckets;  // histograms only
  std::shared_ptr<prometheus::Family<Impl>> family;
  Mutex mutex;
  std::map<std::string, Impl*, std::less<>> by_value MEROS_GUARDED_BY(mutex);

  Impl* Add(const std::string& value) {
    if constexpr (std::is_same_v<Handle, Histogram>) {
      return &family->Add({{options.label, value}}, buckets);
    } else {
      return &family->Add({{options.label, value}});
    }
  }
};

template <typename Handle>
Handle Family<Handle>::With(absl::string_view value) const {
  if (state_ == nullptr) return Handle();
  MutexLock lock(&state_->mutex);
  std::string key(value);
  auto found = state_->by_value.find(key);
  if (found == state_->by_value.end()) {
    if (state_->by_value.size() >= state_->options.values_max) key = "other";
    found = state_->by_value.try_emplace(key, nullptr).first;
    if (found->second == nullptr) found->second = state_->Add(key);
  }
  return MetricHandles::Make<Handle>(found->second);
}

template class Family<Counter>;
template class Family<Gauge>;
template class Family<Histogram>;

struct MetricTable::State final : prometheus::Collectable {
  State(prometheus::MetricType type, absl::string_view name, absl::string_view help,
        std::vector<std::string> the_labels)
      : labels(std::move(the_labels)), family{std::string(name), std::string(help), type, {}} {}

  std::vector<prometheus::MetricFamily> Collect() const override {
    MutexLock lock(&mutex);
    return {family};
  }

  const std::vector<std::string> labels;
  mutable Mutex mutex;
  prometheus::MetricFamily family MEROS_GUARDED_BY(mutex);
};

void MetricTable::Replace(const std::vector<MetricRow>& rows) {
  if (state_ == nullptr) return;
  std::vector<prometheus::ClientMetric> metrics(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    MEROS_CHECK(rows[i].values.size() == state_->labels.size()) << rows[i].values.size();
    for (size_t k = 0; k < rows[i].values.size(); ++k) {
      metrics[i].label.push_back({state_->labels[k], rows[i].values[k]});
    }
    metrics[i].counter.value = metrics[i].gauge.value = rows[i].number;
  }
  MutexLock lock(&state_->mutex);
  state_->family.metric = std::move(metrics);
}

struct MetricRegistry::State {
  struct Entry {
    // Shown while there is nothing to collect, so that a family is known before its first value.
    std::vector<prometheus::MetricFamily> description;
    std::shared_ptr<prometheus::Collectable> collectable;
  };

  std::string service;
  mutable Mutex mutex;
  std::set<std::string> names MEROS_GUARDED_BY(mutex);
  std::vector<Entry> entries MEROS_GUARDED_BY(mutex);

  void Add(MetricKind kind, absl::string_view name, absl::string_view help,
           std::shared_ptr<prometheus::Collectable> collectable) {
    const absl::Status status = CheckMetricName(service, kind, name, help);
    MEROS_CHECK(status.ok()) << status;
    MutexLock lock(&mutex);
    MEROS_CHECK(names.insert(std::string(name)).second) << "metric " << name << " exists";
    entries.push_back({{{std::string(name), std::string(help), TypeOf(kind), {}}},
                       std::move(collectable)});
  }

  template <typename Impl>
  std::shared_ptr<prometheus::Family<Impl>> AddPrometheusFamily(MetricKind kind,
                                                                absl::string_view name,
                                                                absl::string_view help) {
    auto family = std::make_shared<prometheus::Family<Impl>>(std::string(name), std::string(help),
                                                             prometheus::Labels{});
    Add(kind, name, help, family);
    return family;
  }

  template <typename Handle, typename Shared>
  std::shared_ptr<Shared> AddFamily(MetricKind kind, absl::string_view name, absl::string_view help,
                                    LabelOptions label, Buckets buckets) {
    MEROS_CHECK(!label.label.empty() && label.values_max > 0) << name;
    auto shared = std::make_shared<Shared>();
    shared->options = std::move(label);
    shared->buckets = std::move(buckets);
    shared->family = AddPrometheusFamily<typename ImplOf<Handle>::Type>(kind, name, help);
    return shared;
  }
};

MetricRegistry::MetricRegistry(absl::string_view service) : state_(std::make_unique<State>()) {
  state_->service = std::string(service);
  AddCallbackCounter(absl::StrCat("meros_", service, "_bugs_total"),
                     "Conditions that should never hold and were met, each logged to stderr.",
                     [] { return static_cast<double>(BugCount()); });
}

MetricRegistry::~MetricRegistry() = default;

const std::string& MetricRegistry::service() const { return state_->service; }

Counter MetricRegistry::AddCounter(absl::string_view name, absl::string_view help) {
  return MetricHandles::Make<Counter>(
      &state_->AddPrometheusFamily<prometheus::Counter>(MetricKind::kCounter, name, help)->Add({}));
}

Gauge MetricRegistry::AddGauge(absl::string_view name, absl::string_view help) {
  return MetricHandles::Make<Gauge>(
      &state_->AddPrometheusFamily<prometheus::Gauge>(MetricKind::kGauge, name, help)->Add({}));
}

Histogram MetricRegistry::AddHistogram(absl::string_view name, absl::string_view help,
                                       Buckets buckets) {
  return MetricHandles::Make<Histogram>(
      &state_->AddPrometheusFamily<prometheus::Histogram>(MetricKind::kHistogram, name, help)
           ->Add({}, buckets));
}

void MetricRegistry::AddCallbackGauge(absl::string_view name, absl::string_view help,
                                      std::function<double()> read) {
  state_->Add(
      MetricKind::kGauge, name, help,
      std::make_shared<CallbackMetric>(name, help, prometheus::MetricType::Gauge, std::move(read)));
}

void MetricRegistry::AddCallbackCounter(absl::string_view name, absl::string_view help,
                                        std::function<double()> read) {
  state_->Add(MetricKind::kCounter, name, help,
              std::make_shared<CallbackMetric>(name, help, prometheus::MetricType::Counter,
                                               std::move(read)));
}

CounterFamily MetricRegistry::AddCounterFamily(absl::string_view name, absl::string_view help,
                                               LabelOptions label) {
  CounterFamily family;
  family.state_ = state_->AddFamily<Counter, CounterFamily::State>(MetricKind::kCounter, name, help,
                                                                   std::move(label), {});
  return family;
}

GaugeFamily MetricRegistry::AddGaugeFamily(absl::string_view name, absl::string_view help,
                                           LabelOptions label) {
  GaugeFamily family;
  family.state_ = state_->AddFamily<Gauge, GaugeFamily::State>(MetricKind::kGauge, name, help,
                                                               std::move(label), {});
  return family;
}

HistogramFamily MetricRegistry::AddHistogramFamily(absl::string_view name, absl::string_view help,
                                                   LabelOptions label, Buckets buckets) {
  HistogramFamily family;
  family.state_ = state_->AddFamily<Histogram, HistogramFamily::State>(
      MetricKind::kHistogram, name, help, std::move(label), std::move(buckets));
  return family;
}

MetricTable MetricRegistry::AddTable(MetricKind kind, absl::string_view name,
                                     absl::string_view help, std::vector<std::string> labels) {
  MEROS_CHECK(!labels.empty()) << name;
  MetricTable table;
  table.state_ =
      std::make_shared<MetricTable::State>(TypeOf(kind), name, help, std::move(labels));
  state_->Add(kind, name, help, table.state_);
  return table;
}

MetricTable MetricRegistry::AddCounterTable(absl::string_view name, absl::string_view help,
                                            std::vector<std::string> labels) {
  return AddTable(MetricKind::kCounter, name, help, std::move(labels));
}

MetricTable MetricRegistry::AddGaugeTable(absl::string_view name, absl::string_view help,
                                          std::vector<std::string> labels) {
  return AddTable(MetricKind::kGauge, name, help, std::move(labels));
}

void MetricRegistry::AddCollectable(std::shared_ptr<prometheus::Collectable> collectable) {
  MutexLock lock(&state_->mutex);
  state_->entries.push_back({{}, std::move(collectable)});
}

std::string MetricRegistry::Serialize() const {
  std::vector<State::Entry> entries;
  {
    MutexLock lock(&state_->mutex);
    entries = state_->entries;  // callbacks run without our lock
  }
  std::vector<prometheus::MetricFamily> families;
  for (State::Entry& entry : entries) {
    std::vector<prometheus::MetricFamily> collected = entry.collectable->Collect();
    if (collected.empty()) collected = std::move(entry.description);
    for (prometheus::MetricFamily& family : collected) families.push_back(std::move(family));
  }
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families);
  return std::move(out).str();
}

}  // namespace meros::telemetry
