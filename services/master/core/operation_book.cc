#include "services/master/core/operation_book.h"

#include "libs/base/check.h"

namespace meros::master {

bool IsTerminal(v1::OperationState state) {
  switch (state) {
    case v1::OPERATION_FINISHED:
    case v1::OPERATION_FAILED:
    case v1::OPERATION_ERROR:
    case v1::OPERATION_DROPPED:
    case v1::OPERATION_GONE_BY_OPERATOR:
      return true;
    default:
      return false;
  }
}

Operation* OperationBook::Insert(Operation operation) {
  operation.sequence = next_sequence_++;
  auto owned = std::make_unique<Operation>(std::move(operation));
  Operation* entry = owned.get();
  MEROS_CHECK(by_uuid_.emplace(entry->uuid, entry).second);
  if (!entry->id.empty()) by_name_.emplace(Name(entry->framework_id, entry->id), entry);
  operations_.emplace_hint(operations_.end(), entry->sequence, std::move(owned));
  return entry;
}

void OperationBook::Unname(Operation* operation) {
  auto named = by_name_.find(Name(operation->framework_id, operation->id));
  if (named != by_name_.end() && named->second == operation) by_name_.erase(named);
  operation->id.clear();
}

void OperationBook::Erase(uint64_t sequence) {
  auto it = operations_.find(sequence);
  MEROS_CHECK(it != operations_.end()) << sequence;
  Unname(it->second.get());
  by_uuid_.erase(it->second->uuid);
  operations_.erase(it);
}

Operation* OperationBook::FindByUuid(const std::string& uuid) const {
  auto it = by_uuid_.find(uuid);
  return it == by_uuid_.end() ? nullptr : it->second;
}

Operation* OperationBook::FindByName(const FrameworkId& framework_id, const std::string& id) const {
  auto it = by_name_.find(Name(framework_id, id));
  return it == by_name_.end() ? nullptr : it->second;
}

std::vector<Operation*> OperationBook::NamedOf(const FrameworkId& framework_id) const {
  std::vector<Operation*> named;
  auto it = by_name_.lower_bound(Name(framework_id, ""));
  for (; it != by_name_.end() && it->first.first == framework_id; ++it) {
    named.push_back(it->second);
  }
  return named;
}

void OperationBook::CheckInvariants() const {
  MEROS_CHECK(by_uuid_.size() == operations_.size());
  for (const auto& [sequence, operation] : operations_) {
    MEROS_CHECK(operation->sequence == sequence && FindByUuid(operation->uuid) == operation.get());
    MEROS_CHECK(operation->info != nullptr && operation->status != nullptr) << sequence;
    MEROS_CHECK(operation->id.empty() ||
                FindByName(operation->framework_id, operation->id) != nullptr)
        << operation->id;
  }
  for (const auto& [name, operation] : by_name_) {
    MEROS_CHECK(operation->framework_id == name.first && operation->id == name.second);
  }
}

}  // namespace meros::master
