#include "services/master/view/listing_pages.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/status_macros.h"
#include "services/master/view/encode_view.h"
#include "services/master/view/listing_filters.h"
#include "services/master/view/page_progress.h"
#include "services/master/view/task_writer.h"
#include "services/master/view/wire_writer.h"

namespace meros::master {
namespace {

namespace pb = ::meros::v1::master;

// What an entry is taken to have when a page is taken; packing counts.
constexpr size_t kEntryBytes = 512;

std::string TokenOf(const AgentEntry& entry) { return entry.record->id.value(); }
std::string TokenOf(const FrameworkEntry& entry) { return entry.record->id.value(); }
// "SEQUENCE/FRAMEWORK ID/TASK ID"; ids hold no '/'.
std::string TokenOf(const TaskEntry& entry) {
  const Task& task = entry.task;
  return absl::StrCat(task.sequence(), "/", task.framework_id().value(), "/", task.id().value());
}

absl::StatusOr<TaskKey> ParseToken(const std::string& token) {
  const std::vector<std::string> parts = absl::StrSplit(token, '/');
  uint64_t sequence = 0;
  if (parts.size() != 3 || !absl::SimpleAtoi(parts[0], &sequence)) {
    return absl::InvalidArgumentError("page_token: not one that this master gave");
  }
  return TaskKey(FrameworkId(parts[1]), TaskId(parts[2]), sequence);
}

size_t EstimateOf(const AgentEntry&) { return 2 * kEntryBytes; }
size_t EstimateOf(const FrameworkEntry&) { return 2 * kEntryBytes; }
size_t EstimateOf(const TaskEntry& entry) {
  return kEntryBytes + entry.task.facts->description->size();
}

// Goes from `it` to `end`, or until the page is full; `take` is called with each entry that
// matches. Returns the token of the next page.
template <typename Iterator, typename EntryOf, typename Filter, typename Take>
std::string Walk(Iterator it, Iterator end, const Filter& filter, Progress progress,
                 EntryOf entry_of, Take take) {
  Iterator last = it;
  for (; it != end; ++it) {
    const auto& entry = entry_of(it);
    const bool matches = filter.Matches(entry);
    if (progress.ends_before(matches)) return TokenOf(entry_of(last));
    last = it;
    ++progress.examined;
    if (!matches) continue;
    ++progress.rows;
    progress.bytes += EstimateOf(entry);
    take(entry);
  }
  return "";
}

// The fields of a response after its rows.
template <typename Response>
void AppendEnd(const std::string& next_page_token, uint64_t revision, WireWriter* out) {
  if (!next_page_token.empty()) out->Bytes(Response::kNextPageTokenFieldNumber, next_page_token);
  out->Varint(Response::kRevisionFieldNumber, revision);
}

// `append` adds a row to the response that it is given.
template <typename Response, typename Page, typename Token, typename Append>
std::string PackRows(const Page& page, PageLimits limits, Token token_of, Append append) {
  std::string packed;
  // A little more than most need; what is not touched costs nothing.
  packed.reserve(std::min(limits.bytes_max, page.rows.size() * 2 * kEntryBytes) + kEntryBytes);
  WireWriter out(&packed);
  std::string next_page_token = page.next_page_token;
  for (size_t i = 0; i < page.rows.size(); ++i) {
    if (packed.size() >= limits.bytes_max) {
      next_page_token = token_of(page.rows[i - 1]);
      break;
    }
    append(page.rows[i], &out);
  }
  AppendEnd<Response>(next_page_token, page.revision, &out);
  return packed;
}

}  // namespace

absl::StatusOr<AgentPage> TakePage(const ClusterView& view, const pb::ListAgentsRequest& request,
                                   PageLimits limits) {
  MEROS_ASSIGN_OR_RETURN(const size_t size, PageSize(request.page_size()));
  MEROS_ASSIGN_OR_RETURN(const AgentFilter filter, AgentFilter::Of(request));
  AgentPage page;
  page.revision = view.revision();
  const auto& agents = view.agents();
  page.next_page_token = Walk(
      request.page_token().empty() ? agents.begin()
                                   : agents.upper_bound(AgentId(request.page_token())),
      agents.end(), filter, {size, limits}, [](auto it) -> const AgentEntry& { return it->second; },
      [&](const AgentEntry& entry) { page.rows.push_back(entry); });
  return page;
}

absl::StatusOr<FrameworkPage> TakePage(const ClusterView& view,
                                       const pb::ListFrameworksRequest& request,
                                       PageLimits limits) {
  MEROS_ASSIGN_OR_RETURN(const size_t size, PageSize(request.page_size()));
  MEROS_ASSIGN_OR_RETURN(const FrameworkFilter filter, FrameworkFilter::Of(request));
  FrameworkPage page;
  page.revision = view.revision();
  const auto& frameworks = view.frameworks();
  page.next_page_token = Walk(
      request.page_token().empty() ? frameworks.begin()
                                   : frameworks.upper_bound(FrameworkId(request.page_token())),
      frameworks.end(), filter, {size, limits},
      [](auto it) -> const FrameworkEntry& { return it->second; },
      [&](const FrameworkEntry& entry) { page.rows.push_back(entry); });
  return page;
}

absl::StatusOr<TaskPage> TakePage(const ClusterView& view, const pb::ListTasksRequest& request,
                                  PageLimits limits) {
  MEROS_ASSIGN_OR_RETURN(const size_t size, PageSize(request.page_size()));
  MEROS_ASSIGN_OR_RETURN(const TaskFilter filter, TaskFilter::Of(request));
  TaskPage page;
  page.revision = view.revision();
  const auto& tasks = view.tasks();
  // One framework's tasks are neighbours; the next id there can be is this one and a zero.
  const FrameworkId only(request.framework_id().value());
  auto begin = tasks.lower_bound(TaskKey(only, TaskId(), 0));
  const auto end = request.has_framework_id()
                       ? tasks.lower_bound(TaskKey(FrameworkId(only.value() + '\0'), TaskId(), 0))
                       : tasks.end();
  if (!request.page_token().empty()) {
    MEROS_ASSIGN_OR_RETURN(TaskKey after, ParseToken(request.page_token()));
    if (request.has_framework_id() && std::get<0>(after) != only) {
      return absl::InvalidArgumentError("page_token: of a listing of another framework");
    }
    begin = tasks.upper_bound(after);
  }
  const auto take = [&](const TaskEntry& entry) {
    if (page.rows.empty() ||
        page.rows.back().entry.task.framework_id() != entry.task.framework_id()) {
      const FrameworkEntry* framework = view.FindFramework(entry.task.framework_id());
      page.frameworks.push_back(framework == nullptr ? nullptr : framework->record);
    }
    page.rows.push_back(
        {entry, view.FindAgentRecord(entry.task.agent_id()), page.frameworks.back().get()});
  };
  page.next_page_token = Walk(
      begin, end, filter, {size, limits}, [](auto it) -> const TaskEntry& { return **it; }, take);
  return page;
}

std::string Pack(const AgentPage& page, PageLimits limits) {
  // Nearly all of a view but the info is computed, and goes through a message that is used again.
  pb::AgentView rest;
  std::string info, fields, packed_info;
  const auto append = [&](const AgentEntry& entry, WireWriter* out) {
    info.clear();
    entry.record->info->AppendPartialToString(&info);
    WireWriter(&info).Id(v1::AgentInfo::kIdFieldNumber, entry.record->id.value());
    packed_info.clear();
    WireWriter(&packed_info).Bytes(pb::AgentView::kInfoFieldNumber, info);
    rest.Clear();
    EncodeAllButInfo(entry, &rest);
    fields.clear();
    rest.AppendPartialToString(&fields);
    out->Message(pb::ListAgentsResponse::kAgentsFieldNumber, packed_info, fields);
  };
  return PackRows<pb::ListAgentsResponse>(
      page, limits, [](const AgentEntry& entry) { return TokenOf(entry); }, append);
}

std::string Pack(const FrameworkPage& page, PageLimits limits) {
  pb::FrameworkView view;
  std::string fields;
  const auto append = [&](const FrameworkEntry& entry, WireWriter* out) {
    view.Clear();
    Encode(entry, &view);
    fields.clear();
    view.AppendPartialToString(&fields);
    out->Bytes(pb::ListFrameworksResponse::kFrameworksFieldNumber, fields);
  };
  return PackRows<pb::ListFrameworksResponse>(
      page, limits, [](const FrameworkEntry& entry) { return TokenOf(entry); }, append);
}

std::string Pack(const TaskPage& page, PageLimits limits) {
  TaskWriter writer;
  std::string fields;
  const auto append = [&](const TaskPage::Row& row, WireWriter* out) {
    fields.clear();
    writer.Append(row.entry, row.agent.get(), row.framework, &fields);
    out->Bytes(pb::ListTasksResponse::kTasksFieldNumber, fields);
  };
  return PackRows<pb::ListTasksResponse>(
      page, limits, [](const TaskPage::Row& row) { return TokenOf(row.entry); }, append);
}

}  // namespace meros::master
