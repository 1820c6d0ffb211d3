#include "libs/tasks/holdings_digest.h"

#include "absl/strings/string_view.h"

namespace meros::tasks {
namespace {

// FNV-1a of the bytes and of a zero, which no id holds, so that moving a byte from one id to the
// next makes another hash.
uint64_t Hash(uint64_t hash, absl::string_view bytes) {
  constexpr uint64_t kPrime = 0x100000001b3;
  for (const char byte : bytes) hash = (hash ^ static_cast<uint8_t>(byte)) * kPrime;
  return hash * kPrime;
}

// Spreads every bit of the input over the output (the finalizer of MurmurHash3), because sums of
// hashes are compared.
uint64_t Mix(uint64_t hash) {
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccd;
  hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53;
  return hash ^ (hash >> 33);
}

}  // namespace

void HoldingsDigest::Add(absl::string_view framework_id, absl::string_view task_id,
                         v1::TaskState state) {
  constexpr uint64_t kOffset = 0xcbf29ce484222325;
  const uint64_t ids = Hash(Hash(kOffset, framework_id), task_id);
  ++tasks;
  sum += Mix(ids + static_cast<uint64_t>(state));
}

}  // namespace meros::tasks
