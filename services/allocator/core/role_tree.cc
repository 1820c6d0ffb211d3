#include "services/allocator/core/role_tree.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "libs/base/check.h"
#include "libs/resources/roles.h"

namespace meros::allocator {
namespace {

// The larger amount of each name.
ResourceQuantities Larger(const ResourceQuantities& a, const ResourceQuantities& b) {
  return a + (b - a);
}

// The last component: "web" of "eng/web".
absl::string_view LastComponent(absl::string_view role) {
  const absl::string_view parent = resources::ParentRole(role);
  return parent.empty() ? role : role.substr(parent.size() + 1);
}

}  // namespace

bool RoleNode::is_unused() const {
  return clients_.empty() && children_.empty() && subtree_.charged.empty() && weight_ == 1 &&
         quota_.empty() && reserved_.empty() && settings_ == RoleSettings();
}

RoleTree::RoleTree(Placement placement, Sorter sorter, Rng rng)
    : rng_(rng),
      default_placement_(placement),
      default_sorter_(sorter),
      root_(std::make_unique<RoleNode>()) {
  root_->placement_ = placement;
  root_->sorter_ = sorter;
}

double RoleTree::Share(const Account& account) const {
  return DominantShare(account.charged, totals_);
}

RoleNode* RoleTree::GetRole(absl::string_view role) {
  RoleNode* node = root_.get();
  std::vector<absl::string_view> path = resources::AncestorRoles(role);
  path.push_back(role);
  for (const absl::string_view name : path) {
    std::unique_ptr<RoleNode>& child = node->children_[LastComponent(name)];
    if (child == nullptr) {
      child = std::make_unique<RoleNode>();
      child->name_ = std::string(name);
      child->component_ = LastComponent(child->name_);
      child->parent_ = node;
      child->Inherit();
      ++role_count_;
    }
    node = child.get();
  }
  return node;
}

const RoleNode* RoleTree::FindRole(absl::string_view role) const {
  const RoleNode* node = root_.get();
  std::vector<absl::string_view> path = resources::AncestorRoles(role);
  path.push_back(role);
  for (const absl::string_view name : path) {
    const auto found = node->children_.find(LastComponent(name));
    if (found == node->children_.end()) return nullptr;
    node = found->second.get();
  }
  return node;
}

void RoleTree::ForEachRole(absl::FunctionRef<void(const RoleNode&)> visit) const {
  ForEachBelow(*root_, visit);
}

void RoleTree::ForEachBelow(const RoleNode& node, absl::FunctionRef<void(const RoleNode&)> visit) {
  for (const auto& [component, child] : node.children_) {
    visit(*child);
    ForEachBelow(*child, visit);
  }
}

void RoleTree::PruneFrom(RoleNode* node) {
  while (node->parent_ != nullptr && node->is_unused()) {
    RoleNode* parent = node->parent_;
    parent->children_.erase(parent->children_.find(node->component_));
    --role_count_;
    node = parent;
  }
}

Client* RoleTree::GetClient(absl::string_view role, const FrameworkId& framework) {
  RoleNode* node = GetRole(role);
  std::unique_ptr<Client>& client = node->clients_[framework];
  if (client == nullptr) {
    client = std::make_unique<Client>();
    client->framework_id = framework;
    client->role = node;
    client->serial = ++last_serial_;
    ++client_count_;
  }
  return client.get();
}

Client* RoleTree::FindClient(absl::string_view role, const FrameworkId& framework) const {
  const RoleNode* node = FindRole(role);
  if (node == nullptr) return nullptr;
  const auto found = node->clients_.find(framework);
  return found == node->clients_.end() ? nullptr : found->second.get();
}

void RoleTree::ReleaseIfUnused(Client* client) {
  if (client->framework != nullptr || client->pins > 0) return;
  RoleNode* node = client->role;
  node->clients_.erase(node->clients_.find(client->framework_id));
  --client_count_;
  PruneFrom(node);
}

void RoleTree::Subscribe(Client* client, Framework* framework) {
  if (framework == nullptr) SetDemand(client, false);
  client->framework = framework;
  ReleaseIfUnused(client);
}

// --- Orders
// ---------------------------------------------------------------------------------------

template <typename Change>
void RoleTree::ChangeClient(Client* client, Change change) {
  auto& order = client->role->client_order_;
  const bool stands = client->stands_in_order();
  // Who is granted something was mostly first, and is mostly last then: neither is searched for.
  if (stands) {
    auto place = order.begin();
    if (place->client != client) place = order.find({client->standing(), client});
    MEROS_CHECK(place != order.end()) << client->framework_id;
    order.erase(place);
  }
  change(client);
  client->share = Share(client->account);
  if (stands) {
    order.insert(order.end(), RoleNode::ClientRef{client->standing(), client});
  }
}

template <typename Change>
void RoleTree::ChangeNode(RoleNode* node, Change change) {
  const Child own_before = node->OwnAsChild();
  const Child before = node->parent_ == nullptr ? Child() : node->AsChild();
  change(node);
  if (!node->clients_.empty()) node->own_share_ = Share(node->own_);
  if (node->own_demanding_ > 0) node->child_order_.Move(own_before, node->OwnAsChild());
  if (node->parent_ == nullptr) return;  // the root stands nowhere
  node->share_ = Share(node->subtree_) / node->weight_;
  if (node->demanding_ > 0) node->parent_->child_order_.Move(before, node->AsChild());
}

void RoleTree::SetDemand(Client* client, bool has_demand) {
  if (client->has_demand == has_demand) return;
  Wake(client);
  if (!has_demand) Leave(client);
  client->has_demand = has_demand;
  if (has_demand) Enter(client);
}

void RoleTree::Enter(Client* client) {
  RoleNode* const role = client->role;
  if (role->uses_lottery()) DrawTicket(client);
  role->client_order_.insert({client->standing(), client});
  // Orders change where the first demand appears.
  if (role->own_demanding_++ == 0) {
    if (role->uses_lottery()) DrawOwnTicket(role);
    role->child_order_.Insert(role->OwnAsChild());
  }
  for (RoleNode* node = role; node != nullptr; node = node->parent_) {
    RoleNode* const parent = node->parent_;
    if (node->demanding_++ > 0 || parent == nullptr) continue;
    if (parent->uses_lottery()) DrawTicket(node);
    parent->child_order_.Insert(node->AsChild());
  }
}

void RoleTree::Leave(Client* client) {
  RoleNode* const role = client->role;
  role->client_order_.erase({client->standing(), client});
  // Orders change where the last demand goes.
  if (--role->own_demanding_ == 0) role->child_order_.Erase(role->OwnAsChild());
  for (RoleNode* node = role; node != nullptr; node = node->parent_) {
    RoleNode* const parent = node->parent_;
    if (--node->demanding_ == 0 && parent != nullptr) parent->child_order_.Erase(node->AsChild());
  }
}

void RoleTree::Charge(Client* client, const allocator::Charge& charge, Grant grant) {
  const uint64_t grants = grant == Grant::kYes ? 1 : 0;
  const auto add = [&](Account* account) {
    account->charged += charge.all;
    account->grants += grants;
  };
  ChangeClient(client, [&](Client* c) {
    add(&c->account);
    if (grants > 0) UseTickets(c);
  });
  for (RoleNode* node = client->role; node != nullptr; node = node->parent_) {
    ChangeNode(node, [&](RoleNode* n) {
      if (n == client->role) add(&n->own_);
      add(&n->subtree_);
      if (grants > 0) UseTickets(n, n == client->role);
      n->unreserved_ += charge.unreserved;
    });
  }
  UpdateShortfall(client->role);
}

void RoleTree::Credit(Client* client, const allocator::Charge& charge) {
  MEROS_CHECK(client->account.charged.Contains(charge.all))
      << client->role->name() << " " << client->framework_id << " has "
      << client->account.charged.ToString() << ", credited " << charge.all.ToString();
  ChangeClient(client, [&](Client* c) { c->account.charged -= charge.all; });
  for (RoleNode* node = client->role; node != nullptr; node = node->parent_) {
    ChangeNode(node, [&](RoleNode* n) {
      if (n == client->role) n->own_.charged -= charge.all;
      n->subtree_.charged -= charge.all;
      n->unreserved_ -= charge.unreserved;
    });
  }
  UpdateShortfall(client->role);
  for (RoleNode* node = client->role; node != nullptr; node = node->parent_) WakeParkedAt(node);
}

void RoleTree::Pin(Client* client) { ++client->pins; }

void RoleTree::Unpin(Client* client) {
  MEROS_CHECK(client->pins > 0) << client->framework_id;
  --client->pins;
  ReleaseIfUnused(client);
}

void RoleTree::SetWeight(absl::string_view role, double weight) {
  MEROS_CHECK(weight > 0) << role << " " << weight;
  RoleNode* node = GetRole(role);
  ChangeNode(node, [&](RoleNode* n) {
    n->weight_ = weight;
    if (n->parent_->uses_lottery()) DrawTicket(n);
  });
  PruneFrom(node);
}

void RoleTree::SetTotals(const ResourceQuantities& totals) {
  if (totals_ == totals) return;
  totals_ = totals;
  shares_are_stale_ = true;
}

void RoleTree::Refresh() {
  if (!shares_are_stale_) return;
  shares_are_stale_ = false;
  RefreshNode(root_.get());
}

void RoleTree::RefreshClients(RoleNode* node) {
  for (auto& [id, client] : node->clients_) client->share = Share(client->account);
  // A larger cluster makes every share smaller, and mostly leaves the order as it is: only those
  // are put in place anew who no longer follow those before them.
  auto& order = node->client_order_;
  std::vector<Client*> misplaced;
  std::optional<Standing> before;
  for (auto it = order.begin(); it != order.end();) {
    it->standing = it->client->standing();
    if (before.has_value() && !(*before < it->standing)) {
      misplaced.push_back(it->client);
      it = order.erase(it);
    } else {
      before = it->standing;
      ++it;
    }
  }
  for (Client* client : misplaced) order.insert({client->standing(), client});
}

void RoleTree::RefreshNode(RoleNode* node) {
  RefreshClients(node);
  for (auto& [component, child] : node->children_) RefreshNode(child.get());
  ChangeNode(node, [](RoleNode*) {});
}

// --- Quota
// ----------------------------------------------------------------------------------------

void RoleTree::SetQuota(absl::string_view role, Quota quota) {
  RoleNode* node = GetRole(role);
  if (!node->quota_.empty()) --quotas_;
  if (!quota.empty()) ++quotas_;
  node->quota_ = std::move(quota);
  WakeParkedAt(node);
  RecomputeShortfall(node);
  PruneFrom(node);
}

void RoleTree::AddReserved(absl::string_view role, const ResourceQuantities& amount) {
  if (amount.empty()) return;
  RoleNode* const leaf = GetRole(role);
  for (RoleNode* node = leaf; node != nullptr; node = node->parent_) node->reserved_ += amount;
  UpdateShortfall(leaf);
}

void RoleTree::SubtractReserved(absl::string_view role, const ResourceQuantities& amount) {
  if (amount.empty()) return;
  RoleNode* const leaf = GetRole(role);
  for (RoleNode* node = leaf; node != nullptr; node = node->parent_) {
    MEROS_CHECK(node->reserved_.Contains(amount)) << node->name();
    node->reserved_ -= amount;
    WakeParkedAt(node);
  }
  UpdateShortfall(leaf);
  PruneFrom(leaf);
}

// --- Clients whom limits leave nothing
// ------------------------------------------------------------------------------------------------

void RoleTree::Park(const Client& client, const RoleNode& limited) {
  MEROS_CHECK(client.stands_in_order()) << client.framework_id;
  Client* const parked = client.role->clients_.at(client.framework_id).get();
  RoleNode* node = client.role;
  while (node != &limited) node = node->parent_;
  Leave(parked);
  parked->parked_at = node;
  node->parked_.emplace(parked->serial, parked);
  ++parked_count_;
}

void RoleTree::Wake(Client* client) {
  if (client->parked_at == nullptr) return;
  client->parked_at->parked_.erase(client->serial);
  client->parked_at = nullptr;
  --parked_count_;
  Enter(client);
}

void RoleTree::WakeParkedAt(RoleNode* limited) {
  for (const auto& [serial, client] : std::exchange(limited->parked_, {})) {
    client->parked_at = nullptr;
    --parked_count_;
    Enter(client);
  }
}

void RoleTree::WakeWithin(absl::string_view role) {
  if (FindRole(role) != nullptr) WakeAll(GetRole(role));
}

void RoleTree::WakeAll(RoleNode* node) {
  for (auto& [id, client] : node->clients_) Wake(client.get());
  for (auto& [component, child] : node->children_) WakeAll(child.get());
}

void RoleTree::UpdateShortfall(RoleNode* node) {
  if (quotas_ > 0) RecomputeShortfall(node);  // else it is 0 everywhere
}

void RoleTree::RecomputeShortfall(RoleNode* node) {
  for (; node != nullptr; node = node->parent_) {
    const ResourceQuantities own = node->OwnShortfall();
    node->has_own_shortfall_ = !own.empty();
    ResourceQuantities shortfall = Larger(own, node->children_shortfall_);
    if (shortfall == node->shortfall_) continue;  // those above may still differ
    if (node->parent_ != nullptr) {
      node->parent_->children_shortfall_ += shortfall;
      node->parent_->children_shortfall_ -= node->shortfall_;
    }
    node->shortfall_ = std::move(shortfall);
  }
}

// --- Invariants
// -----------------------------------------------------------------------------------

void RoleTree::CheckInvariants() const { CheckNode(*root_); }

void RoleTree::CheckNode(const RoleNode& node) const {
  Account own, subtree;
  ResourceQuantities children_shortfall, unreserved_below;
  size_t demanding = 0;
  for (const auto& [id, client] : node.clients_) {
    MEROS_CHECK(client->role == &node && client->framework_id == id);
    MEROS_CHECK(client->framework != nullptr || client->pins > 0) << id;
    MEROS_CHECK(client->pins > 0 || client->account.charged.empty()) << id;
    MEROS_CHECK(shares_are_stale_ || client->share == Share(client->account)) << id;
    MEROS_CHECK(node.client_order_.contains({client->standing(), client.get()}) ==
                client->stands_in_order())
        << id;
    MEROS_CHECK(client->parked_at == nullptr || client->has_demand) << id;
    own.charged += client->account.charged;
    demanding += client->stands_in_order() ? 1 : 0;
  }
  for (const auto& [serial, client] : node.parked_) {
    MEROS_CHECK(client->serial == serial && client->parked_at == &node) << client->framework_id;
  }
  MEROS_CHECK(node.own_.charged == own.charged) << node.name_;
  MEROS_CHECK(node.own_demanding_ == demanding) << node.name_;
  MEROS_CHECK(node.client_order_.size() == demanding) << node.name_;

  subtree.charged = own.charged;
  size_t children_in_order = demanding > 0 ? 1 : 0;
  MEROS_CHECK(node.child_order_.Contains(node.OwnAsChild()) == (demanding > 0));
  for (const auto& [component, child] : node.children_) {
    CheckNode(*child);
    MEROS_CHECK(child->parent_ == &node && child->component_ == component);
    MEROS_CHECK(!child->is_unused()) << child->name_;
    MEROS_CHECK(node.child_order_.Contains(child->AsChild()) == (child->demanding_ > 0))
        << child->name_;
    MEROS_CHECK(child->placement_ == child->settings_.placement.value_or(node.placement_));
    MEROS_CHECK(child->sorter_ == child->settings_.sorter.value_or(node.sorter_));
    children_in_order += child->demanding_ > 0 ? 1 : 0;
    demanding += child->demanding_;
    subtree.charged += child->subtree_.charged;
    children_shortfall += child->shortfall_;
    unreserved_below += child->unreserved_;
  }
  MEROS_CHECK(node.subtree_.charged == subtree.charged) << node.name_;
  MEROS_CHECK(node.demanding_ == demanding) << node.name_;
  MEROS_CHECK(node.child_order_.size() == children_in_order) << node.name_;
  MEROS_CHECK(node.unreserved_.Contains(unreserved_below)) << node.name_;
  MEROS_CHECK(node.children_shortfall_ == children_shortfall) << node.name_;
  MEROS_CHECK(node.has_own_shortfall_ == !node.OwnShortfall().empty()) << node.name_;
  MEROS_CHECK(node.shortfall_ == Larger(node.OwnShortfall(), children_shortfall)) << node.name_;
  if (!shares_are_stale_) {
    MEROS_CHECK(node.parent_ == nullptr || node.share_ == Share(node.subtree_) / node.weight_)
        << node.name_;
    MEROS_CHECK(node.clients_.empty() || node.own_share_ == Share(node.own_)) << node.name_;
  }
}

}  // namespace meros::allocator
