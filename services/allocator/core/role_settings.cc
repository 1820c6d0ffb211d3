// The part of the role tree that is about settings: who inherits what, and the lottery.
#include <algorithm>
#include <cmath>
#include <utility>

#include "services/allocator/core/role_tree.h"

namespace meros::allocator {

void RoleNode::Inherit() {
  placement_ = settings_.placement.value_or(parent_->placement_);
  sorter_ = settings_.sorter.value_or(parent_->sorter_);
  min_allocatable_ =
      settings_.min_allocatable ? &*settings_.min_allocatable : parent_->min_allocatable_;
  offer_max_ = settings_.offer_max.empty() ? parent_->offer_max_ : &settings_.offer_max;
  max_offers_in_flight_ = settings_.max_offers_in_flight == 0 ? parent_->max_offers_in_flight_
                                                              : settings_.max_offers_in_flight;
  offer_split_ = settings_.offer_split.value_or(parent_->offer_split_);
}

RoleNode::Position RoleNode::PositionAmongSiblings() const {
  Position position;
  const Child self = AsChild();
  for (const Child& child : parent_->child_order_) {
    if (demanding_ == 0 || child < self) ++position.before;
    ++position.among;
  }
  return position;
}

RoleNode::Position RoleNode::PositionOf(const Client& client) const {
  Position position;
  for (const ClientRef& ref : client_order_) {
    if (!client.stands_in_order() || ref.standing < client.standing()) ++position.before;
    ++position.among;
  }
  return position;
}

const RoleNode* RoleTree::FirstInOrder() const {
  const RoleNode* node = root_.get();
  while (node->child_order_.size() > 0) {
    const RoleNode* first = node->child_order_.begin()->node;
    if (first == node) return node;
    node = first;
  }
  return nullptr;
}

void RoleTree::Configure(absl::string_view role, RoleSettings settings) {
  RoleNode* const node = role.empty() ? root_.get() : GetRole(role);
  WakeAll(node);
  node->settings_ = std::move(settings);
  if (node == root_.get()) {
    node->placement_ = node->settings_.placement.value_or(default_placement_);
    node->sorter_ = node->settings_.sorter.value_or(default_sorter_);
    node->min_allocatable_ =
        node->settings_.min_allocatable ? &*node->settings_.min_allocatable : nullptr;
    node->max_offers_in_flight_ = node->settings_.max_offers_in_flight;
    node->offer_split_ = node->settings_.offer_split.value_or(OfferSplit::kNone);
  }
  // Its place among its siblings changes too.
  Rebuild(node->parent_ == nullptr ? node : node->parent_);
  PruneFrom(node);
}

void RoleTree::Rebuild(RoleNode* node) {
  if (node->parent_ != nullptr) node->Inherit();
  node->client_order_.clear();
  node->child_order_.Clear();
  for (auto& [id, client] : node->clients_) {
    if (!client->stands_in_order()) continue;
    if (node->uses_lottery()) DrawTicket(client.get());
    node->client_order_.insert({client->standing(), client.get()});
  }
  if (node->own_demanding_ > 0) {
    if (node->uses_lottery()) DrawOwnTicket(node);
    node->child_order_.Insert(node->OwnAsChild());
  }
  for (auto& [component, child] : node->children_) {
    Rebuild(child.get());
    if (child->demanding_ == 0) continue;
    if (node->uses_lottery()) DrawTicket(child.get());
    node->child_order_.Insert(child->AsChild());
  }
}

double RoleTree::Draw(double clock, double weight) {
  // In (0, 1]: the logarithm is finite.
  constexpr uint64_t kSteps = uint64_t{1} << 53;
  const double uniform = static_cast<double>(rng_.Uniform(1, kSteps)) / static_cast<double>(kSteps);
  return clock - std::log(uniform) / weight;
}

void RoleTree::DrawTicket(Client* client) {
  client->ticket = Draw(client->role->clients_clock_, 1);
}

void RoleTree::DrawTicket(RoleNode* node) {
  node->ticket_ = Draw(node->parent_->children_clock_, node->weight_);
}

void RoleTree::DrawOwnTicket(RoleNode* node) { node->own_ticket_ = Draw(node->children_clock_, 1); }

void RoleTree::UseTickets(Client* client) {
  RoleNode* const role = client->role;
  if (!role->uses_lottery()) return;
  role->clients_clock_ = std::max(role->clients_clock_, client->ticket);
  DrawTicket(client);
}

void RoleTree::UseTickets(RoleNode* node, bool is_own) {
  if (is_own && node->uses_lottery()) {
    node->children_clock_ = std::max(node->children_clock_, node->own_ticket_);
    DrawOwnTicket(node);
  }
  if (RoleNode* const parent = node->parent_; parent != nullptr && parent->uses_lottery()) {
    parent->children_clock_ = std::max(parent->children_clock_, node->ticket_);
    DrawTicket(node);
  }
}

}  // namespace meros::allocator
