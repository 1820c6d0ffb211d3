#include "cli/what_if_table.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "cli/amounts.h"
#include "cli/format.h"

namespace meros::cli {
namespace {

namespace pb = meros::allocator::v1;

std::string Text(const pb::Quantities& quantities) {
  Amounts amounts;
  for (const auto& [name, milli] : quantities.milli()) {
    amounts[name] = static_cast<double>(milli) / 1000;
  }
  return AmountsText(amounts);
}

std::string Share(double share) { return absl::StrFormat("%.1f%%", share * 100); }

std::string Origin(const pb::SnapshotHeader& header) {
  return absl::StrCat("snapshot of ",
                      absl::FormatTime(absl::RFC3339_sec, absl::FromUnixMillis(header.taken_ms()),
                                       absl::UTCTimeZone()),
                      ", master ", Printable(header.master_address()), ", epoch ", header.epoch(),
                      ", revision ", header.revision(), "\n");
}

std::string Clusters(const pb::WhatIfReport& report) {
  Table table({"CLUSTER", "AGENTS", "TOTAL", "FREE"});
  table.Add({"snapshot", absl::StrCat(report.before().agents()), Text(report.before().total()),
             Text(report.before().free())});
  table.Add({"then", absl::StrCat(report.after().agents()), Text(report.after().total()),
             Text(report.after().free())});
  return table.Print();
}

std::string Roles(const pb::WhatIfReport& report) {
  Table table({"ROLE", "USED", "OFFERED", "THEN", "SHARE", "SHARE THEN", "WEIGHT", "PRIORITY",
               "GUARANTEE", "LACKING", "LIMIT", "LIMIT LEFT"});
  for (const pb::WhatIfRole& role : report.roles()) {
    table.Add({role.role(), Text(role.used()), Text(role.offered()), Text(role.after()),
               Share(role.share_before()), Share(role.share_after()), Number(role.weight()),
               absl::StrCat(role.priority()), Text(role.quota().guarantees()),
               Text(role.guarantee_lacking()), Text(role.quota().limits()),
               Text(role.limit_left())});
  }
  return table.Print();
}

std::string Frameworks(const pb::WhatIfReport& report) {
  Table table(
      {"FRAMEWORK", "ROLE", "USED", "OFFERED", "THEN", "SHARE", "SHARE THEN", "WANTS OFFERS"});
  for (const pb::WhatIfFramework& row : report.frameworks()) {
    table.Add({row.framework_id(), row.role(), Text(row.used()), Text(row.offered()),
               Text(row.after()), Share(row.share_before()), Share(row.share_after()),
               row.wants_offers() ? "yes" : "no"});
  }
  return table.Print();
}

std::string Preemptions(const pb::WhatIfReport& report) {
  if (report.preemptions().empty()) return "";
  Table table({"TAKEN BACK FROM", "ROLE", "AGENT", "AMOUNT", "FOR ROLE"});
  for (const pb::WhatIfPreemption& row : report.preemptions()) {
    table.Add({row.framework_id(), row.role(), row.agent_id(), Text(row.amount()), row.for_role()});
  }
  return absl::StrCat("\n", table.Print());
}

std::string Agents(const pb::WhatIfReport& report) {
  if (report.agents().empty()) return "";
  Table table({"AGENT", "HOSTNAME", "TOTAL", "FREE", "FRAMEWORK", "ROLE", "THEN"});
  for (const pb::WhatIfAgent& agent : report.agents()) {
    const std::string total = Text(agent.total()), free = Text(agent.free());
    if (agent.holdings().empty()) {
      table.Add({agent.agent_id(), agent.hostname(), total, free, "", "", ""});
    }
    for (const pb::WhatIfHolding& part : agent.holdings()) {
      table.Add({agent.agent_id(), agent.hostname(), total, free, part.framework_id(), part.role(),
                 Text(part.amount())});
    }
  }
  return absl::StrCat("\n", table.Print());
}

}  // namespace

std::string WhatIfText(const pb::WhatIfReport& report) {
  std::string text = absl::StrCat(Origin(report.snapshot()), Clusters(report), "\n", Roles(report),
                                  "\n", Frameworks(report), Preemptions(report), Agents(report));
  absl::StrAppend(&text, "\n", report.settled() ? "settled" : "NOT SETTLED", " after ",
                  report.cycles(), " allocation intervals and ", report.offers(), " offers",
                  report.settled() ? "" : "; more with --cycles", "\n");
  return text;
}

}  // namespace meros::cli
