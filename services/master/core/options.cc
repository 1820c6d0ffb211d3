#include "services/master/core/options.h"

#include "absl/strings/str_cat.h"

namespace meros::master {
namespace {

absl::Status Within(absl::string_view flag, absl::Duration value, absl::Duration low,
                    absl::Duration high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--", flag, " is ", absl::FormatDuration(value),
                                                 ", wanted between ", absl::FormatDuration(low),
                                                 " and ", absl::FormatDuration(high)));
}

absl::Status Positive(absl::string_view flag, size_t value) {
  if (value > 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--", flag, " is 0, wanted at least 1"));
}

}  // namespace

absl::Status MasterOptions::Validate() const {
  if (master_id.empty()) return absl::InvalidArgumentError("the master has no id");
  if (advertise_address.empty()) return absl::InvalidArgumentError("--advertise_address is empty");
  const absl::Duration day = absl::Hours(24);
  for (const absl::Status& status : {
           Within("lease_ttl", lease_ttl, absl::Milliseconds(100), absl::Minutes(5)),
           Within("fenced_max", fenced_max, absl::ZeroDuration(), absl::Hours(24)),
           Within("agent_unreachable_timeout", agent_unreachable_timeout, absl::Milliseconds(100),
                  absl::Hours(1)),
           Within("mass_loss_interval", mass_loss_interval, absl::ZeroDuration(), 365 * day),
           Within("leader_wait", leader_wait, absl::ZeroDuration(), absl::Minutes(1)),
           Within("agent_reregister_timeout", agent_reregister_timeout, absl::Seconds(1), 7 * day),
           Within("framework_heartbeat_interval", framework_heartbeat_interval,
                  absl::Milliseconds(100), absl::Hours(1)),
           Within("offer_timeout", offer_timeout, absl::Milliseconds(100),
                  absl::InfiniteDuration()),
           Positive("max_removed_frameworks", max_removed_frameworks),
           Positive("max_unreachable_agents", max_unreachable_agents),
           Within("max_unreachable_age", max_unreachable_age, absl::Minutes(1), 3650 * day),
           Positive("max_gone_agents", max_gone_agents),
           Positive("max_pending_agent_orders", max_pending_agent_orders),
           Positive("max_pending_maintenance", max_pending_maintenance),
           Positive("max_role_configs", max_role_configs),
           Positive("max_pending_role_changes", max_pending_role_changes),
           Positive("max_frameworks", max_frameworks),
           Positive("max_offers_per_framework", max_offers_per_framework),
           Positive("max_message_bytes", max_message_bytes),
           Positive("max_gangs_per_framework", max_gangs_per_framework),
           Positive("max_gang_bundles", max_gang_bundles),
           Within("max_gang_deadline", max_gang_deadline, absl::Seconds(1), 365 * day),
           Positive("max_operations_per_agent", max_operations_per_agent),
           Positive("max_agent_reports", max_agent_reports),
           Positive("max_deferred_inputs", max_deferred_inputs),
       }) {
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace meros::master
