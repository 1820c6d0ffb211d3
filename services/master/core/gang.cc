#include "services/master/core/gang.h"

#include "libs/base/check.h"

namespace meros::master {

resources::ResourceQuantities Gang::Total() const {
  resources::ResourceQuantities total;
  for (const GangBundle& bundle : bundles) {
    for (uint32_t n = 0; n < bundle.count; ++n) total += bundle.amount;
  }
  return total;
}

const Gang& GangBook::Insert(Gang gang) {
  const uint64_t sequence = gang.sequence;
  const bool is_new =
      sequence_by_key_.emplace(std::make_pair(gang.framework_id, gang.id), sequence).second;
  MEROS_CHECK(is_new) << gang.framework_id << " " << gang.id;
  return gangs_.emplace(sequence, std::move(gang)).first->second;
}

void GangBook::Erase(uint64_t sequence) {
  const auto found = gangs_.find(sequence);
  MEROS_CHECK(found != gangs_.end()) << sequence;
  sequence_by_key_.erase({found->second.framework_id, found->second.id});
  gangs_.erase(found);
}

const Gang* GangBook::Find(const FrameworkId& framework_id, const std::string& id) const {
  const auto found = sequence_by_key_.find({framework_id, id});
  return found == sequence_by_key_.end() ? nullptr : Find(found->second);
}

const Gang* GangBook::Find(uint64_t sequence) const {
  const auto found = gangs_.find(sequence);
  return found == gangs_.end() ? nullptr : &found->second;
}

std::vector<uint64_t> GangBook::Of(const FrameworkId& framework_id) const {
  std::vector<uint64_t> sequences;
  auto next = sequence_by_key_.lower_bound({framework_id, ""});
  for (; next != sequence_by_key_.end() && next->first.first == framework_id; ++next) {
    sequences.push_back(next->second);
  }
  return sequences;
}

}  // namespace meros::master
