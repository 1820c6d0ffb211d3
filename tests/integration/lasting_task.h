// A task that lives until the test lets it go, and shows whether it was ever started twice, lost,
// or told of twice.
//
// Thread rule: thread-compatible.
#pragma once

#include <fstream>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/integration/recording_scheduler.h"

namespace meros::integration {

class LastingTask {
 public:
  // Its files are in `directory`. `scheduler` outlives it.
  LastingTask(std::string id, const std::string& directory, const RecordingScheduler* scheduler)
      : id_(std::move(id)),
        starts_(absl::StrCat(directory, "/", id_, ".starts")),
        go_(absl::StrCat(directory, "/", id_, ".go")),
        scheduler_(scheduler) {}

  const std::string& id() const { return id_; }
  meros::v1::TaskInfo On(const meros::v1::Offer& offer) const {
    return ShellTask(
        id_, offer, 0.5, 64,
        absl::StrCat("echo $$ >> ", starts_, "; while [ ! -e ", go_, " ]; do sleep 0.1; done"));
  }
  // It ends by itself, well.
  void LetGo() const { std::ofstream(go_).put('x'); }
  // How often its command was started, by whomever.
  int starts() const {
    std::ifstream in(starts_);
    int lines = 0;
    for (std::string line; std::getline(in, line);) ++lines;
    return lines;
  }
  // The newest that its framework heard of it.
  meros::v1::TaskState state() const {
    const auto updates = scheduler_->updates(id_);
    return updates.empty() ? meros::v1::TASK_UNKNOWN : updates.back().state();
  }

  // After its end: it ran once, in one container, and each update was told once.
  void Audit() const {
    EXPECT_EQ(starts(), 1) << id_;
    std::map<std::string, int> told;
    int ends = 0;
    std::string container;
    for (const auto& update : scheduler_->updates(id_)) {
      ends += update.state() == meros::v1::TASK_FINISHED;
      EXPECT_NE(update.state(), meros::v1::TASK_FAILED) << id_;
      EXPECT_NE(update.state(), meros::v1::TASK_KILLED) << id_;
      EXPECT_NE(update.state(), meros::v1::TASK_LOST) << id_;
      if (update.uuid().empty()) continue;  // the master's own, which may be repeated
      EXPECT_EQ(++told[update.uuid()], 1) << id_ << ": " << update.ShortDebugString();
      const std::string& in = update.container_status().container_id().value();
      if (container.empty()) container = in;
      EXPECT_TRUE(in.empty() || in == container) << id_ << ": " << in << ", was " << container;
    }
    EXPECT_EQ(ends, 1) << id_;
  }

 private:
  const std::string id_, starts_, go_;
  const RecordingScheduler* const scheduler_;
};

}  // namespace meros::integration
