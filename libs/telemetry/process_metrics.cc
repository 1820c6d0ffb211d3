#include "libs/telemetry/process_metrics.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace meros::telemetry {
namespace {

// Whole content of a small /proc file; empty when it cannot be read.
std::string ReadProcFile(const char* path) {
  std::string text;
  FILE* const file = fopen(path, "re");
  if (file == nullptr) return text;
  char buffer[4096];
  while (const size_t n = fread(buffer, 1, sizeof(buffer), file)) text.append(buffer, n);
  fclose(file);
  return text;
}

double ToDouble(absl::string_view text) {
  double value = 0;
  return absl::SimpleAtod(text, &value) ? value : 0;
}

// Minus the descriptor of the listing itself. Zero when /proc is not readable.
double CountOpenDescriptors() {
  DIR* const directory = opendir("/proc/self/fd");
  if (directory == nullptr) return 0;
  int count = -3;  // ".", ".." and the directory's own descriptor
  while (readdir(directory) != nullptr) ++count;
  closedir(directory);
  return count;
}

// Seconds since the epoch at which the machine booted: the base of start times in /proc/self/stat.
double BootTime() {
  for (absl::string_view line : absl::StrSplit(ReadProcFile("/proc/stat"), '\n')) {
    const std::pair<absl::string_view, absl::string_view> word =
        absl::StrSplit(line, absl::MaxSplits(' ', 1));
    if (word.first == "btime") return ToDouble(word.second);
  }
  return 0;
}

class ProcessCollectable : public prometheus::Collectable {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override {
    std::vector<prometheus::MetricFamily> families;
    AddStat(&families);
    Add("process_open_fds", "Open file descriptors.", CountOpenDescriptors(), &families);
    rlimit limit = {};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
      Add("process_max_fds", "File descriptors that the process may have open.",
          static_cast<double>(limit.rlim_cur), &families);
    }
    return families;
  }

 private:
  static void Add(const char* name, const char* help, double value,
                  std::vector<prometheus::MetricFamily>* families,
                  prometheus::MetricType type = prometheus::MetricType::Gauge) {
    prometheus::ClientMetric metric;
    metric.gauge.value = metric.counter.value = value;
    families->push_back({name, help, type, {metric}});
  }

  // proc(5) numbers the fields of /proc/self/stat from 1; those after the command's closing
  // parenthesis start with the third, so field n is element n - 3.
  void AddStat(std::vector<prometheus::MetricFamily>* families) const {
    const std::string stat = ReadProcFile("/proc/self/stat");
    const size_t command_end = stat.rfind(") ");
    if (command_end == std::string::npos) return;
    const std::vector<absl::string_view> fields =
        absl::StrSplit(absl::string_view(stat).substr(command_end + 2), ' ');
    if (fields.size() < 22) return;
    const double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
    Add("process_cpu_seconds_total", "CPU time used, user and system, in seconds.",
        (ToDouble(fields[14 - 3]) + ToDouble(fields[15 - 3])) / ticks, families,
        prometheus::MetricType::Counter);
    Add("process_threads", "Threads of the process.", ToDouble(fields[20 - 3]), families);
    Add("process_start_time_seconds", "Start of the process, in seconds since the epoch.",
        boot_time_ + ToDouble(fields[22 - 3]) / ticks, families);
    Add("process_virtual_memory_bytes", "Virtual memory size, in bytes.", ToDouble(fields[23 - 3]),
        families);
    Add("process_resident_memory_bytes", "Resident memory size, in bytes.",
        ToDouble(fields[24 - 3]) * static_cast<double>(sysconf(_SC_PAGESIZE)), families);
  }

  const double boot_time_ = BootTime();
};

}  // namespace

void AddProcessMetrics(MetricRegistry* registry) {
  registry->AddCollectable(std::make_shared<ProcessCollectable>());
}

void AddBuildInfo(const BuildFacts& facts, MetricRegistry* registry) {
  const std::string& service = registry->service();
  MetricTable table = registry->AddGaugeTable(
      absl::StrCat("meros_", service, "_build_info"),
      "1; its labels say which build this is.", {"version", "git_sha", "git_branch", "git_tag"});
  table.Replace({{{facts.version, facts.git_sha, facts.git_branch, facts.git_tag}, 1}});
}

}  // namespace meros::telemetry
