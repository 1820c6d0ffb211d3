#include "tests/bench/report.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/runtime/clock.h"

namespace meros::bench {
namespace {

std::string CpuModel() {
  std::ifstream in("/proc/cpuinfo");
  std::string line;
  while (std::getline(in, line)) {
    if (line.rfind("model name", 0) == 0) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

}  // namespace

absl::Time Now() { return runtime::ProcessClock::Get().Now(); }

double Samples::Percentile(double p) const {
  if (values_.empty()) return 0;
  std::sort(values_.begin(), values_.end());
  const size_t rank = static_cast<size_t>(p * static_cast<double>(values_.size() - 1) + 0.5);
  return values_[rank];
}

ProcessUsage UsageOf(int pid) {
  ProcessUsage usage;
  std::ifstream stat(absl::StrCat("/proc/", pid, "/stat"));
  std::string text((std::istreambuf_iterator<char>(stat)), std::istreambuf_iterator<char>());
  const size_t after_name = text.rfind(')');  // the name itself may hold anything
  if (after_name == std::string::npos) return usage;
  std::istringstream fields(text.substr(after_name + 2));
  std::string skipped;
  double utime = 0, stime = 0;
  // proc(5): state is field 3; utime and stime are 14 and 15, rss is 24.
  for (int field = 3; field <= 13; ++field) fields >> skipped;
  fields >> utime >> stime;
  for (int field = 16; field <= 23; ++field) fields >> skipped;
  double rss_pages = 0;
  fields >> rss_pages;
  usage.cpu_seconds = (utime + stime) / static_cast<double>(sysconf(_SC_CLK_TCK));
  usage.rss_mb = rss_pages * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
  return usage;
}

std::string Report::Json() const {
  nlohmann::json json = {
      {"metric", metric}, {"value", value}, {"unit", unit}, {"n", n}, {"cpu_model", CpuModel()}};
  if (latencies.size() > 0) {
    json["latency_unit"] = "ms";
    json["p50"] = latencies.Percentile(0.5);
    json["p95"] = latencies.Percentile(0.95);
    json["p99"] = latencies.Percentile(0.99);
    json["max"] = latencies.Percentile(1);
  }
  for (const auto& [name, parameter] : parameters) json["parameters"][name] = parameter;
  for (const auto& [name, note] : notes) json["notes"][name] = note;
  double cpu = 0, rss = 0;
  for (const auto& [name, usage] : servers) {
    json["servers"][name] = {{"cpu_seconds", usage.cpu_seconds}, {"rss_mb", usage.rss_mb}};
    cpu += usage.cpu_seconds;
    rss += usage.rss_mb;
  }
  if (!servers.empty()) {
    json["server_cpu_seconds"] = cpu;
    json["server_rss_mb"] = rss;
  }
  if (fdatasync_p50_ms >= 0) json["fdatasync_p50_ms"] = fdatasync_p50_ms;
  return json.dump();
}

std::string Report::Text() const {
  std::string out = absl::StrFormat("%s: %.6g %s (n = %d)\n", metric, value, unit, n);
  if (latencies.size() > 0) {
    absl::StrAppendFormat(&out, "  latency ms: p50 %.3f  p95 %.3f  p99 %.3f  max %.3f\n",
                          latencies.Percentile(0.5), latencies.Percentile(0.95),
                          latencies.Percentile(0.99), latencies.Percentile(1));
  }
  for (const auto& [name, usage] : servers) {
    absl::StrAppendFormat(&out, "  %-14s %.2f CPU-s, %.0f MB\n", name, usage.cpu_seconds,
                          usage.rss_mb);
  }
  for (const auto& [name, note] : notes) absl::StrAppend(&out, "  ", name, ": ", note, "\n");
  return out;
}

double MeasureFdatasync(const std::string& directory) {
  const std::string path = absl::StrCat(directory, "/fdatasync-probe");
  const int fd = open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0) return -1;
  Samples samples;
  const std::string block(4096, 'x');
  for (int i = 0; i < 200; ++i) {
    const absl::Time start = Now();
    if (pwrite(fd, block.data(), block.size(), i * 4096) < 0 || fdatasync(fd) != 0) break;
    samples.Add(Now() - start);
  }
  close(fd);
  unlink(path.c_str());
  return samples.Percentile(0.5);
}

}  // namespace meros::bench
