#include "libs/simulation/linearizability.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"

namespace meros::simulation {
namespace {

std::string Text(const RegisterHistory::Value& value) {
  return value.has_value() ? absl::StrCat("'", *value, "'") : "no record";
}

}  // namespace

// Depth first over which operation takes effect next; iterative, because histories are long.
class RegisterHistory::Search {
 public:
  // `operations` are in the order in which they are tried.
  explicit Search(std::vector<Operation> operations)
      : operations_(std::move(operations)), is_done_(operations_.size(), false) {
    for (const Operation& operation : operations_) missing_ += IsAnswered(operation) ? 1 : 0;
  }

  absl::Status Run(size_t states_max) {
    std::vector<Step> path;
    size_t next = 0;  // the first operation not yet tried from here
    while (missing_ > 0) {
      const size_t chosen = Candidate(next);
      if (chosen < operations_.size()) {
        path.push_back({chosen, value_});
        Take(chosen);
        if (seen_.size() >= states_max) {
          return absl::ResourceExhaustedError(
              absl::StrCat(states_max, " states do not tell whether the history is linearizable"));
        }
        if (seen_.emplace(is_done_, value_).second) {
          next = 0;
          continue;
        }
      } else if (path.empty()) {
        return absl::InternalError(Failure());
      }
      next = path.back().operation + 1;
      PutBack(path.back());
      path.pop_back();
    }
    return absl::OkStatus();
  }

 private:
  struct Step {
    size_t operation;
    Value before;
  };

  static bool IsAnswered(const Operation& operation) {
    return operation.answered != absl::InfiniteFuture();
  }

  // The first from `next` on that may take effect now: nothing was answered before it was invoked
  // that has not taken effect yet, and if it reads, it reads what is there.
  size_t Candidate(size_t next) {
    absl::Time first_answer = absl::InfiniteFuture();
    for (size_t i = 0; i < operations_.size(); ++i) {
      if (operations_[i].invoked > first_answer) break;
      if (!is_done_[i]) first_answer = std::min(first_answer, operations_[i].answered);
    }
    for (size_t i = next; i < operations_.size(); ++i) {
      const Operation& operation = operations_[i];
      if (operation.invoked > first_answer || is_done_[i]) continue;
      if (!operation.is_write && operation.value != value_) continue;
      return i;
    }
    return operations_.size();
  }

  void Take(size_t i) {
    is_done_[i] = true;
    if (operations_[i].is_write) value_ = operations_[i].value;
    if (!IsAnswered(operations_[i])) return;
    if (--missing_ < fewest_missing_) {
      fewest_missing_ = missing_;
      furthest_ = is_done_;
      value_at_furthest_ = value_;
    }
  }

  void PutBack(const Step& step) {
    is_done_[step.operation] = false;
    value_ = step.before;
    if (IsAnswered(operations_[step.operation])) ++missing_;
  }

  // In words, where the search came furthest.
  std::string Failure() const {
    for (size_t i = 0; i < operations_.size(); ++i) {
      const Operation& operation = operations_[i];
      if (!IsAnswered(operation) || (!furthest_.empty() && furthest_[i])) continue;
      return absl::StrCat("no order of events explains that ",
                          operation.is_write ? "a write of " : "a read of ", Text(operation.value),
                          ", invoked at ", absl::FormatTime(operation.invoked, absl::UTCTimeZone()),
                          ", was answered; explained is all before, when the register held ",
                          Text(value_at_furthest_));
    }
    return "no order of events explains the history";
  }

  const std::vector<Operation> operations_;
  std::vector<bool> is_done_;
  Value value_;
  size_t missing_ = 0;  // answered, but without effect as yet
  std::set<std::pair<std::vector<bool>, Value>> seen_;
  // For people: where most is explained.
  size_t fewest_missing_ = SIZE_MAX;
  std::vector<bool> furthest_;
  Value value_at_furthest_;
};

RegisterHistory::OperationId RegisterHistory::Write(absl::Time now, Value value) {
  operations_.push_back({.is_write = true, .value = std::move(value), .invoked = now});
  return operations_.size() - 1;
}

void RegisterHistory::Written(OperationId id, absl::Time now) {
  Operation& operation = operations_.at(id);
  MEROS_CHECK(operation.is_write && operation.answered == absl::InfiniteFuture()) << id;
  operation.answered = now;
}

void RegisterHistory::Refused(OperationId id) { operations_.at(id).is_refused = true; }

void RegisterHistory::Read(absl::Time invoked, absl::Time answered, Value value) {
  operations_.push_back({.value = std::move(value), .invoked = invoked, .answered = answered});
}

absl::Status RegisterHistory::Check(size_t states_max) const {
  std::vector<Operation> effective;
  std::copy_if(operations_.begin(), operations_.end(), std::back_inserter(effective),
               [](const Operation& operation) { return !operation.is_refused; });
  // What has no answer comes last: it need not have taken effect.
  const auto key = [](const Operation& operation) {
    return std::pair(operation.answered == absl::InfiniteFuture(), operation.invoked);
  };
  std::stable_sort(effective.begin(), effective.end(),
                   [&](const Operation& a, const Operation& b) { return key(a) < key(b); });
  return Search(std::move(effective)).Run(states_max);
}

}  // namespace meros::simulation
