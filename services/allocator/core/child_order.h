// The children of a role that want offers, in order of fairness: a sorted vector. Roles have few
// children next to the frameworks they have, and one that was charged moves by a few places, so
// moving within the vector is cheaper than the erase and insert of a tree.
//
// Owner: services/allocator/core (RoleNode). Thread rule: strand-confined.
#pragma once

#include <algorithm>
#include <vector>

#include "libs/base/check.h"
#include "services/allocator/core/fair_share.h"

namespace meros::allocator {

class RoleNode;

struct Child {
  Standing standing;
  const RoleNode* node = nullptr;  // a role in its own order stands for its own clients

  friend bool operator<(const Child& a, const Child& b) { return a.standing < b.standing; }
};

class ChildOrder {
 public:
  using const_iterator = std::vector<Child>::const_iterator;

  const_iterator begin() const { return children_.begin(); }
  const_iterator end() const { return children_.end(); }
  size_t size() const { return children_.size(); }

  bool Contains(const Child& child) const {
    const auto found = std::lower_bound(begin(), end(), child);
    return found != end() && found->node == child.node && found->standing == child.standing;
  }
  void Insert(const Child& child) {
    children_.insert(std::upper_bound(children_.begin(), children_.end(), child), child);
  }
  void Clear() { children_.clear(); }
  // REQUIRES for both: `child` and `from` are contained.
  void Erase(const Child& child) { children_.erase(Locate(child)); }
  void Move(const Child& from, const Child& to) {
    const auto place = Locate(from);
    if (from < to) {
      const auto target = std::lower_bound(place + 1, children_.end(), to);
      *std::move(place + 1, target, place) = to;
    } else {
      const auto target = std::lower_bound(children_.begin(), place, to);
      std::move_backward(target, place, place + 1);
      *target = to;
    }
  }

 private:
  std::vector<Child>::iterator Locate(const Child& child) {
    const auto found = std::lower_bound(children_.begin(), children_.end(), child);
    MEROS_CHECK(found != children_.end() && found->node == child.node) << child.standing.name;
    return found;
  }

  std::vector<Child> children_;
};

}  // namespace meros::allocator
