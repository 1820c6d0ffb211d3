#include "libs/simulation/world.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/simulation/world_slot.h"

namespace meros::simulation {
namespace {

uint64_t MixSeed(uint64_t seed, absl::string_view purpose) {
  uint64_t hash = seed ^ 14695981039346656037u;
  for (const char c : purpose) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return hash;
}

// Stands between the network and a node: what arrives while the node is paused waits.
class Gate : public Endpoint {
 public:
  Gate(NodeContext* context, Node* node) : context_(*context), node_(*node) {}

  void OnCall(const std::string& from, const std::string& bytes) override {
    context_.At(context_.Now(), [this, from, bytes] { node_.OnCall(from, bytes); });
  }
  void OnStreamOpen(ConnectionId id, const std::string& from) override {
    context_.At(context_.Now(), [this, id, from] { node_.OnStreamOpen(id, from); });
  }
  void OnStreamMessage(ConnectionId id, const std::string& bytes) override {
    context_.At(context_.Now(), [this, id, bytes] { node_.OnStreamMessage(id, bytes); });
  }
  void OnStreamClosed(ConnectionId id, const absl::Status& reason) override {
    context_.At(context_.Now(), [this, id, reason] { node_.OnStreamClosed(id, reason); });
  }

 private:
  NodeContext& context_;
  Node& node_;
};

}  // namespace

World::World(const WorldOptions& options)
    : options_(options),
      trace_(options.trace_lines),
      chaos_rng_(MixSeed(options.seed, "chaos")),
      net_(&events_, options.faults.net, MixSeed(options.seed, "net")) {}

World::~World() = default;

Rng World::MakeRng(absl::string_view purpose) const { return Rng(MixSeed(options_.seed, purpose)); }

World::Slot* World::FindSlot(const std::string& name) const {
  const auto found = slots_.find(name);
  MEROS_CHECK(found != slots_.end()) << "no node " << name;
  return found->second.get();
}

void World::AddNode(const std::string& name, NodeOptions options) {
  auto slot = std::make_unique<Slot>();
  slot->name = name;
  slot->options = std::move(options);
  slot->disk = std::make_unique<SimDisk>(&events_, options_.faults.disk,
                                         MixSeed(options_.seed, absl::StrCat("disk ", name)));
  Slot* const added = slot.get();
  MEROS_CHECK(slots_.emplace(name, std::move(slot)).second) << "node " << name << " exists";
  Boot(added);
}

void World::Boot(Slot* slot) {
  ++slot->incarnation;
  slot->paused_until = absl::InfinitePast();
  slot->contexts.push_back(std::make_unique<NodeContext>(this, slot->name, slot->incarnation));
  NodeContext* const context = slot->contexts.back().get();
  slot->node = slot->options.make(context);
  slot->gate = std::make_unique<Gate>(context, slot->node.get());
  net_.Attach(slot->name, slot->gate.get());
  Note(slot->name, "start");
  Node* const node = slot->node.get();
  context->At(Now(), [node] { node->Start(); });
}

void World::Crash(const std::string& name) {
  Slot* const slot = FindSlot(name);
  if (slot->node == nullptr) return;
  Note(name, "crash");
  slot->disk->Crash();
  ++slot->incarnation;
  net_.Detach(name);
  dead_.push_back(std::move(slot->node));
}

void World::Restart(const std::string& name) {
  Slot* const slot = FindSlot(name);
  if (slot->node == nullptr) Boot(slot);
}

void World::Pause(const std::string& name, absl::Duration duration) {
  Slot* const slot = FindSlot(name);
  if (slot->node == nullptr) return;
  Note(name, "pause");
  slot->paused_until = std::max(slot->paused_until, Now() + duration);
}

bool World::IsUp(const std::string& name) const { return FindSlot(name)->node != nullptr; }

Node* World::Find(const std::string& name) const { return FindSlot(name)->node.get(); }

SimDisk& World::disk(const std::string& node) { return *FindSlot(node)->disk; }

void World::AddInvariant(const std::string& name, std::function<absl::Status()> check) {
  invariants_.emplace_back(name, std::move(check));
}

absl::Status World::CheckAfterEvent() {
  dead_.clear();
  if (++events_run_ > options_.events_max) {
    return absl::ResourceExhaustedError(absl::StrCat("more than ", options_.events_max, " events"));
  }
  for (const auto& [name, check] : invariants_) {
    const absl::Status status = check();
    if (!status.ok()) {
      return absl::InternalError(absl::StrCat("invariant '", name, "': ", status.message()));
    }
  }
  return absl::OkStatus();
}

absl::Status World::RunFor(absl::Duration duration) {
  const absl::Time end = Now() + duration;
  while (events_.NextTime() <= end) {
    events_.RunNext();
    const absl::Status status = CheckAfterEvent();
    if (!status.ok()) return status;
  }
  events_.AdvanceTo(end);
  return absl::OkStatus();
}

absl::Status World::RunUntil(const std::function<bool()>& condition, absl::Duration limit) {
  const absl::Time end = Now() + limit;
  while (!condition()) {
    if (events_.NextTime() > end) {
      return absl::DeadlineExceededError(
          absl::StrCat("the condition does not hold after ", absl::FormatDuration(limit)));
    }
    events_.RunNext();
    const absl::Status status = CheckAfterEvent();
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

NodeContext::NodeContext(World* world, std::string name, uint64_t incarnation)
    : world_(*world), name_(std::move(name)), incarnation_(incarnation) {}

bool NodeContext::IsAlive() const { return world_.FindSlot(name_)->incarnation == incarnation_; }

void NodeContext::At(absl::Time time, std::function<void()> action) {
  world_.events_.At(time, [this, action = std::move(action)]() mutable {
    if (!IsAlive()) return;
    const absl::Time paused_until = world_.FindSlot(name_)->paused_until;
    // Put off in the order in which they were due, so a pause reorders nothing.
    if (paused_until > Now()) return At(paused_until, std::move(action));
    action();
  });
}

void NodeContext::Call(const std::string& to, std::string bytes) {
  if (IsAlive()) world_.net_.Call(name_, to, std::move(bytes));
}

ConnectionId NodeContext::Open(const std::string& to) {
  return IsAlive() ? world_.net_.Open(name_, to) : 0;
}

void NodeContext::Write(ConnectionId id, std::string bytes) {
  if (IsAlive()) world_.net_.Write(id, name_, std::move(bytes));
}

void NodeContext::Close(ConnectionId id, const absl::Status& reason) {
  if (IsAlive()) world_.net_.Close(id, name_, reason);
}

void NodeContext::Commit(SimDisk::Writes writes, SimDisk::Done done, SimDisk::Atomicity atomicity) {
  if (!IsAlive()) return;
  world_.disk(name_).Commit(std::move(writes), atomicity,
                            [this, done = std::move(done)](const absl::Status& status) {
                              At(Now(), [done, status] { done(status); });
                            });
}

Rng NodeContext::MakeRng(absl::string_view purpose) const {
  return world_.MakeRng(absl::StrCat(name_, "/", incarnation_, "/", purpose));
}

bool NodeContext::Record(absl::string_view what) {
  if (!IsAlive()) return false;
  const World::Slot& slot = *world_.FindSlot(name_);
  const double chance = world_.is_chaotic_ ? world_.faults().chaos.effect_crash_chance : 0;
  if (slot.options.may_crash && world_.chaos_rng_.Chance(chance)) {
    world_.CrashAndRestartLater(name_);
    return false;
  }
  world_.Note(name_, what);
  return true;
}

}  // namespace meros::simulation
