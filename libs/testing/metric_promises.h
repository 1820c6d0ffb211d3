// What a page about metrics promises of their labels, and whether a scrape keeps it.
//
//   `meros_a{state="up"}`, `state="down"` of it     these values of the label
//   `meros_a` by `state` and `type`                 these labels, with any value
//
// Read are the last cells of the rows of tables; a label belongs to the metric named last in its
// cell.
//
// Thread rule: pure functions.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace meros::testing {

struct MetricPromise {
  std::string metric;
  std::string label;
  std::string value;  // empty: any
};

// In the order of the page.
std::vector<MetricPromise> LabelsPromisedIn(absl::string_view page);

// Whether some series of the metric has the label. `scrape` is in Prometheus' text format.
bool Keeps(absl::string_view scrape, const MetricPromise& promise);

// For messages: metric{label="value"}.
std::string ToString(const MetricPromise& promise);

}  // namespace meros::testing
