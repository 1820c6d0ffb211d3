// What an agent's software can do, as it said when it registered. Operations, limits and drains are
// not asked of one that cannot carry them out. Offers do not look at MULTI_ROLE and
// HIERARCHICAL_ROLE, as Mesos' do: every agent that speaks our protocol has roles in its resources.
//
// Thread rule: value type.
#pragma once

#include <bit>
#include <cstdint>
#include <initializer_list>

#include "meros/v1/agent.pb.h"

namespace meros::master {

class AgentCapabilities {
 public:
  using Type = v1::AgentInfo::Capability::Type;

  AgentCapabilities() = default;
  AgentCapabilities(std::initializer_list<Type> types) {
    for (Type type : types) Add(type);
  }

  friend bool operator==(const AgentCapabilities&, const AgentCapabilities&) = default;

  // UNKNOWN is none.
  void Add(Type type) {
    if (type != v1::AgentInfo::Capability::UNKNOWN) bits_ |= uint64_t{1} << type;
  }
  void Remove(Type type) { bits_ &= ~(uint64_t{1} << type); }
  bool Has(Type type) const { return (bits_ >> type & 1) != 0; }

  // Calls `each` with every one of them, in the order of their numbers.
  template <typename Each>
  void ForEach(Each each) const {
    for (uint64_t rest = bits_; rest != 0; rest &= rest - 1) {
      each(static_cast<Type>(std::countr_zero(rest)));
    }
  }

 private:
  static_assert(v1::AgentInfo::Capability::Type_MAX < 64);
  uint64_t bits_ = 0;
};

}  // namespace meros::master
