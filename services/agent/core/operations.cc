// Operations on the agent's resources: judged by what the agent has, recorded, carried out on disk
// and answered. The rules that go beyond what the agent has (who may reserve for whom) are the
// master's.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/status_macros.h"
#include "services/agent/core/agent_core.h"

namespace meros::agent {

namespace link = agent_link::v1;

using resources::Conversion;
using resources::Resource;
using resources::Resources;

namespace {

constexpr size_t kUuidBytes = 16;

Conversion WithoutAllocation(const Conversion& conversion) {
  return {conversion.consumed.WithoutAllocation(), conversion.converted.WithoutAllocation()};
}

// As configured: without volumes and dynamic reservations.
Resources Origin(const Resources& checkpointed) {
  Resources origin;
  for (const Resource& resource : checkpointed) {
    Resources bare = resource.is_persistent_volume() ? Resources(DiskOfVolume(resource)) : resource;
    while (bare.begin()->is_dynamically_reserved()) bare = bare.PopReservation();
    origin += bare;
  }
  return origin;
}

bool IsSameVolume(const Resource& a, const Resource& b) {
  return a.metadata()->disk->persistence->id == b.metadata()->disk->persistence->id &&
         ReservationRole(*a.metadata()) == ReservationRole(*b.metadata());
}

bool HasVolume(const Resources& resources, const Resource& volume) {
  const Resources volumes = resources.PersistentVolumes();
  return std::any_of(volumes.begin(), volumes.end(),
                     [&](const Resource& other) { return IsSameVolume(other, volume); });
}

// The directories of volumes that are in `some` and not in `others`: those that a CREATE makes or a
// DESTROY deletes. REQUIRES: each has one.
std::vector<VolumeDirectory> DirectoriesOf(const std::string& work_dir, const Resources& some,
                                           const Resources& others) {
  std::vector<VolumeDirectory> directories;
  for (const Resource& volume : some.PersistentVolumes()) {
    if (HasVolume(others, volume)) continue;  // it is resized
    absl::StatusOr<VolumeDirectory> directory = DirectoryOf(work_dir, volume);
    MEROS_CHECK(directory.ok()) << directory.status().message();
    directories.push_back(*std::move(directory));
  }
  return directories;
}

// The task that uses the volume; null if none does. What the master offers is in no use as far as
// it knows, but the tasks of a removed framework leave its books before they have stopped.
const Task* UserOf(const TaskBook& book, const ResourceCodec& codec, const Resource& volume) {
  for (const auto& [key, task] : book.tasks()) {
    if (task.has_ended() || !task.info.has_value()) continue;
    const absl::StatusOr<Resources> used = codec.decode(task.info->resources());
    if (!used.ok()) continue;
    for (const Resource& other : used->PersistentVolumes()) {
      if (IsSameVolume(other, volume)) return &task;
    }
  }
  return nullptr;
}

void Undo(const Conversion& conversion, Resources* total) {
  if (!total->Contains(conversion.converted)) return;  // the volume was destroyed meanwhile
  *total -= conversion.converted;
  *total += conversion.consumed;
}

bool ChangesDisk(const v1::Offer::Operation& operation) {
  return operation.type() == v1::Offer::Operation::CREATE ||
         operation.type() == v1::Offer::Operation::DESTROY;
}

// Whether `later` resizes a volume that `earlier` makes or resizes.
bool BuildsOn(const OpenOperation& later, const OpenOperation& earlier) {
  if (earlier.sequence >= later.sequence || ChangesDisk(later.info)) return false;
  const Resources volumes = later.conversion.consumed.PersistentVolumes();
  return std::any_of(volumes.begin(), volumes.end(), [&](const Resource& volume) {
    return HasVolume(earlier.conversion.converted, volume);
  });
}

}  // namespace

// ---- Recovery ----

absl::Status AgentCore::RecoverResources(RecoveredState* recovered) {
  if (options_.info.resources_size() > 0) {
    MEROS_ASSIGN_OR_RETURN(total_, options_.codec.decode(options_.info.resources()));
  }
  if (recovered->reservations.resources_size() > 0) {
    MEROS_ASSIGN_OR_RETURN(const Resources reserved,
                           options_.codec.decode(recovered->reservations.resources()));
    const Resources origin = Origin(reserved);
    if (!total_.Contains(origin)) {
      return absl::FailedPreconditionError(
          absl::StrCat("the resources of this agent, ", total_.DebugString(),
                       ", do not hold what is reserved or a volume on it, ", reserved.DebugString(),
                       "; give it its former --resources, or undo the reservations first"));
    }
    total_ -= origin;
    total_ += reserved;
  }
  for (auto& [uuid, operation] : recovered->operations) {
    last_operation_ = std::max(last_operation_, operation.sequence);
    if (operation.is_pending()) {
      MEROS_ASSIGN_OR_RETURN(resources::Operation decoded,
                             options_.codec.decode_operation(operation.info));
      MEROS_ASSIGN_OR_RETURN(Conversion conversion, ConversionOf(decoded));
      operation.conversion = WithoutAllocation(conversion);
    }
  }
  operations_ = std::move(recovered->operations);
  // What was under way is done once more, in the order in which it came: all of it is repeatable.
  for (const OpenOperation* operation : OperationsInOrder()) {
    if (operation->is_pending()) ChangeDisk(*operation);
  }
  return absl::OkStatus();
}

std::vector<const OpenOperation*> AgentCore::OperationsInOrder() const {
  std::vector<const OpenOperation*> ordered;
  for (const auto& [uuid, operation] : operations_) ordered.push_back(&operation);
  std::sort(ordered.begin(), ordered.end(),
            [](const auto* a, const auto* b) { return a->sequence < b->sequence; });
  return ordered;
}

// ---- Orders ----

void AgentCore::OnApplyOperation(const link::ApplyOperation& apply) {
  if (apply.operation_uuid().size() != kUuidBytes) return Count(Counter::kMessageIgnored);
  if (auto known = operations_.find(apply.operation_uuid()); known != operations_.end()) {
    known->second.due = now_;  // the order came twice: the answer is how the operation is
    return ForwardOperations();
  }
  OpenOperation* operation =
      OpenNew(apply.framework_id(), apply.operation_uuid(), apply.operation());
  if (apply.resource_version_uuid() != node_.resource_version_uuid()) {
    return EndOperation(operation, v1::OPERATION_DROPPED,
                        "the agent's resources have changed since the operation was judged");
  }
  const absl::Status status = Convert(operation);
  if (!status.ok()) {
    // The master counts with another outcome.
    ChangeVersion();
    return EndOperation(
        operation, absl::IsFailedPrecondition(status) ? v1::OPERATION_DROPPED : v1::OPERATION_ERROR,
        std::string(status.message()));
  }
  SaveReservations();
  if (!ChangesDisk(operation->info) && !BuildsOnPending(*operation)) {
    return EndOperation(operation, v1::OPERATION_FINISHED, "");
  }
  SaveOperation(*operation);
  ChangeDisk(*operation);
}

OpenOperation* AgentCore::OpenNew(const std::string& framework_id, const std::string& uuid,
                                  const v1::Offer::Operation& info) {
  OpenOperation& operation = operations_[uuid];
  operation.uuid = uuid;
  operation.framework_id = framework_id;
  operation.sequence = ++last_operation_;
  operation.info = info;
  operation.status.set_state(v1::OPERATION_PENDING);
  operation.status.mutable_agent_id()->set_value(node_.agent_id());
  if (info.has_id()) *operation.status.mutable_operation_id() = info.id();
  return &operation;
}

// What the agent has becomes what the operation makes of it.
// ERRORS: FailedPrecondition if the agent does not have what the operation needs, or a task uses a
// volume of it.
absl::Status AgentCore::Convert(OpenOperation* operation) {
  MEROS_ASSIGN_OR_RETURN(const resources::Operation decoded,
                         options_.codec.decode_operation(operation->info));
  MEROS_ASSIGN_OR_RETURN(const Conversion conversion, ConversionOf(decoded));
  const Conversion plain = WithoutAllocation(conversion);
  for (const Resource& volume : (plain.consumed + plain.converted).PersistentVolumes()) {
    MEROS_RETURN_IF_ERROR(DirectoryOf(options_.work_dir, volume).status());
  }
  for (const Resource& volume : plain.consumed.PersistentVolumes()) {
    const Task* const user = UserOf(book_, options_.codec, volume);
    if (user == nullptr) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("volume ", volume.metadata()->disk->persistence->id, " is in use by task ",
                     user->key.task.value(), " of framework ", user->key.framework.value()));
  }
  MEROS_ASSIGN_OR_RETURN(total_, resources::Apply(plain, total_));
  operation->conversion = plain;
  // Told with the result; as the framework named it, with its allocation.
  options_.codec.encode(conversion.converted, operation->status.mutable_converted_resources());
  return absl::OkStatus();
}

void AgentCore::ChangeDisk(const OpenOperation& operation) {
  ChangeVolumes change;
  change.operation_uuid = operation.uuid;
  change.after = journal_.token();
  const auto& [consumed, converted] = operation.conversion;
  change.create = DirectoriesOf(options_.work_dir, converted, consumed);
  change.destroy = DirectoriesOf(options_.work_dir, consumed, converted);
  Emit(std::move(change));
}

// Whether it resizes a volume that is still being made.
bool AgentCore::BuildsOnPending(const OpenOperation& operation) const {
  return std::any_of(operations_.begin(), operations_.end(), [&](const auto& entry) {
    return entry.second.is_pending() && BuildsOn(operation, entry.second);
  });
}

void AgentCore::Handle(VolumesChanged&& input) {
  auto it = operations_.find(input.operation_uuid);
  if (it == operations_.end() || !it->second.is_pending()) return;
  OpenOperation* operation = &it->second;
  if (!input.result.ok()) {
    Note(Notice::Severity::kError,
         absl::StrCat("an operation on volumes failed: ", input.result.message()));
    return FailOperation(operation, std::string(input.result.message()));
  }
  if (BuildsOnPending(*operation)) return;  // ends with what it builds on
  FinishOperation(operation);
}

void AgentCore::FinishOperation(OpenOperation* operation) {
  const std::vector<OpenOperation*> later = BuiltOn(*operation);
  EndOperation(operation, v1::OPERATION_FINISHED, "");
  for (OpenOperation* resize : later) {
    if (!BuildsOnPending(*resize)) EndOperation(resize, v1::OPERATION_FINISHED, "");
  }
}

// With all that waits for it. The master hears what the agent has before it hears the results.
void AgentCore::FailOperation(OpenOperation* operation, const std::string& message) {
  std::vector<OpenOperation*> failed = BuiltOn(*operation);
  failed.insert(failed.begin(), operation);
  for (auto undone = failed.rbegin(); undone != failed.rend(); ++undone) {
    Undo((*undone)->conversion, &total_);
  }
  SaveReservations();
  ChangeVersion();
  for (OpenOperation* each : failed) EndOperation(each, v1::OPERATION_FAILED, message);
}

// What waits for it, in the order of arrival.
std::vector<OpenOperation*> AgentCore::BuiltOn(const OpenOperation& operation) {
  std::vector<OpenOperation*> later;
  for (auto& [uuid, other] : operations_) {
    if (other.is_pending() && BuildsOn(other, operation)) later.push_back(&other);
  }
  std::sort(later.begin(), later.end(),
            [](const auto* a, const auto* b) { return a->sequence < b->sequence; });
  return later;
}

// Whatever was based on what the agent is not is refused from here on.
void AgentCore::ChangeVersion() {
  node_.set_resource_version_uuid(rng_.UuidBytes());
  SaveNode();
  TellResources();
}

// Unless the master has heard of this version. What changed after the registration was sent is told
// as soon as that is answered: the master goes by what it said.
void AgentCore::TellResources() {
  if (state_ != AgentState::kRunning) return;
  if (link_.resource_version_told == node_.resource_version_uuid()) return;
  link_.resource_version_told = node_.resource_version_uuid();
  link::AgentMessage message;
  options_.codec.encode(total_, message.mutable_agent_update()->mutable_total());
  message.mutable_agent_update()->set_resource_version_uuid(node_.resource_version_uuid());
  SendToMaster(std::move(message));
}

// ---- Results ----

void AgentCore::EndOperation(OpenOperation* operation, v1::OperationState state,
                             const std::string& message) {
  v1::OperationStatus& status = operation->status;
  status.set_state(state);
  status.mutable_uuid()->set_value(rng_.UuidBytes());
  if (!message.empty()) status.set_message(message);
  if (state != v1::OPERATION_FINISHED) status.clear_converted_resources();
  operation->conversion = {};
  operation->due = now_;
  Count(state == v1::OPERATION_FINISHED ? Counter::kOperationFinished : Counter::kOperationFailed);
  SaveOperation(*operation);
  ForwardOperations();
}

void AgentCore::ForwardOperations() {
  absl::Time next = absl::InfiniteFuture();
  for (auto& [uuid, operation] : operations_) {
    if (operation.is_pending() || state_ != AgentState::kRunning) continue;
    if (operation.due <= now_) {
      link::AgentMessage message;
      link::OperationUpdate* update = message.mutable_operation_update();
      update->set_framework_id(operation.framework_id);
      update->set_operation_uuid(uuid);
      *update->mutable_status() = operation.status;
      SendToMaster(std::move(message));
      operation.delay =
          operation.in_flight ? std::min(operation.delay * 2, retry_.maximum) : retry_.initial;
      operation.in_flight = true;
      operation.due = now_ + operation.delay;
    }
    next = std::min(next, operation.due);
  }
  timers_.Set({TimerKind::kOperations, {}}, next);
}

// A new session: all results are sent again.
void AgentCore::RestartOperations() {
  timers_.Clear({TimerKind::kOperations, {}});
  for (auto& [uuid, operation] : operations_) {
    operation.MarkUnsent();
  }
}

void AgentCore::OnAcknowledgeOperation(const link::AcknowledgeOperation& acknowledge) {
  auto it = operations_.find(acknowledge.operation_uuid());
  if (it == operations_.end() || it->second.is_pending() ||
      it->second.status.uuid().value() != acknowledge.status_uuid()) {
    return Count(Counter::kAckIgnored);
  }
  Count(Counter::kAckAccepted);
  if (it->second.is_recorded) journal_.Erase(OperationKey(it->second.uuid));
  operations_.erase(it);
}

void AgentCore::OnReconcileOperations(const link::ReconcileOperations& reconcile) {
  for (const link::OperationRef& ref : reconcile.operations()) {
    if (ref.operation_uuid().size() != kUuidBytes) continue;
    if (operations_.contains(ref.operation_uuid())) continue;
    v1::Offer::Operation info;
    if (!ref.operation_id().empty()) info.mutable_id()->set_value(ref.operation_id());
    OpenOperation* operation = OpenNew(ref.framework_id(), ref.operation_uuid(), info);
    // Not worth a record: the master asks again.
    operation->is_recorded = false;
    EndOperation(operation, v1::OPERATION_DROPPED, "the agent does not know this operation");
  }
}

void AgentCore::ReportOperations(link::Reregister* out) const {
  for (const OpenOperation* operation : OperationsInOrder()) {
    if (!operation->is_recorded) continue;
    v1::Operation* report = out->add_operations();
    if (!operation->framework_id.empty()) {
      report->mutable_framework_id()->set_value(operation->framework_id);
    }
    report->mutable_agent_id()->set_value(node_.agent_id());
    *report->mutable_info() = operation->info;
    *report->mutable_latest_status() = operation->status;
    report->mutable_uuid()->set_value(operation->uuid);
  }
}

// ---- Records ----

void AgentCore::SaveOperation(const OpenOperation& operation) {
  if (operation.is_recorded) {
    journal_.Put(OperationKey(operation.uuid), EncodeOperation(operation));
  }
}

void AgentCore::SaveReservations() {
  const Resources reserved = total_.NeedingCheckpoint();
  if (reserved.empty()) return journal_.Erase(kReservationsKey);
  agent_records::v1::ReservationsRecord record;
  options_.codec.encode(reserved, record.mutable_resources());
  journal_.Put(kReservationsKey, record.SerializeAsString());
}

// They are the master's and of this agent's id. A volume that is not made by now will not be:
// nobody would do it again after a crash. One that is being deleted is gone.
void AgentCore::ForgetOperations() {
  const std::vector<const OpenOperation*> ordered = OperationsInOrder();
  for (auto open = ordered.rbegin(); open != ordered.rend(); ++open) {
    if (!(*open)->is_pending() || (*open)->info.type() == v1::Offer::Operation::DESTROY) continue;
    Undo((*open)->conversion, &total_);
    SaveReservations();
  }
  for (const auto& [uuid, operation] : operations_) {
    if (operation.is_recorded) journal_.Erase(OperationKey(uuid));
  }
  operations_.clear();
}

}  // namespace meros::agent
