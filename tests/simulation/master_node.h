// A master as a node: its core, with the codecs and the registry exchange of the production shell.
//
// Who opens a stream is known by its name: agents ("agent-...") speak AgentLinkService, the
// operator MasterService (operator_calls.h), everybody else SchedulerService.
//
// Thread rule: thread-compatible.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libs/runtime/backoff.h"
#include "libs/simulation/core_node.h"
#include "libs/simulation/probes.h"
#include "meros/agent_link/v1/agent_link.pb.h"
#include "meros/allocator/v1/allocator_service.pb.h"
#include "meros/registry/v1/registry_service.pb.h"
#include "meros/v1/master.pb.h"
#include "meros/v1/scheduler/scheduler_service.pb.h"
#include "services/master/core/master_core.h"
#include "services/master/fuzz/readers.h"
#include "services/master/shell/registry_exchange.h"
#include "tests/simulation/candidate.h"
#include "tests/simulation/cluster.h"
#include "tests/simulation/frames.h"
#include "tests/simulation/whitelist_ledger.h"

namespace meros::simulation {

class MasterNode : public CoreNode<master::MasterCore> {
 public:
  MasterNode(NodeContext* context, Cluster* cluster);

  void Start() override;
  void OnStreamOpen(ConnectionId id, const std::string& from) override;
  void OnStreamMessage(ConnectionId id, const std::string& bytes) override;
  void OnStreamClosed(ConnectionId id, const absl::Status& reason) override;

  // That those who read what it publishes see what is in its books, and that lists have an end.
  // REQUIRES: no batch is under way.
  void CheckReaders();

 protected:
  void Apply(absl::Time now, Effect effect) override;
  std::string Describe(const Effect& effect) const override;
  void OnBatchApplied(absl::Time now) override;

 private:
  enum class Peer { kAgent, kScheduler, kOperator };

  MasterNode(NodeContext* context, Cluster* cluster, master::MasterOptions options);

  void OnAgentFrame(ConnectionId id, const std::string& bytes);
  void OnSchedulerFrame(ConnectionId id, const std::string& bytes);
  void OnOperatorFrame(ConnectionId id, const std::string& bytes);
  void OnAllocatorFrame(const std::string& bytes);
  void OnRegistryFrame(const std::string& bytes);
  // An input from outside; when it is refused or malformed the stream ends and nothing more is
  // taken.
  bool Take(ConnectionId id, absl::StatusOr<master::Input> input);

  bool AskRegistry(absl::Time now);
  // As RegistryLink: a registry that does not serve is left for the next.
  void MoveOn();
  void OnRegistryClosed();
  // Answers of the registry; those about the lease are the election's, when it is held elsewhere.
  void TakeAnswers(std::vector<master::Input> inputs);
  void WantAllocator(bool wanted);
  void OpenAllocator();
  void RedialAllocatorLater();
  void OnPublished(master::Publish published);
  void Close(const master::CloseStream& closing);
  void Answer(const master::Reply& reply);

  Cluster& cluster_;
  const v1::MasterInfo info_;
  master::Readers readers_;
  uint64_t batches_ = 0;
  WhitelistLedger whitelist_;
  std::map<ConnectionId, Peer> peers_;

  master::RegistryExchange exchange_;
  ConnectionId registry_ = 0;  // 0: no session
  size_t registry_turn_ = 0;   // which one
  bool has_registry_answered_ = false;
  struct Question {
    Effect effect;
    std::optional<registry::v1::ElectionWin> won;
  };
  std::vector<Question> questions_;
  std::unique_ptr<Candidate> candidate_;  // null: the registry elects

  Rng rng_;
  runtime::Backoff backoff_;
  ConnectionId allocator_ = 0;
  bool wants_allocator_ = false;
  bool is_redialing_ = false;

  // Of the batch under way.
  Frames<v1::scheduler::Events> events_;
  Frames<agent_link::v1::MasterFrame> messages_;
  Frames<allocator::v1::MasterFrame> deltas_;
  std::vector<master::CloseStream> closings_;
  std::vector<master::Reply> replies_;  // calls are numbered as their streams
  master::EffectList published_;
  bool was_fenced_ = false;  // by the newest that was published
};

}  // namespace meros::simulation
