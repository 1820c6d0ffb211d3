#include "libs/testing/metric_promises.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace meros::testing {
namespace {

// `a="x"`.
void AddValue(absl::string_view text, const std::string& metric,
              std::vector<MetricPromise>* promises) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, absl::MaxSplits('=', 1));
  promises->push_back({metric, std::string(parts[0]),
                       std::string(absl::StripSuffix(absl::StripPrefix(parts[1], "\""), "\""))});
}

void AddOfCell(absl::string_view cell, std::vector<MetricPromise>* promises) {
  // Text and code by turns.
  const std::vector<absl::string_view> parts = absl::StrSplit(cell, '`');
  std::string metric;
  bool names_labels = false;
  for (size_t i = 1; i < parts.size(); i += 2) {
    const absl::string_view before = parts[i - 1], code = parts[i];
    names_labels =
        absl::EndsWith(before, " by ") || (names_labels && (before == ", " || before == " and "));
    if (absl::StartsWith(code, "meros_")) {
      const std::vector<absl::string_view> halves = absl::StrSplit(code, absl::MaxSplits('{', 1));
      metric = std::string(halves[0]);
      if (halves.size() == 2) AddValue(absl::StripSuffix(halves[1], "}"), metric, promises);
    } else if (absl::StrContains(code, "=\"")) {
      AddValue(code, metric, promises);
    } else if (names_labels) {
      promises->push_back({metric, std::string(code), ""});
    }
  }
}

}  // namespace

std::vector<MetricPromise> LabelsPromisedIn(absl::string_view page) {
  std::vector<MetricPromise> promises;
  for (absl::string_view line : absl::StrSplit(page, '\n')) {
    if (!absl::ConsumePrefix(&line, "| ") || !absl::ConsumeSuffix(&line, " |")) continue;
    const std::vector<absl::string_view> cells = absl::StrSplit(line, " | ");
    AddOfCell(cells.back(), &promises);
  }
  return promises;
}

bool Keeps(absl::string_view scrape, const MetricPromise& promise) {
  const std::string series = promise.metric + "{";
  const std::string label =
      absl::StrCat(promise.label, "=\"", promise.value, promise.value.empty() ? "" : "\"");
  for (absl::string_view line : absl::StrSplit(scrape, '\n')) {
    if (!absl::ConsumePrefix(&line, series)) continue;
    if (absl::StartsWith(line, label) || absl::StrContains(line, "," + label)) return true;
  }
  return false;
}

std::string ToString(const MetricPromise& promise) {
  return absl::StrCat(promise.metric, "{", promise.label, "=\"",
                      promise.value.empty() ? "..." : promise.value, "\"}");
}

}  // namespace meros::testing
