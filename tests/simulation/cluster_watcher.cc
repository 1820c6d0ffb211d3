#include "tests/simulation/cluster_watcher.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "libs/simulation/probes.h"
#include "services/master/shell/watch_snapshot.h"

namespace meros::simulation {
namespace {

namespace pb = v1::master;

constexpr size_t kMuch = 1 << 20;
constexpr uint64_t kComparedEvery = 32;  // batches: all there is is looked at

// What is said of an agent but for its amounts, of which watchers are not told.
std::string TextOf(const pb::AgentView& agent) {
  std::string text =
      absl::StrCat(pb::AgentView::State_Name(agent.state()), agent.active() ? " active" : "",
                   agent.deactivated() ? " deactivated" : "", " has");
  for (const v1::Resource& resource : agent.total()) {
    absl::StrAppend(&text, " ", absl::CEscape(resource.SerializeAsString()));
  }
  return text;
}

std::string TextOf(const pb::FrameworkView& framework) {
  std::string text = pb::FrameworkView::State_Name(framework.state());
  for (const std::string& role : framework.info().roles()) absl::StrAppend(&text, " ", role);
  return text;
}

std::string NameOf(const std::string& agent, const std::string& framework,
                   const std::string& executor) {
  return absl::StrCat("executor ", executor, " of ", framework, " on ", agent);
}

std::string TokenOf(const std::string& process, uint64_t revision) {
  return absl::StrCat(process, "/", revision);
}

}  // namespace

void ToldCluster::Put(const std::string& name, std::string what) {
  if (what.empty()) {
    known_.erase(name);
  } else {
    known_[name] = std::move(what);
  }
}

void ToldCluster::Take(const pb::WatchEvent& event) {
  if (event.has_agent()) {
    Put("agent " + event.agent().info().id().value(), TextOf(event.agent()));
  } else if (event.has_agent_removed()) {
    Put("agent " + event.agent_removed().value(), "");
  } else if (event.has_framework()) {
    Put("framework " + event.framework().info().id().value(), TextOf(event.framework()));
  } else if (event.has_framework_removed()) {
    Put("framework " + event.framework_removed().value(), "");
  } else if (event.has_task()) {
    const pb::TaskView& view = event.task();
    Put(absl::StrCat("task ", view.sequence()),
        absl::StrCat(view.task().task_id().value(), " ", v1::TaskState_Name(view.task().state()),
                     view.completed() ? " completed" : ""));
  } else if (event.has_task_removed()) {
    Put(absl::StrCat("task ", event.task_removed().sequence()), "");
  } else if (event.has_role()) {
    Put("role " + event.role().role(), absl::StrCat("version ", event.role().version()));
  } else if (event.has_role_removed()) {
    Put("role " + event.role_removed(), "");
  } else if (event.has_operation()) {
    const v1::Operation& operation = event.operation();
    Put("operation " + absl::CEscape(operation.uuid().value()),
        v1::OperationState_Name(operation.latest_status().state()));
  } else if (event.has_operation_removed()) {
    Put("operation " + absl::CEscape(event.operation_removed().value()), "");
  } else if (event.has_executor()) {
    const pb::ExecutorView& view = event.executor();
    Put(NameOf(view.agent_id().value(), view.info().framework_id().value(),
               view.info().executor_id().value()),
        "there");
  } else if (event.has_executor_removed()) {
    const pb::RemovedExecutor& removed = event.executor_removed();
    Put(NameOf(removed.agent_id().value(), removed.framework_id().value(),
               removed.executor_id().value()),
        "");
  } else if (event.has_maintenance()) {
    Put("maintenance", absl::CEscape(event.maintenance().schedule().SerializeAsString()));
  }
}

std::string ToldCluster::DifferenceFrom(const ToldCluster& other) const {
  for (const auto& [name, what] : known_) {
    const auto found = other.known_.find(name);
    const std::string& there = found == other.known_.end() ? "not there" : found->second;
    if (there != what) return absl::StrCat(name, " is ", what, ", and ", there);
  }
  for (const auto& [name, what] : other.known_) {
    if (!known_.contains(name)) return absl::StrCat(name, " is not there, and ", what);
  }
  return "";
}

// His end of a watch. The hub holds it too, for as long as there is one.
class ClusterWatcher::Stream final : public master::WatchSink {
 public:
  explicit Stream(ClusterWatcher* watcher) : watcher_(*watcher) {}

  bool Send(const master::WatchFrame& frame) override {
    if (is_cut) return false;
    pb::WatchResponse response;
    if (!response.ParseFromString(*frame)) watcher_.ledger_.Fail("a watcher cannot read a frame");
    for (const pb::WatchEvent& event : response.events()) {
      // With a token every change comes once; objects shown together have one revision.
      const bool is_behind = watcher_.token_.empty() ? event.revision() < watcher_.revision_
                                                     : event.revision() <= watcher_.revision_;
      if (is_behind) {
        watcher_.ledger_.Fail(absl::StrCat("a watcher is told of revision ", event.revision(),
                                           " after ", watcher_.revision_));
      }
      watcher_.revision_ = event.revision();
      watcher_.told_.Take(event);
    }
    if (response.has_resume_token()) watcher_.token_ = response.resume_token();
    return true;
  }
  size_t unread_bytes() const override { return is_busy ? kMuch : 0; }
  void Close(absl::Status status) override {
    Sometimes<"a watcher reads too slowly to catch up">(absl::IsOutOfRange(status));
    is_cut = true;
  }

  bool is_busy = false;  // he reads later
  bool is_cut = false;

 private:
  ClusterWatcher& watcher_;
};

void ClusterWatcher::OnMasterBatch(const std::string& process, bool leads,
                                   master::Readers* readers) {
  // Nobody holds the other end when the master's process has died.
  if (stream_ != nullptr && (stream_->is_cut || stream_.use_count() == 1)) stream_ = nullptr;
  if (stream_ == nullptr) {
    if (leads && rng_.Chance(0.1)) Begin(process, readers);
    return;
  }
  if (process != process_) return;
  if (rng_.Chance(0.01)) {
    stream_->is_cut = true;
    stream_ = nullptr;
    return;
  }
  if (rng_.Chance(0.1)) stream_->is_busy = rng_.Chance(0.3);
  if (++batches_ % kComparedEvery == 0) Compare(readers->view());
}

void ClusterWatcher::Begin(const std::string& process, master::Readers* readers) {
  const bool is_other = !token_.empty() && process != process_;
  process_ = process;
  stream_ = std::make_shared<Stream>(this);
  pb::WatchRequest request;
  if (!token_.empty()) {
    request.set_resume_token(token_);
    const absl::Status status = readers->Watch(request, stream_);
    Sometimes<"a watcher resumes where he was cut off">(status.ok());
    if (status.ok()) return;
    Sometimes<"a watcher comes with the token of another master">(is_other);
    Sometimes<"a watcher resumes too late">(!is_other);
    if (!absl::IsOutOfRange(status)) {
      ledger_.Fail(absl::StrCat("a watcher cannot resume: ", status.ToString()));
    }
  }
  token_.clear();
  revision_ = 0;
  told_ = {};
  const absl::Status status = readers->Watch({}, stream_);
  if (!status.ok()) ledger_.Fail(absl::StrCat("a watcher is refused: ", status.ToString()));
}

void ClusterWatcher::Compare(const master::ClusterView& view) {
  if (token_ != TokenOf(process_, view.revision())) return;  // something is still to be told
  master::WatchSnapshot snapshot(*master::WatchFilter::Of({}));
  std::string frame;
  while (!snapshot.is_done()) {
    snapshot.AppendNext(view, {.events = kMuch, .examined = kMuch}, &frame);
  }
  pb::WatchResponse response;
  ToldCluster seen;
  if (!response.ParseFromString(frame)) ledger_.Fail("a snapshot cannot be read");
  for (const pb::WatchEvent& event : response.events()) seen.Take(event);
  Sometimes<"what a watcher was told is compared">(true);
  const std::string difference = seen.DifferenceFrom(told_);
  if (difference.empty()) return;
  ledger_.Fail(absl::StrCat("a watcher was told something else than readers see: ", difference));
}

}  // namespace meros::simulation
