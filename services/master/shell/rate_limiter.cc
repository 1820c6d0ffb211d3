#include "services/master/shell/rate_limiter.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/mutex.h"
#include "libs/base/retry_hint.h"
#include "libs/base/status_macros.h"
#include "libs/wire/field_path.h"
#include "libs/wire/launch_rules.h"
#include "libs/wire/limits.h"
#include "libs/wire/structure.h"

namespace meros::master {

// One that several streams take from.
struct RateBucket {
  RateBucket(double qps, std::optional<uint64_t> capacity, absl::Time now)
      : tokens(qps, capacity, now) {}

  Mutex mutex;
  TokenBucket tokens MEROS_GUARDED_BY(mutex);
};

// ---- TokenBucket ----

TokenBucket::TokenBucket(double qps, std::optional<uint64_t> capacity, absl::Time now)
    : qps_(qps),
      capacity_(capacity.has_value() ? static_cast<double>(*capacity)
                                     : std::numeric_limits<double>::infinity()),
      most_(std::max(1.0, qps)),
      tokens_(most_),
      filled_(now) {}

void TokenBucket::Fill(absl::Time now) {
  if (now <= filled_) return;  // clocks may step
  tokens_ = std::min(most_, tokens_ + qps_ * absl::ToDoubleSeconds(now - filled_));
  filled_ = now;
}

absl::Duration TokenBucket::Until(double tokens) const {
  return absl::Seconds(std::max(0.0, tokens - tokens_) / qps_);
}

TokenBucket::Answer TokenBucket::Take(double calls, double advance, absl::Time now) {
  Fill(now);
  if (tokens_ - calls < -advance) return {false, Until(std::min(most_, calls - advance))};
  tokens_ -= calls;
  return {true, Until(0)};
}

TokenBucket::Answer TokenBucket::TakeInAdvance(uint64_t calls, absl::Time now) {
  return Take(static_cast<double>(calls), capacity_, now);
}

TokenBucket::Answer TokenBucket::TakeOne(absl::Time now) { return Take(1, 0, now); }

// ---- RateLimiter ----

RateLimiter::RateLimiter(const v1::RateLimits& limits, absl::Time now,
                         telemetry::MetricRegistry* metrics)
    : received_(metrics->AddCounterFamily("meros_master_principal_calls_received_total",
                                          "Calls that came, by principal.",
                                          {.label = "principal"})),
      processed_(metrics->AddCounterFamily("meros_master_principal_calls_processed_total",
                                           "Calls that were not refused for their number, by "
                                           "principal.",
                                           {.label = "principal"})),
      held_back_(metrics->AddCounterFamily("meros_master_principal_calls_held_back_total",
                                           "Calls on streams that had to wait because of "
                                           "rate_limits, by principal.",
                                           {.label = "principal"})),
      refused_(metrics->AddCounterFamily("meros_master_principal_calls_refused_total",
                                         "Calls refused because of rate_limits, by principal.",
                                         {.label = "principal"})) {
  const auto make = [now](bool has_qps, double qps, bool has_capacity, uint64_t capacity) {
    if (!has_qps) return std::unique_ptr<RateBucket>();
    return std::make_unique<RateBucket>(
        qps, has_capacity ? std::optional<uint64_t>(capacity) : std::nullopt, now);
  };
  for (const v1::RateLimit& limit : limits.limits()) {
    listed_[limit.principal()] =
        make(limit.has_qps(), limit.qps(), limit.has_capacity(), limit.capacity());
    Of(limit.principal());  // its own metrics, before others can use the labels up
  }
  others_ = make(limits.has_aggregate_default_qps(), limits.aggregate_default_qps(),
                 limits.has_aggregate_default_capacity(), limits.aggregate_default_capacity());
}

RateLimiter::~RateLimiter() = default;

RateLimiter::Account RateLimiter::Of(const std::string& principal) {
  Account account;
  auto listed = listed_.find(principal);
  account.bucket_ = listed == listed_.end() ? others_.get() : listed->second.get();
  account.name_ = principal;
  const std::string label = principal.empty() ? "none" : principal;
  account.received_ = received_.With(label);
  account.processed_ = processed_.With(label);
  account.held_back_ = held_back_.With(label);
  account.refused_ = refused_.With(label);
  return account;
}

absl::Status RateLimiter::Account::Refusal(absl::Duration wait) const {
  const std::string who = name_.empty() ? "callers without a principal of their own limit"
                                        : absl::StrCat("principal '", name_, "'");
  return RetryLaterError(absl::StrCat("rate_limits: too many calls of ", who), wait);
}

absl::StatusOr<absl::Duration> RateLimiter::Account::HoldBack(uint64_t calls,
                                                              absl::Time now) const {
  const auto count = static_cast<double>(calls);
  received_.Add(count);
  if (bucket_ == nullptr) return absl::ZeroDuration();
  TokenBucket::Answer answer;
  {
    MutexLock lock(&bucket_->mutex);
    answer = bucket_->tokens.TakeInAdvance(calls, now);
  }
  if (!answer.taken) {
    refused_.Add(count);
    return Refusal(answer.wait);
  }
  if (answer.wait > absl::ZeroDuration()) held_back_.Add(count);
  return answer.wait;
}

absl::Status RateLimiter::Account::Admit(absl::Time now) const {
  received_.Add();
  if (bucket_ != nullptr) {
    TokenBucket::Answer answer;
    {
      MutexLock lock(&bucket_->mutex);
      answer = bucket_->tokens.TakeOne(now);
    }
    if (!answer.taken) {
      refused_.Add();
      return Refusal(answer.wait);
    }
  }
  processed_.Add();
  return absl::OkStatus();
}

// ---- The file ----

namespace {

using wire::FieldPath;

// Above that a limit is none.
constexpr double kQpsMax = 1e9;

absl::Status CheckQps(bool has_qps, double qps, bool has_capacity, const FieldPath& qps_path,
                      const FieldPath& capacity_path) {
  if (!has_qps) {
    if (!has_capacity) return absl::OkStatus();
    return capacity_path.Fault("needs a qps beside it");
  }
  if (qps > 0 && qps <= kQpsMax) return absl::OkStatus();
  return qps_path.Fault("must be > 0 and at most ", kQpsMax, ", got ", qps);
}

absl::Status Validate(const v1::RateLimits& limits, const FieldPath& path) {
  MEROS_RETURN_IF_ERROR(
      wire::CheckCount(limits.limits_size(), kRateLimitsMax, path.Field("limits")));
  MEROS_RETURN_IF_ERROR(wire::CheckStructure(limits, path));
  std::set<std::string> seen;
  for (int i = 0; i < limits.limits_size(); ++i) {
    const v1::RateLimit& limit = limits.limits(i);
    const FieldPath item = path.Item("limits", i);
    const FieldPath principal = item.Field("principal");
    if (limit.principal().empty()) return principal.Fault("must not be empty");
    MEROS_RETURN_IF_ERROR(wire::CheckText(limit.principal(), wire::kMaxNameBytes, principal));
    if (!seen.insert(limit.principal()).second) {
      return principal.Fault("'", limit.principal(), "' is listed twice");
    }
    MEROS_RETURN_IF_ERROR(CheckQps(limit.has_qps(), limit.qps(), limit.has_capacity(),
                                   item.Field("qps"), item.Field("capacity")));
  }
  return CheckQps(limits.has_aggregate_default_qps(), limits.aggregate_default_qps(),
                  limits.has_aggregate_default_capacity(), path.Field("aggregate_default_qps"),
                  path.Field("aggregate_default_capacity"));
}

}  // namespace

absl::StatusOr<v1::RateLimits> ParseRateLimits(absl::string_view json, const std::string& name) {
  v1::RateLimits limits;
  const auto parsed = google::protobuf::util::JsonStringToMessage(
      google::protobuf::StringPiece(json.data(), json.size()), &limits);
  if (!parsed.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        name, ": ", absl::string_view(parsed.message().data(), parsed.message().size())));
  }
  const absl::Status status = Validate(limits, FieldPath());
  if (status.ok()) return limits;
  return absl::InvalidArgumentError(absl::StrCat(name, ": ", status.message()));
}

absl::StatusOr<v1::RateLimits> ReadRateLimits(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat(path, ": cannot be read"));
  std::string text(kRateLimitsBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return absl::InvalidArgumentError(absl::StrCat(path, ": cannot be read"));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kRateLimitsBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": must be at most ", kRateLimitsBytesMax, " bytes"));
  }
  return ParseRateLimits(text, path);
}

}  // namespace meros::master
