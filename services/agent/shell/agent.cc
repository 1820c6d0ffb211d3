#include "services/agent/shell/agent.h"

#include <map>
#include <utility>
#include <variant>

#include "libs/base/status_macros.h"
#include "libs/runtime/clock.h"
#include "libs/telemetry/log.h"
#include "services/agent/shell/master_inputs.h"

namespace meros::agent {
namespace {

// A line that says the same again, as while a master is away, is kept back for this long.
constexpr absl::Duration kRepeatedNoticeInterval = absl::Seconds(30);

PersistToken AfterOf(const Effect& effect) {
  if (const auto* e = std::get_if<ToContainerizer>(&effect)) return e->after;
  if (const auto* e = std::get_if<ToMaster>(&effect)) return e->after;
  if (const auto* e = std::get_if<PrepareSandbox>(&effect)) return e->after;
  if (const auto* e = std::get_if<ChangeVolumes>(&effect)) return e->after;
  if (const auto* e = std::get_if<Exit>(&effect)) return e->after;
  return 0;
}

}  // namespace

Agent::Agent(AgentParts parts)
    : sandboxes_(parts.sandboxes),
      metrics_(parts.metrics),
      volumes_(parts.core.work_dir),
      on_exit_(std::move(parts.on_exit)),
      containerizer_(parts.containerizer_address, parts.seed + 1, &redialer_),
      link_(std::move(parts.link), parts.seed + 2, &redialer_),
      store_(parts.store.get()),
      committer_(std::move(parts.store), parts.commits, parts.metrics),
      strand_(AgentCore(std::move(parts.core), parts.seed),
              {.name = "agent", .observer = parts.strand_observer}) {}

absl::Status Agent::Start() {
  MEROS_ASSIGN_OR_RETURN(std::vector<storage::Row> rows, store_->List(""));
  Recovered recovered;
  for (storage::Row& row : rows) {
    recovered.records.emplace_back(std::move(row.key), std::move(row.value));
  }
  volumes_.Start();
  committer_.Start([this](std::vector<Effect> effects) { PerformCommitted(std::move(effects)); });
  sandboxes_->Start([this](ContainerId container, absl::Status result) {
    strand_.Post(SandboxPrepared{std::move(container), std::move(result)});
  });
  strand_.Start([this](absl::Time, std::vector<Effect> effects) { Apply(std::move(effects)); });
  strand_.Post(std::move(recovered));
  link_.Start({.on_up =
                   [this](StreamId id, std::string master, std::string lost) {
                     strand_.Post(LinkUp{id, std::move(master), std::move(lost)});
                   },
               .on_down =
                   [this](StreamId id, absl::Status reason) {
                     strand_.Post(LinkDown{id, std::move(reason)});
                   },
               .on_message =
                   [this](StreamId id, agent_link::v1::MasterMessage message) {
                     strand_.Post(ToInput(id, std::move(message)));
                   }});
  containerizer_.Start({.on_up = [this](SessionId id) { strand_.Post(ContainerizerUp{id}); },
                        .on_down =
                            [this](SessionId id, absl::Status reason) {
                              has_containerizer_ = false;
                              metrics_->containerizer_connected.Set(0);
                              strand_.Post(ContainerizerDown{id, std::move(reason)});
                            },
                        .on_response =
                            [this](SessionId id, containerizer::v1::Response response) {
                              if (!has_containerizer_.exchange(true))
                                metrics_->containerizer_connected.Set(1);
                              strand_.Post(ContainerizerSaid{id, std::move(response)});
                            }});
  return absl::OkStatus();
}

void Agent::Stop() {
  if (std::exchange(is_stopped_, true)) return;
  redialer_.Stop();
  link_.Stop();
  containerizer_.Stop();
  sandboxes_->Stop();
  strand_.Stop();
  committer_.Stop();
  volumes_.Stop();
}

void Agent::Apply(std::vector<Effect> effects) {
  std::vector<Effect> waiting;
  for (Effect& effect : effects) {
    if (std::holds_alternative<Persist>(effect) || AfterOf(effect) != 0) {
      waiting.push_back(std::move(effect));
    } else {
      PerformNow(std::move(effect));
    }
  }
  if (!waiting.empty()) committer_.Push(std::move(waiting));
}

void Agent::PerformNow(Effect effect) {
  if (auto* e = std::get_if<Count>(&effect)) {
    metrics_->Add(e->what);
  } else if (auto* e = std::get_if<StateChanged>(&effect)) {
    Publish(e->state);
  } else if (auto* e = std::get_if<Notice>(&effect)) {
    Log(*e);
  } else if (auto* e = std::get_if<PrepareSandbox>(&effect)) {
    sandboxes_->Prepare(std::move(*e));
  } else if (auto* e = std::get_if<ChangeVolumes>(&effect)) {
    ChangeDisk(std::move(*e));
  } else if (auto* e = std::get_if<DiscardSandbox>(&effect)) {
    sandboxes_->Discard(e->directory);
  } else if (auto* e = std::get_if<SweepSandboxes>(&effect)) {
    sandboxes_->Sweep(e->keep);
  } else if (auto* e = std::get_if<ToContainerizer>(&effect)) {
    containerizer_.Send(e->session, {std::move(e->request)});
  } else if (auto* e = std::get_if<ToMaster>(&effect)) {
    link_.Send(e->stream, {std::move(e->message)});
  } else if (std::holds_alternative<OpenLink>(effect)) {
    link_.Open();
  } else if (auto* e = std::get_if<CloseLink>(&effect)) {
    link_.Close(e->stream, std::move(e->reason));
  } else if (auto* e = std::get_if<Exit>(&effect)) {
    Exited(std::move(e->reason));
  }
}

// In one line with the sandboxes: those of tasks that use a volume come after it.
void Agent::ChangeDisk(ChangeVolumes change) {
  sandboxes_->Run([this, change = std::move(change)] {
    absl::Status result = volumes_.Change(change);
    strand_.Post(VolumesChanged{change.operation_uuid, std::move(result)});
  });
}

// One frame per stream and batch.
void Agent::PerformCommitted(std::vector<Effect> effects) {
  std::map<SessionId, std::vector<containerizer::v1::Request>> requests;
  std::map<StreamId, std::vector<agent_link::v1::AgentMessage>> messages;
  for (Effect& effect : effects) {
    if (auto* e = std::get_if<ToContainerizer>(&effect)) {
      requests[e->session].push_back(std::move(e->request));
    } else if (auto* e = std::get_if<ToMaster>(&effect)) {
      messages[e->stream].push_back(std::move(e->message));
    } else if (std::holds_alternative<PrepareSandbox>(effect) ||
               std::holds_alternative<ChangeVolumes>(effect)) {
      PerformNow(std::move(effect));
    } else if (auto* e = std::get_if<Exit>(&effect)) {
      Exited(std::move(e->reason));
    }
  }
  for (auto& [session, batch] : requests) containerizer_.Send(session, std::move(batch));
  for (auto& [stream, batch] : messages) link_.Send(stream, std::move(batch));
}

void Agent::Log(const Notice& notice) {
  const absl::Time now = runtime::ProcessClock::Get().Now();
  if (notice.text == last_notice_ && now - last_notice_time_ < kRepeatedNoticeInterval) return;
  last_notice_ = notice.text;
  last_notice_time_ = now;
  switch (notice.severity) {
    case Notice::Severity::kInfo:
      MEROS_LOG(INFO) << notice.text;
      break;
    case Notice::Severity::kWarning:
      MEROS_LOG(WARNING) << notice.text;
      break;
    case Notice::Severity::kError:
      MEROS_LOG(ERROR) << notice.text;
      break;
  }
}

void Agent::Publish(AgentState state) {
  state_ = state;
  metrics_->registered.Set(state == AgentState::kRunning ? 1 : 0);
  MEROS_LOG(DEBUG) << "agent is " << Name(state);
}

void Agent::Exited(absl::Status reason) {
  if (auto on_exit = std::exchange(on_exit_, nullptr)) on_exit(std::move(reason));
}

void Agent::AddChecks(telemetry::Health* health) {
  health->AddReadiness("master", [this] {
    return state() == AgentState::kRunning
               ? absl::OkStatus()
               : absl::UnavailableError(
                     absl::StrCat("not registered with a master: the agent is ", Name(state())));
  });
  health->AddReadiness("containerizer", [this] {
    return has_containerizer_ ? absl::OkStatus()
                              : absl::UnavailableError("the containerizer does not answer");
  });
  health->AddReadiness("checkpoints", [this] { return committer_.status(); });
}

void Agent::AddMetrics(telemetry::MetricRegistry* registry) {
  // A scrape never waits for the strand: it asks, and shows what the scrape before it was told.
  registry->AddCallbackGauge(
      "meros_agent_updates_unacknowledged",
      "Status updates that wait for their framework's acknowledgement, at the scrape before.",
      [this] {
        if (!is_counting_updates_.exchange(true)) {
          Inspect([this](const AgentCore& core) {
            updates_unacknowledged_ = core.book().PendingUpdates();
            is_counting_updates_ = false;
          });
        }
        return static_cast<double>(updates_unacknowledged_);
      });
}

}  // namespace meros::agent
