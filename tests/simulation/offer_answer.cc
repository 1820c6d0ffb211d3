#include "tests/simulation/offer_answer.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "libs/base/check.h"
#include "libs/wire/resources_proto.h"

namespace meros::simulation {
namespace {

using resources::Resource;
using resources::Resources;
using resources::Scalar;
using v1::Offer;

// Of the executor of a group.
constexpr double kExecutorCpus = 0.1;
constexpr double kExecutorMemMib = 32;
constexpr double kExecutorDiskMib = 4;
constexpr double kTooMuchMib = 1 << 20;

Resources ReadLeft(const Offer& offer) {
  absl::StatusOr<Resources> read = wire::ResourcesFromProto(offer.resources());
  MEROS_CHECK(read.ok()) << read.status().message();
  return read->WithoutAllocation();
}

v1::Resource One(const Resource& resource) {
  wire::ResourceList list;
  wire::ResourcesToProto(resource, &list);
  return list.Get(0);
}

struct Write {
  Offer::Operation* out;

  void operator()(const resources::Reserve& reserve) const {
    out->set_type(Offer::Operation::RESERVE);
    wire::ResourcesToProto(reserve.target, out->mutable_reserve()->mutable_resources());
  }
  void operator()(const resources::Unreserve& unreserve) const {
    out->set_type(Offer::Operation::UNRESERVE);
    wire::ResourcesToProto(unreserve.resources, out->mutable_unreserve()->mutable_resources());
  }
  void operator()(const resources::CreateVolumes& create) const {
    out->set_type(Offer::Operation::CREATE);
    wire::ResourcesToProto(create.volumes, out->mutable_create()->mutable_volumes());
  }
  void operator()(const resources::DestroyVolumes& destroy) const {
    out->set_type(Offer::Operation::DESTROY);
    wire::ResourcesToProto(destroy.volumes, out->mutable_destroy()->mutable_volumes());
  }
  void operator()(const resources::GrowVolume& grow) const {
    out->set_type(Offer::Operation::GROW_VOLUME);
    *out->mutable_grow_volume()->mutable_volume() = One(grow.volume);
    *out->mutable_grow_volume()->mutable_addition() = One(grow.addition);
  }
  void operator()(const resources::ShrinkVolume& shrink) const {
    out->set_type(Offer::Operation::SHRINK_VOLUME);
    *out->mutable_shrink_volume()->mutable_volume() = One(shrink.volume);
    out->mutable_shrink_volume()->mutable_subtract()->set_value(shrink.subtract.ToDouble());
  }
};

bool IsResize(const resources::Operation& operation) {
  return std::holds_alternative<resources::GrowVolume>(operation) ||
         std::holds_alternative<resources::ShrinkVolume>(operation);
}

}  // namespace

OfferAnswer::OfferAnswer(const Offer& offer)
    : id_(offer.id().value()), agent_id_(offer.agent_id().value()), left_(ReadLeft(offer)) {}

bool OfferAnswer::Operate(const resources::Operation& operation, const std::string& id) {
  const absl::StatusOr<resources::Conversion> conversion = ConversionOf(operation);
  if (!conversion.ok() || !left_.Contains(conversion->consumed)) return false;
  left_ -= conversion->consumed;
  if (!IsResize(operation)) left_ += conversion->converted;
  if (const auto* destroy = std::get_if<resources::DestroyVolumes>(&operation)) {
    destroyed_ += destroy->volumes;
  }
  Offer::Operation& message = operations_.emplace_back();
  if (!id.empty()) message.mutable_id()->set_value(id);
  std::visit(Write{&message}, operation);
  return true;
}

std::optional<Resources> OfferAnswer::Find(const resources::ResourceName& name,
                                           double amount) const {
  Scalar missing = *Scalar::FromDouble(amount);
  Resources found;
  const auto take = [&](bool is_reserved) {
    for (const Resource& resource : left_.Named(name)) {
      if (resource.is_reserved() != is_reserved || !missing.is_positive()) continue;
      const Scalar part = std::min(missing, resource.scalar());
      found += resource.WithValue(part);
      missing -= part;
    }
  };
  take(true);
  take(false);
  if (missing.is_positive()) return std::nullopt;
  return found;
}

std::optional<Resources> OfferAnswer::Take(double cpus, double mem, const Resources& more) {
  std::optional<Resources> needed = Find(resources::ResourceName::Cpus(), cpus);
  const std::optional<Resources> memory = Find(resources::ResourceName::Mem(), mem);
  if (!needed.has_value() || !memory.has_value() || !left_.Contains(more)) return std::nullopt;
  *needed += *memory;
  *needed += more;
  left_ -= needed->NonShared();  // others may have what is shared
  return needed;
}

bool OfferAnswer::Launch(v1::TaskInfo task, double cpus, double mem, const Resources& volume) {
  const std::optional<Resources> needed = Take(cpus, mem, volume);
  if (!needed.has_value()) return false;
  task.mutable_agent_id()->set_value(agent_id_);
  wire::ResourcesToProto(*needed, task.mutable_resources());
  // Tasks that follow each other go in one LAUNCH.
  if (operations_.empty() || operations_.back().type() != Offer::Operation::LAUNCH) {
    operations_.emplace_back().set_type(Offer::Operation::LAUNCH);
  }
  *operations_.back().mutable_launch()->add_task_infos() = std::move(task);
  return true;
}

bool OfferAnswer::LaunchGroup(const std::string& executor_id, std::vector<GroupMember> members,
                              double mem, bool is_greedy) {
  const Resources before = left_;
  Offer::Operation operation;
  operation.set_type(Offer::Operation::LAUNCH_GROUP);
  v1::ExecutorInfo* executor = operation.mutable_launch_group()->mutable_executor();
  executor->set_type(v1::ExecutorInfo::DEFAULT);
  executor->mutable_executor_id()->set_value(executor_id);
  const Resource disk(resources::ResourceName::Disk(), *Scalar::FromDouble(kExecutorDiskMib));
  const Resource too_much(resources::ResourceName::Mem(), *Scalar::FromDouble(kTooMuchMib));
  std::optional<Resources> needed = Take(kExecutorCpus, kExecutorMemMib, disk);
  if (needed.has_value()) wire::ResourcesToProto(*needed, executor->mutable_resources());
  for (GroupMember& member : members) {
    if (needed.has_value()) needed = Take(member.cpus, mem, {});
    if (!needed.has_value()) {
      left_ = before;
      return false;
    }
    if (is_greedy) *needed += too_much;
    member.task.mutable_agent_id()->set_value(agent_id_);
    wire::ResourcesToProto(*needed, member.task.mutable_resources());
    *operation.mutable_launch_group()->mutable_task_group()->add_tasks() = std::move(member.task);
  }
  operations_.push_back(std::move(operation));
  return true;
}

v1::scheduler::Call OfferAnswer::ToCall(double refuse_seconds) const {
  using v1::scheduler::Call;
  Call call;
  if (operations_.empty()) {
    call.set_type(Call::DECLINE);
    call.mutable_decline()->add_offer_ids()->set_value(id_);
    call.mutable_decline()->mutable_filters()->set_refuse_seconds(refuse_seconds);
    return call;
  }
  call.set_type(Call::ACCEPT);
  call.mutable_accept()->add_offer_ids()->set_value(id_);
  for (const Offer::Operation& operation : operations_) {
    *call.mutable_accept()->add_operations() = operation;
  }
  call.mutable_accept()->mutable_filters()->set_refuse_seconds(refuse_seconds);
  return call;
}

}  // namespace meros::simulation
