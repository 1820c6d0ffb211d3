// The tree of roles: whose account is charged with what, who comes next, and what quota leaves to
// whom. It is the one place where the order of fairness is kept, and it is kept all the time: a
// change moves the few nodes on one path and nothing is ever sorted as a whole, except when the
// size of the cluster changes, which changes every share at once (the next Walk then pays for it).
//
//   root ── eng ── eng/web ── client (eng/web, framework 1)
//            │        └────── client (eng/web, framework 2)
//            └─ "." ───────── client (eng, framework 1)
//
// A role's own frameworks stand beside its sub-roles as one child named ".". Siblings are compared
// with siblings only (hierarchical DRF); weights apply at every level, and so do priorities. Below
// a role whose sorter is random, siblings stand in the order of lottery tickets instead of shares:
// a ticket is the time of the next arrival of a Poisson process whose rate is the weight, and
// whoever is granted something draws the next arrival. So grants go to siblings in proportion to
// their weights, each draw independent of those before, and still only those move who were granted
// something.
//
// A role exists while anyone is subscribed to it or charged through it, while agents are reserved
// for it, or while it has a weight, a quota or settings.
//
// Owner: services/allocator/core (Mirror). Thread rule: strand-confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "libs/base/rng.h"
#include "services/allocator/core/child_order.h"
#include "services/allocator/core/fair_share.h"
#include "services/allocator/core/model.h"

namespace meros::allocator {

struct Framework;
class RoleNode;

// A framework in a role: the smallest thing that is offered something.
struct Client {
  FrameworkId framework_id;
  RoleNode* role = nullptr;
  uint64_t serial = 0;             // unique within a mirror, never reused
  Framework* framework = nullptr;  // null when the framework is not subscribed to the role
  // Of the framework for the role; null if it names none. Set by Mirror.
  const resources::AgentConstraints* constraints = nullptr;
  const MinAllocatable* min_allocatable = nullptr;
  size_t pins = 0;  // holdings that refer to the client
  // That it has not answered, with proposals on their way. Set by Mirror.
  size_t offers_in_flight = 0;
  Account account;
  double share = 0;
  double ticket = 0;  // of the lottery among the clients of the role
  bool has_demand = false;
  RoleNode* parked_at = nullptr;  // see RoleTree::Park

  bool stands_in_order() const { return has_demand && parked_at == nullptr; }

  // Scratch of the run in progress: the last agent visit that looked at this client.
  mutable uint64_t visited = 0;

  Standing standing() const;
};

class RoleNode {
 public:
  const std::string& name() const { return name_; }  // full path; "" for the root
  const RoleNode* parent() const { return parent_; }
  double weight() const { return weight_; }
  bool has_demand() const { return demanding_ > 0; }  // in the subtree, parked clients left out
  double share() const { return share_; }             // of the subtree, divided by weight
  const Account& subtree() const { return subtree_; }
  const RoleSettings& settings() const { return settings_; }

  // What holds for the role: its own setting, or that of the nearest ancestor that has one.
  Placement placement() const { return placement_; }
  Sorter sorter() const { return sorter_; }
  const MinAllocatable* min_allocatable() const { return min_allocatable_; }  // null: no one says
  const ResourceLimits& offer_max() const { return *offer_max_; }
  uint32_t max_offers_in_flight() const { return max_offers_in_flight_; }  // 0: no bound
  OfferSplit offer_split() const { return offer_split_; }

  // How many siblings stand before it, and how many have demand, it included; the same for one of
  // its clients. Without demand, all siblings stand before it. Cost: O(siblings).
  struct Position {
    size_t before = 0;
    size_t among = 0;
  };
  Position PositionAmongSiblings() const;
  Position PositionOf(const Client& client) const;

  // Quota. What counts as consumed: reservations for the subtree, allocated or not, and unreserved
  // resources that are not revocable, allocated, offered or proposed to the subtree.
  const Quota& quota() const { return quota_; }
  ResourceQuantities Consumed() const { return reserved_ + unreserved_; }
  // What the guarantee of this very role still lacks.
  ResourceQuantities OwnShortfall() const { return quota_.guarantees - Consumed(); }
  bool has_own_shortfall() const { return has_own_shortfall_; }
  // What guarantees in the subtree still lack: the role's own or those of its children together,
  // whichever is more, by name.
  const ResourceQuantities& shortfall() const { return shortfall_; }

 private:
  friend class RoleTree;
  struct ClientRef {
    mutable Standing standing;  // changed in place by RefreshClients
    Client* client;
    friend bool operator<(const ClientRef& a, const ClientRef& b) {
      return a.standing < b.standing;
    }
  };

  // As a child of its parent, and its own clients as a child of it.
  Child AsChild() const {
    return {{settings_.priority, parent_->uses_lottery() ? ticket_ : share_, subtree_.grants,
             component_},
            this};
  }
  Child OwnAsChild() const {
    return {{0, uses_lottery() ? own_ticket_ : own_share_, own_.grants, "."}, this};
  }
  bool uses_lottery() const { return sorter_ == Sorter::kRandom; }
  bool is_unused() const;
  void Inherit();

  std::string name_;
  absl::string_view component_;  // last part of name_
  RoleNode* parent_ = nullptr;
  double weight_ = 1;
  absl::btree_map<std::string, std::unique_ptr<RoleNode>> children_;  // by component
  absl::btree_map<FrameworkId, std::unique_ptr<Client>> clients_;
  Account subtree_;
  Account own_;  // of clients_ together
  double share_ = 0;
  double own_share_ = 0;
  size_t demanding_ = 0;                       // clients of the subtree that stand in order
  size_t own_demanding_ = 0;                   // among clients_
  ChildOrder child_order_;                     // children with any, and "." for client_order_
  absl::btree_set<ClientRef> client_order_;    // those of clients_ that stand in order
  absl::btree_map<uint64_t, Client*> parked_;  // by serial; the limits of this very role say so

  double ticket_ = 0;          // in the lottery of the parent
  double own_ticket_ = 0;      // of the own clients in the lottery of children
  double children_clock_ = 0;  // the latest ticket that won something among children
  double clients_clock_ = 0;   // and among clients

  RoleSettings settings_;
  Placement placement_ = Placement::kRandom;
  Sorter sorter_ = Sorter::kDrf;
  const MinAllocatable* min_allocatable_ = nullptr;
  const ResourceLimits* offer_max_ = &settings_.offer_max;
  uint32_t max_offers_in_flight_ = 0;
  OfferSplit offer_split_ = OfferSplit::kNone;

  Quota quota_;
  ResourceQuantities reserved_;    // by agents for the subtree
  ResourceQuantities unreserved_;  // charged to the subtree
  bool has_own_shortfall_ = false;
  ResourceQuantities shortfall_;
  ResourceQuantities children_shortfall_;  // sum over children
};

inline Standing Client::standing() const {
  return {0, role->sorter() == Sorter::kRandom ? ticket : share, account.grants,
          framework_id.value()};
}

enum class Grant : uint8_t { kNo, kYes };

class RoleTree {
 public:
  // `placement` and `sorter` hold where no role says otherwise; lotteries draw from `rng`.
  explicit RoleTree(Placement placement = Placement::kRandom, Sorter sorter = Sorter::kDrf,
                    Rng rng = Rng(1));

  // The client of a framework in a role, made if need be. It lives while it is subscribed or
  // pinned.
  Client* GetClient(absl::string_view role, const FrameworkId& framework);
  Client* FindClient(absl::string_view role, const FrameworkId& framework) const;

  // Binds the client to its framework (subscribed) or unbinds it (null). Unbinding ends its demand
  // and may release it.
  void Subscribe(Client* client, Framework* framework);
  void SetDemand(Client* client, bool has_demand);

  // Takes the client out of the order, because the limits of `limited`, its role or one above,
  // leave it nothing, whatever an agent has. It stands in order again when something comes back to
  // `limited` or its quota changes, or when one of Wake, WakeWithin and Configure says so.
  // REQUIRES: it stands in order.
  void Park(const Client& client, const RoleNode& limited);
  // Also does nothing if the client is not parked.
  void Wake(Client* client);
  // Wakes all clients of the role and of those below it.
  void WakeWithin(absl::string_view role);
  size_t parked_count() const { return parked_count_; }

  // Keeps the client alive for a holding that refers to it. Unpin may release it.
  void Pin(Client* client);
  void Unpin(Client* client);

  // Charges what the framework took in the role; kYes counts as a further grant. Credit undoes a
  // charge. REQUIRES: pinned; for Credit: charged before.
  void Charge(Client* client, const allocator::Charge& charge, Grant grant);
  void Credit(Client* client, const allocator::Charge& charge);

  // What agents have reserved for `role`.
  void AddReserved(absl::string_view role, const ResourceQuantities& amount);
  void SubtractReserved(absl::string_view role, const ResourceQuantities& amount);

  void SetWeight(absl::string_view role, double weight);  // REQUIRES: finite and > 0
  void SetQuota(absl::string_view role, Quota quota);
  // "" means the root. Cost: O(n log n) in clients and roles.
  void Configure(absl::string_view role, RoleSettings settings);

  // What shares are fractions of. Cheap: shares are brought up to date by the next Refresh.
  void SetTotals(const ResourceQuantities& totals);
  // Brings all shares up to date if totals have changed. REQUIRED before Walk. Cost: O(1) or, after
  // a change, O(n log n) in clients and roles.
  void Refresh();

  // Visits clients with demand, parked ones left out, in order of fairness, until a visit says so:
  //   visitor.EnterSubtree(const RoleNode&) -> bool  false: skip the role and all below it;
  //   optional visitor.EnterRole(const RoleNode&) -> bool   false: skip the role's own clients
  //   visitor.Visit(const Client&) -> bool         true: stop here
  // The tree must not change during the walk. Returns the client at which the walk stopped, or
  // null.
  template <typename Visitor>
  Client* Walk(Visitor& visitor) const {
    return WalkNode(*root_, visitor);
  }

  const RoleNode& root() const { return *root_; }
  // The role whose client Walk visits first; null without demand.
  const RoleNode* FirstInOrder() const;
  const ResourceQuantities& totals() const { return totals_; }  // what shares are fractions of
  const RoleNode* FindRole(absl::string_view role) const;
  // Each role but the root, in order of names, before its sub-roles.
  void ForEachRole(absl::FunctionRef<void(const RoleNode&)> visit) const;
  bool has_quota() const { return quotas_ > 0; }
  size_t role_count() const { return role_count_; }
  size_t client_count() const { return client_count_; }
  size_t demanding_count() const { return root_->demanding_; }

  // MEROS_CHECKs every account, share, order and shortfall against a recomputation.
  void CheckInvariants() const;

 private:
  template <typename Visitor>
  Client* WalkNode(const RoleNode& node, Visitor& visitor) const {
    for (const Child& child : node.child_order_) {
      Client* stopped = nullptr;
      if (child.node != &node) {
        if constexpr (requires { visitor.EnterSubtree(node); }) {
          if (!visitor.EnterSubtree(*child.node)) continue;
        }
        stopped = WalkNode(*child.node, visitor);
      } else if (visitor.EnterRole(node)) {
        stopped = WalkClients(node, visitor);
      }
      if (stopped != nullptr) return stopped;
    }
    return nullptr;
  }
  template <typename Visitor>
  Client* WalkClients(const RoleNode& node, Visitor& visitor) const {
    for (const RoleNode::ClientRef& ref : node.client_order_) {
      if (visitor.Visit(*ref.client)) return ref.client;
    }
    return nullptr;
  }

  RoleNode* GetRole(absl::string_view role);
  static void ForEachBelow(const RoleNode& node, absl::FunctionRef<void(const RoleNode&)> visit);
  void PruneFrom(RoleNode* node);
  void ReleaseIfUnused(Client* client);
  // Puts the client into the orders, or takes it out of them.
  void Enter(Client* client);
  void Leave(Client* client);
  void WakeParkedAt(RoleNode* limited);
  void WakeAll(RoleNode* node);
  // Applies `change` to the account of the client, or to the accounts or weight of the node, and
  // moves it in its orders accordingly. Every change goes through these two.
  template <typename Change>
  void ChangeClient(Client* client, Change change);
  template <typename Change>
  void ChangeNode(RoleNode* node, Change change);
  void RefreshNode(RoleNode* node);
  void RefreshClients(RoleNode* node);
  // Tells settings to the subtree, and puts everyone in it into order anew.
  void Rebuild(RoleNode* node);
  // The time of the next arrival after `clock`.
  double Draw(double clock, double weight);
  // For someone who begins to take part in a lottery.
  void DrawTicket(Client* client);
  void DrawTicket(RoleNode* node);
  void DrawOwnTicket(RoleNode* node);
  // After a grant: what stood on the tickets is over, the next ones are drawn.
  void UseTickets(Client* client);
  void UseTickets(RoleNode* node, bool is_own);
  // Bring shortfalls of the node and those above it up to date; the first only if there are quotas.
  void UpdateShortfall(RoleNode* node);
  void RecomputeShortfall(RoleNode* node);
  double Share(const Account& account) const;
  void CheckNode(const RoleNode& node) const;

  Rng rng_;
  const Placement default_placement_;
  const Sorter default_sorter_;
  std::unique_ptr<RoleNode> root_;
  ResourceQuantities totals_;
  bool shares_are_stale_ = false;
  size_t quotas_ = 0;
  size_t role_count_ = 0;
  size_t client_count_ = 0;
  size_t parked_count_ = 0;
  uint64_t last_serial_ = 0;
};

}  // namespace meros::allocator
