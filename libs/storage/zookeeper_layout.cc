#include "libs/storage/zookeeper_layout.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/base/status_macros.h"
#include "libs/storage/crc32c.h"

namespace meros::storage {
namespace {

using coordination::NodeOp;

constexpr absl::string_view kMagic = "M1";
constexpr size_t kHeaderBytes = 8;
constexpr char kPieceMark = '!';  // in no name
// What an operation takes in a packet besides path and data, generously.
constexpr size_t kOpOverheadBytes = 128;

bool IsPlain(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         absl::string_view("-_:@+=,.").find(c) != absl::string_view::npos;
}

std::string EscapeKey(absl::string_view key) {
  std::string name;
  for (const char c : key) {
    // A name must not be "." or "..".
    if (IsPlain(c) && !(c == '.' && name.empty())) {
      name.push_back(c);
    } else {
      absl::StrAppendFormat(&name, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  return name;
}

void AppendNumber(uint64_t number, int bytes, std::string* out) {
  for (int i = 0; i < bytes; ++i) out->push_back(static_cast<char>(number >> (8 * i)));
}

uint64_t ReadNumber(absl::string_view bytes) {
  uint64_t number = 0;
  for (size_t i = bytes.size(); i > 0; --i) {
    number = number << 8 | static_cast<unsigned char>(bytes[i - 1]);
  }
  return number;
}

size_t PiecesFor(absl::string_view value) {
  return value.size() / kPieceBytes + 1;  // the last one may be empty
}

// The last mutation of each key, which decides.
absl::btree_map<absl::string_view, const Mutation*> Decisive(absl::Span<const Mutation> batch) {
  absl::btree_map<absl::string_view, const Mutation*> last;
  for (const Mutation& mutation : batch) last[mutation.key] = &mutation;
  return last;
}

}  // namespace

std::string BucketName(int bucket) { return absl::StrFormat("%02x", bucket); }

std::string RowPath(absl::string_view root, absl::string_view key, size_t piece) {
  const int bucket = static_cast<int>(Crc32c(key) % kBuckets);
  std::string path = absl::StrCat(root, "/rows/", BucketName(bucket), "/", EscapeKey(key));
  if (piece > 0) absl::StrAppendFormat(&path, "%c%04d", kPieceMark, piece);
  return path;
}

absl::StatusOr<std::pair<std::string, size_t>> ParseRowName(absl::string_view name) {
  const absl::Status not_ours =
      absl::DataLossError(absl::StrCat("the store holds a node that is no row: '", name, "'"));
  uint64_t piece = 0;
  const size_t mark = name.find(kPieceMark);
  if (mark != absl::string_view::npos) {
    if (!absl::SimpleAtoi(name.substr(mark + 1), &piece) || piece == 0) return not_ours;
    name = name.substr(0, mark);
  }
  std::string key;
  for (size_t i = 0; i < name.size(); ++i) {
    if (name[i] != '%') {
      key.push_back(name[i]);
      continue;
    }
    const absl::string_view hex = name.substr(i + 1, 2);
    if (hex.size() != 2 || !absl::ascii_isxdigit(hex[0]) || !absl::ascii_isxdigit(hex[1])) {
      return not_ours;
    }
    key += absl::HexStringToBytes(hex);
    i += 2;
  }
  if (key.empty()) return not_ours;
  return std::pair(std::move(key), static_cast<size_t>(piece));
}

std::vector<std::string> EncodeValue(absl::string_view key, absl::string_view value) {
  const size_t count = PiecesFor(value);
  std::string first(kMagic);
  AppendNumber(count, 2, &first);
  AppendNumber(RowChecksum(key, value), 4, &first);
  std::vector<std::string> pieces;
  for (size_t i = 0; i < count; ++i) {
    const absl::string_view part = value.substr(i * kPieceBytes, kPieceBytes);
    pieces.push_back(i == 0 ? absl::StrCat(first, part) : std::string(part));
  }
  return pieces;
}

absl::StatusOr<size_t> PieceCount(absl::string_view first) {
  if (first.size() < kHeaderBytes || !absl::StartsWith(first, kMagic)) {
    return absl::DataLossError("a row of the store does not begin as rows do");
  }
  return static_cast<size_t>(ReadNumber(first.substr(2, 2)));
}

absl::StatusOr<std::string> DecodeValue(absl::string_view key,
                                        const std::vector<std::string>& pieces) {
  MEROS_ASSIGN_OR_RETURN(const size_t count, PieceCount(pieces[0]));
  const auto checksum =
      static_cast<uint32_t>(ReadNumber(absl::string_view(pieces[0]).substr(4, 4)));
  std::string value = pieces[0].substr(kHeaderBytes);
  for (size_t i = 1; i < pieces.size(); ++i) value += pieces[i];
  if (count == pieces.size() && checksum == RowChecksum(key, value)) return value;
  return absl::DataLossError(
      absl::StrCat("the store's row '", absl::CHexEscape(key),
                   "' fails its checksum; restore the store from a backup, or "
                   "begin anew under another path"));
}

std::string EncodeBatch(absl::Span<const Mutation> batch) {
  std::string bytes;
  for (const Mutation& mutation : batch) {
    bytes.push_back(mutation.value.has_value() ? '+' : '-');
    AppendNumber(mutation.key.size(), 4, &bytes);
    AppendNumber(mutation.value.has_value() ? mutation.value->size() : 0, 4, &bytes);
    bytes += mutation.key;
    if (mutation.value.has_value()) bytes += *mutation.value;
  }
  AppendNumber(Crc32c(bytes), 4, &bytes);
  return bytes;
}

absl::StatusOr<std::vector<Mutation>> DecodeBatch(absl::string_view bytes) {
  const absl::Status broken = absl::DataLossError("the store's journal fails its checksum");
  if (bytes.size() < 4) return broken;
  const uint64_t checksum = ReadNumber(bytes.substr(bytes.size() - 4));
  bytes.remove_suffix(4);
  if (checksum != Crc32c(bytes)) return broken;
  std::vector<Mutation> batch;
  while (!bytes.empty()) {
    if (bytes.size() < 9) return broken;
    const bool is_put = bytes[0] == '+';
    const uint64_t key_bytes = ReadNumber(bytes.substr(1, 4));
    const uint64_t value_bytes = ReadNumber(bytes.substr(5, 4));
    bytes.remove_prefix(9);
    if (bytes.size() < key_bytes + value_bytes) return broken;
    Mutation mutation{std::string(bytes.substr(0, key_bytes)), std::nullopt};
    if (is_put) mutation.value = std::string(bytes.substr(key_bytes, value_bytes));
    bytes.remove_prefix(key_bytes + value_bytes);
    batch.push_back(std::move(mutation));
  }
  return batch;
}

std::vector<Transaction> SplitIntoTransactions(std::vector<NodeOp> ops) {
  std::vector<Transaction> transactions;
  size_t bytes = 0;
  for (NodeOp& op : ops) {
    const size_t size = op.path.size() + op.data.size() + kOpOverheadBytes;
    if (transactions.empty() || bytes + size > kTransactionBytes) {
      transactions.emplace_back();
      bytes = 0;
    }
    bytes += size;
    transactions.back().push_back(std::move(op));
  }
  return transactions;
}

size_t RowIndex::Pieces(const std::string& key) const {
  const auto it = pieces_.find(key);
  return it == pieces_.end() ? 0 : it->second;
}

std::vector<NodeOp> RowIndex::Plan(absl::string_view root, absl::Span<const Mutation> batch) const {
  using Type = NodeOp::Type;
  std::vector<NodeOp> ops;
  for (const auto& [key, mutation] : Decisive(batch)) {
    const size_t present = Pieces(mutation->key);
    std::vector<std::string> pieces;
    if (mutation->value.has_value()) pieces = EncodeValue(key, *mutation->value);
    for (size_t i = 0; i < pieces.size(); ++i) {
      ops.push_back({.type = i < present ? Type::kSet : Type::kCreate,
                     .path = RowPath(root, key, i),
                     .data = std::move(pieces[i])});
    }
    // From the last one, so that a row that is half done has no gap.
    for (size_t i = present; i > pieces.size(); --i) {
      ops.push_back({.type = Type::kDelete, .path = RowPath(root, key, i - 1)});
    }
  }
  return ops;
}

void RowIndex::Apply(absl::Span<const Mutation> batch) {
  for (const auto& [key, mutation] : Decisive(batch)) {
    if (mutation->value.has_value()) {
      pieces_[mutation->key] = PiecesFor(*mutation->value);
    } else {
      pieces_.erase(mutation->key);
    }
  }
}

}  // namespace meros::storage
