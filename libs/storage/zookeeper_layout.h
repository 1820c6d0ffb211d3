// How a store lies in ZooKeeper: one small node per row, spread over 256 parents, so that no
// listing of children comes near what a server sends in one packet (jute.maxbuffer, 1 MiB: some
// 20,000 usual keys a parent, 5 million rows in all).
//
//   ROOT/format                 "1"
//   ROOT/owner                  ephemeral, of the process that serves the store
//   ROOT/fence                  whose turn it is; its version counts the transactions
//   ROOT/journal[/0000 ...]     a batch too large for one transaction, on its way
//   ROOT/rows/BB/NAME[!0001..]  the rows: BB is a hash of the key, NAME the key with all but
//   letters,
//                               digits and -_:@+=,. as %XX
//
// A value larger than a piece lies in several nodes. The first begins with 8 bytes: "M1", the
// number of pieces (2 bytes) and the CRC-32C of key and value (4 bytes), both little-endian.
//
// Thread rule: pure functions; RowIndex is thread-compatible.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/coordination/zookeeper.h"
#include "libs/storage/store.h"

namespace meros::storage {

inline constexpr int kBuckets = 256;
// A packet holds 1 MiB at most. A piece leaves room for a path beside it, a transaction for the
// change of the fence.
inline constexpr size_t kPieceBytes = 512 << 10;
inline constexpr size_t kTransactionBytes = 640 << 10;

std::string BucketName(int bucket);
// ROOT/rows/BB/NAME.
std::string RowPath(absl::string_view root, absl::string_view key, size_t piece = 0);
// Key and piece of the last component of a path. ERRORS: DataLoss (not one of ours).
absl::StatusOr<std::pair<std::string, size_t>> ParseRowName(absl::string_view name);

// The data of each piece; at least one.
std::vector<std::string> EncodeValue(absl::string_view key, absl::string_view value);
// How many pieces the first one announces. ERRORS: DataLoss.
absl::StatusOr<size_t> PieceCount(absl::string_view first);
// ERRORS: DataLoss naming the key, when a piece is missing or the checksum does not match.
absl::StatusOr<std::string> DecodeValue(absl::string_view key,
                                        const std::vector<std::string>& pieces);

std::string EncodeBatch(absl::Span<const Mutation> batch);
absl::StatusOr<std::vector<Mutation>> DecodeBatch(absl::string_view bytes);

using Transaction = std::vector<coordination::NodeOp>;

// Cuts operations into transactions that a server takes, in order; each at least one operation.
std::vector<Transaction> SplitIntoTransactions(std::vector<coordination::NodeOp> ops);

// Which rows there are, and in how many pieces: ZooKeeper wants to know whether a node is to be
// created or changed.
class RowIndex {
 public:
  void Add(const std::string& key, size_t pieces) { pieces_[key] = pieces; }
  // Of a key; 0: there is no such row.
  size_t Pieces(const std::string& key) const;
  const absl::btree_map<std::string, size_t>& rows() const { return pieces_; }

  // The operations that bring about the batch; none when it changes nothing.
  std::vector<coordination::NodeOp> Plan(absl::string_view root,
                                         absl::Span<const Mutation> batch) const;
  // The batch has been brought about.
  void Apply(absl::Span<const Mutation> batch);

 private:
  absl::btree_map<std::string, size_t> pieces_;
};

}  // namespace meros::storage
