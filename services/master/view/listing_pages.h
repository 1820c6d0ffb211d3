// Pages of the large listings of MasterService, in two steps: a page is taken from the view in one
// go, as references to immutable records, and packed by whoever has the time, on any thread. Taking
// is the cheaper by far, and all that the thread of the view has to do.
//
// Pages: entries are ordered by id; a page token names the last entry that was looked at, so a
// listing over several pages is consistent for every entry that does not change meanwhile, and a
// page for all of its entries: they are those of its revision. A page may have fewer entries than
// were asked for, even none, and others follow: only one without a token is the last.
//
// ERRORS of all: InvalidArgument (page size, token or filters).
// Thread rule: pages are values and immutable once taken; functions are pure, taking ones as the
// view.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "meros/v1/master/operator/agents.pb.h"
#include "meros/v1/master/operator/frameworks.pb.h"
#include "meros/v1/master/operator/tasks.pb.h"
#include "services/master/view/cluster_view.h"

namespace meros::master {

inline constexpr uint32_t kDefaultPageSize = 1000;
inline constexpr uint32_t kMaxPageSize = 10000;

struct PageLimits {
  // Entries looked at for one page, so that a filter that few match does not hold up the others:
  // whoever asks something short waits for one page to be taken.
  size_t examined_max = 5000;
  // A page ends with the entry that reaches this: 1,024 agents, or at most 2,000 tasks.
  size_t bytes_max = 1 << 20;
};

struct AgentPage {
  std::vector<AgentEntry> rows;
  std::string next_page_token;
  uint64_t revision = 0;
};

struct FrameworkPage {
  std::vector<FrameworkEntry> rows;
  std::string next_page_token;
  uint64_t revision = 0;
};

struct TaskPage {
  struct Row {
    TaskEntry entry;
    std::shared_ptr<const AgentRecord> agent;    // null if not known
    const FrameworkRecord* framework = nullptr;  // one of `frameworks`; null if not known
  };
  std::vector<Row> rows;
  std::vector<std::shared_ptr<const FrameworkRecord>> frameworks;
  std::string next_page_token;
  uint64_t revision = 0;
};

absl::StatusOr<AgentPage> TakePage(const ClusterView& view,
                                   const v1::master::ListAgentsRequest& request,
                                   PageLimits limits = {});
absl::StatusOr<FrameworkPage> TakePage(const ClusterView& view,
                                       const v1::master::ListFrameworksRequest& request,
                                       PageLimits limits = {});
absl::StatusOr<TaskPage> TakePage(const ClusterView& view,
                                  const v1::master::ListTasksRequest& request,
                                  PageLimits limits = {});

// The packed response. Rows that no longer fit are left to the next page.
std::string Pack(const AgentPage& page, PageLimits limits = {});
std::string Pack(const FrameworkPage& page, PageLimits limits = {});
std::string Pack(const TaskPage& page, PageLimits limits = {});

}  // namespace meros::master
