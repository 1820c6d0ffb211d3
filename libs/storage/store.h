// Store: a small durable map from keys to values, written in atomic batches. The registry keeps the
// cluster's records in one, the agent its checkpoints.
//
// What it is made for: values of a few hundred bytes, up to some 100,000 keys, writes that must survive
// kill -9 and power loss. A commit of one row costs about one fdatasync (0.1 ms on a good SSD); a commit
// of a thousand rows costs little more, so callers that have several changes put them into one batch.
// Figures: README.md.
//
// Implementations: OpenSqliteStore (sqlite_store.h), OpenZooKeeperStore (zookeeper_store.h), FakeDisk
// (fake_disk.h, for tests and simulation). All pass the suite of test_store_conformance.h.
//
// Owner: whoever opened it. Thread rule: thread-compatible; every call blocks on the disk, so shells
// give a store a thread of its own and never call it from a strand.
// States: open ──Close() or destruction──▶ closed. A failed call changes nothing. A replicated store can
// also be over: another process serves it, and every call says so with FailedPrecondition.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace meros::storage {

// Keys and values are bytes. Larger ones are refused with InvalidArgument.
inline constexpr size_t kKeyBytesMax = 1024;
inline constexpr size_t kValueBytesMax = 16 << 20;

// One change of a batch.
struct Mutation {
  std::string key;                   // not empty
  std::optional<std::string> value;  // nullopt deletes; deleting an absent key is fine
};

// ERRORS: InvalidArgument (key or value out of bounds).
absl::Status CheckBounds(const Mutation& mutation);

struct Row {
  std::string key;
  std::string value;
};

class Store {
 public:
  // Closes.
  virtual ~Store() = default;

  // Applies all mutations in order, or none; durable when it returns OK. An empty batch is durable
  // nothing and costs nothing.
  // After an error the batch is not visible, and a later commit may succeed; if the process dies
  // before a later commit, the batch may nevertheless be found after reopening (its bytes were
  // written, their arrival was not confirmed). Repeat it or overwrite it.
  // ERRORS: ResourceExhausted (disk or quota full), Unavailable (I/O error), DataLoss (the store is
  // corrupt), InvalidArgument (key or value out of bounds), FailedPrecondition (closed).
  [[nodiscard]] virtual absl::Status Commit(absl::Span<const Mutation> batch) = 0;

  // The value under `key`, or nullopt.
  // ERRORS: DataLoss (its checksum does not match), Unavailable, FailedPrecondition (closed).
  virtual absl::StatusOr<std::optional<std::string>> Get(absl::string_view key) = 0;

  // All rows whose key begins with `prefix` (all rows for ""), ordered by key as unsigned bytes.
  // ERRORS: as Get. Cost: O(rows returned).
  virtual absl::StatusOr<std::vector<Row>> List(absl::string_view prefix) = 0;

  // Releases the files. Idempotent. Commits need no Close to be durable.
  virtual absl::Status Close() = 0;
};

}  // namespace meros::storage
