// An immutable value with many holders, of any thread: what shared_ptr<const T> is, in half the
// space. Books with a million entries that name the same few values hold a Shared of each.
//
// SharingTable makes equal values one object where they are made one after another, at little cost
// and without a promise: it remembers one value per slot, so it holds no more than kSlots values,
// and what it has forgotten is just made again.
//
// Thread rule: Shared is a value type and thread-compatible; the object that it holds is immutable
// and may be held by several threads. SharingTable is thread-compatible.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/hash/hash.h"

namespace meros {

template <typename T>
class Shared {
 public:
  // Holds nothing, and reads as a T().
  Shared() = default;
  explicit Shared(T value) : node_(new Node(std::move(value))) {}
  Shared(const Shared& other) : node_(other.node_) {
    if (node_ != nullptr) node_->holders.fetch_add(1, std::memory_order_relaxed);
  }
  Shared(Shared&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  Shared& operator=(Shared other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~Shared() {
    if (node_ == nullptr) return;
    if (node_->holders.fetch_sub(1, std::memory_order_acq_rel) == 1) delete node_;
  }

  const T& operator*() const { return node_ == nullptr ? Nothing() : node_->value; }
  const T* operator->() const { return &**this; }
  bool holds_nothing() const { return node_ == nullptr; }
  // True if both hold one object; equal values need not be one.
  bool SameObject(const Shared& other) const { return node_ == other.node_; }

 private:
  struct Node {
    explicit Node(T v) : value(std::move(v)) {}
    std::atomic<uint32_t> holders{1};
    const T value;
  };

  static const T& Nothing() {
    static const T* nothing = new T();
    return *nothing;
  }

  Node* node_ = nullptr;
};

// T is hashable and comparable.
template <typename T, size_t kSlots>
class SharingTable {
 public:
  // `value`, as one object with an equal value that was given lately, if there was one. A default
  // value is held by nothing.
  Shared<T> Share(T value) {
    if (value == T()) return {};
    Shared<T>& slot = slots_[absl::HashOf(value) % kSlots];
    if (slot.holds_nothing() || !(*slot == value)) slot = Shared<T>(std::move(value));
    return slot;
  }

 private:
  std::array<Shared<T>, kSlots> slots_;
};

}  // namespace meros
