#include "libs/storage/zookeeper_store.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/base/status_macros.h"
#include "libs/storage/fenced_session.h"
#include "libs/storage/zookeeper_layout.h"

namespace meros::storage {
namespace {

using coordination::Node;
using coordination::NodeOp;
using Type = NodeOp::Type;

constexpr absl::string_view kFormat = "1";

class ZooKeeperStore final : public Store {
 public:
  explicit ZooKeeperStore(ZooKeeperStoreOptions options)
      : options_(std::move(options)), root_(options_.url.path), session_(options_) {}

  absl::Status Open();

  absl::Status Commit(absl::Span<const Mutation> batch) override;
  absl::StatusOr<std::optional<std::string>> Get(absl::string_view key) override;
  absl::StatusOr<std::vector<Row>> List(absl::string_view prefix) override;
  absl::Status Close() override {
    session_.Close();
    return absl::OkStatus();
  }

 private:
  std::string Path(absl::string_view name) const { return absl::StrCat(root_, "/", name); }
  absl::StatusOr<Node> ReadOne(const std::string& path) {
    MEROS_ASSIGN_OR_RETURN(std::vector<Node> nodes, session_.Read({path}));
    return std::move(nodes[0]);
  }
  absl::StatusOr<std::vector<std::string>> ReadRows(absl::Span<const std::string> keys);

  absl::Status MakeNodes();
  absl::Status LoadIndex();
  // Does what was decided and not done; forgets what was not decided.
  absl::Status FinishJournal();
  // A batch that is too large for one transaction: its parts, the decision, the rows.
  std::vector<Transaction> PlanLarge(absl::Span<const Mutation> batch, std::vector<NodeOp> ops);

  const ZooKeeperStoreOptions options_;
  const std::string root_;
  RowIndex index_;
  FencedSession session_;
};

absl::StatusOr<std::vector<std::string>> ZooKeeperStore::ReadRows(
    absl::Span<const std::string> keys) {
  std::vector<std::string> paths;
  for (const std::string& key : keys) {
    for (size_t i = 0; i < index_.Pieces(key); ++i) paths.push_back(RowPath(root_, key, i));
  }
  absl::StatusOr<std::vector<Node>> nodes = session_.Read(paths);
  if (absl::IsNotFound(nodes.status())) {
    return absl::DataLossError(
        absl::StrCat("a row was taken from under the store: ", nodes.status().message()));
  }
  MEROS_RETURN_IF_ERROR(nodes.status());
  std::vector<std::string> values;
  auto next = nodes->begin();
  for (const std::string& key : keys) {
    std::vector<std::string> pieces;
    for (size_t i = 0; i < index_.Pieces(key); ++i) pieces.push_back(std::move((next++)->data));
    MEROS_ASSIGN_OR_RETURN(std::string value, DecodeValue(key, pieces));
    values.push_back(std::move(value));
  }
  return values;
}

absl::Status ZooKeeperStore::Open() {
  MEROS_RETURN_IF_ERROR(session_.Connect());
  MEROS_RETURN_IF_ERROR(MakeNodes());
  MEROS_RETURN_IF_ERROR(session_.Claim());
  MEROS_RETURN_IF_ERROR(LoadIndex());
  return FinishJournal();
}

absl::Status ZooKeeperStore::MakeNodes() {
  const absl::StatusOr<Node> format = ReadOne(Path("format"));
  if (format.ok() && format->data == kFormat) return absl::OkStatus();
  if (format.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the store at ", options_.url.Redacted(), " has format '",
                     absl::CHexEscape(format->data), "', this program knows format ", kFormat));
  }
  if (!absl::IsNotFound(format.status())) return format.status();
  std::vector<std::pair<std::string, std::string>> nodes;
  for (size_t end = root_.find('/', 1); end != std::string::npos; end = root_.find('/', end + 1)) {
    nodes.emplace_back(root_.substr(0, end), "");
  }
  nodes.emplace_back(root_, "");
  for (const char* name : {"fence", "journal", "rows"}) nodes.emplace_back(Path(name), "");
  for (int i = 0; i < kBuckets; ++i) {
    nodes.emplace_back(absl::StrCat(Path("rows/"), BucketName(i)), "");
  }
  nodes.emplace_back(Path("format"), std::string(kFormat));  // last: says that all are there
  return session_.CreateMissing(nodes);
}

absl::Status ZooKeeperStore::LoadIndex() {
  std::vector<std::string> buckets;
  for (int i = 0; i < kBuckets; ++i) {
    buckets.push_back(absl::StrCat(Path("rows/"), BucketName(i)));
  }
  MEROS_ASSIGN_OR_RETURN(const auto lists, session_.List(buckets));
  absl::btree_map<std::string, size_t> nodes, highest;
  for (const std::vector<std::string>& names : lists) {
    for (const std::string& name : names) {
      MEROS_ASSIGN_OR_RETURN(const auto row, ParseRowName(name));
      ++nodes[row.first];
      highest[row.first] = std::max(highest[row.first], row.second);
    }
  }
  for (const auto& [key, count] : nodes) {
    if (count != highest[key] + 1) {
      return absl::DataLossError(
          absl::StrCat("the store's row '", absl::CHexEscape(key), "' is incomplete"));
    }
    index_.Add(key, count);
  }
  return absl::OkStatus();
}

absl::Status ZooKeeperStore::FinishJournal() {
  MEROS_ASSIGN_OR_RETURN(const Node journal, ReadOne(Path("journal")));
  MEROS_ASSIGN_OR_RETURN(auto parts, session_.List({Path("journal")}));
  std::sort(parts[0].begin(), parts[0].end());
  std::vector<std::string> paths;
  for (const std::string& part : parts[0]) paths.push_back(Path(absl::StrCat("journal/", part)));
  std::vector<Mutation> batch;
  if (!journal.data.empty()) {
    MEROS_ASSIGN_OR_RETURN(const std::vector<Node> nodes, session_.Read(paths));
    std::string bytes;
    for (const Node& node : nodes) bytes += node.data;
    MEROS_ASSIGN_OR_RETURN(batch, DecodeBatch(bytes));
  } else if (paths.empty()) {
    return absl::OkStatus();
  }
  std::vector<Transaction> transactions = SplitIntoTransactions(index_.Plan(root_, batch));
  transactions.push_back({{Type::kSet, Path("journal"), ""}});
  for (const std::string& path : paths) transactions.back().push_back({Type::kDelete, path});
  MEROS_RETURN_IF_ERROR(session_.Run(transactions));
  index_.Apply(batch);
  return absl::OkStatus();
}

std::vector<Transaction> ZooKeeperStore::PlanLarge(absl::Span<const Mutation> batch,
                                                   std::vector<NodeOp> ops) {
  std::vector<Transaction> transactions;
  const std::string bytes = EncodeBatch(batch);
  Transaction clearing = {{Type::kSet, Path("journal"), ""}};
  for (size_t at = 0; at < bytes.size(); at += kPieceBytes) {
    std::string path = absl::StrFormat("%s%04d", Path("journal/"), transactions.size());
    clearing.push_back({Type::kDelete, path});
    transactions.push_back({{Type::kCreate, std::move(path), bytes.substr(at, kPieceBytes)}});
  }
  transactions.push_back({{Type::kSet, Path("journal"), "decided"}});
  for (Transaction& rows : SplitIntoTransactions(std::move(ops))) {
    transactions.push_back(std::move(rows));
  }
  transactions.push_back(std::move(clearing));
  return transactions;
}

absl::Status ZooKeeperStore::Commit(absl::Span<const Mutation> batch) {
  MEROS_RETURN_IF_ERROR(session_.over());
  for (const Mutation& mutation : batch) MEROS_RETURN_IF_ERROR(CheckBounds(mutation));
  std::vector<NodeOp> ops = index_.Plan(root_, batch);
  if (ops.empty()) return absl::OkStatus();
  MEROS_RETURN_IF_ERROR(session_.Usable());
  std::vector<Transaction> transactions = SplitIntoTransactions(ops);
  if (transactions.size() > 1) transactions = PlanLarge(batch, std::move(ops));
  MEROS_RETURN_IF_ERROR(session_.Run(transactions));
  index_.Apply(batch);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<std::string>> ZooKeeperStore::Get(absl::string_view key) {
  MEROS_RETURN_IF_ERROR(session_.Usable());
  const std::string name(key);
  if (index_.Pieces(name) == 0) return std::optional<std::string>();
  MEROS_ASSIGN_OR_RETURN(std::vector<std::string> values, ReadRows({name}));
  return std::optional<std::string>(std::move(values[0]));
}

absl::StatusOr<std::vector<Row>> ZooKeeperStore::List(absl::string_view prefix) {
  MEROS_RETURN_IF_ERROR(session_.Usable());
  std::vector<std::string> keys;
  const auto& rows = index_.rows();
  for (auto it = rows.lower_bound(std::string(prefix));
       it != rows.end() && absl::StartsWith(it->first, prefix); ++it) {
    keys.push_back(it->first);
  }
  MEROS_ASSIGN_OR_RETURN(std::vector<std::string> values, ReadRows(keys));
  std::vector<Row> found;
  for (size_t i = 0; i < keys.size(); ++i) {
    found.push_back({std::move(keys[i]), std::move(values[i])});
  }
  return found;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenZooKeeperStore(const ZooKeeperStoreOptions& options) {
  auto store = std::make_unique<ZooKeeperStore>(options);
  MEROS_RETURN_IF_ERROR(store->Open());
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace meros::storage
