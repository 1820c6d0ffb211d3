#include "libs/storage/fake_disk.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/status_macros.h"
#include "libs/storage/crc32c.h"

namespace meros::storage {
namespace {

// Frame: payload length (4 bytes), CRC-32C of the payload (4 bytes), payload.
// Payload: per mutation 'P' or 'D', key length and key, for 'P' also value length and value.
constexpr size_t kHeaderBytes = 8;

void AppendU32(uint32_t value, std::string* out) {
  for (int shift = 0; shift < 32; shift += 8) out->push_back(static_cast<char>(value >> shift));
}

uint32_t ReadU32(absl::string_view bytes) {
  uint32_t value = 0;
  for (int i = 3; i >= 0; --i) value = (value << 8) | static_cast<uint8_t>(bytes[i]);
  return value;
}

void AppendText(absl::string_view text, std::string* out) {
  AppendU32(static_cast<uint32_t>(text.size()), out);
  out->append(text.data(), text.size());
}

std::string EncodeFrame(absl::Span<const Mutation> batch) {
  std::string payload;
  for (const Mutation& mutation : batch) {
    payload.push_back(mutation.value.has_value() ? 'P' : 'D');
    AppendText(mutation.key, &payload);
    if (mutation.value.has_value()) AppendText(*mutation.value, &payload);
  }
  std::string frame;
  AppendU32(static_cast<uint32_t>(payload.size()), &frame);
  AppendU32(Crc32c(payload), &frame);
  return frame + payload;
}

using Rows = std::map<std::string, std::string>;

void ApplyTo(const Mutation& mutation, Rows* rows) {
  if (mutation.value.has_value()) {
    (*rows)[mutation.key] = *mutation.value;
  } else {
    rows->erase(mutation.key);
  }
}

std::string TakeText(absl::string_view* payload) {
  const uint32_t size = ReadU32(*payload);
  std::string text(payload->substr(4, size));
  payload->remove_prefix(4 + size);
  return text;
}

// REQUIRES: `payload` passed its checksum, so that it is what EncodeFrame wrote.
void Replay(absl::string_view payload, Rows* rows) {
  while (!payload.empty()) {
    const bool is_put = payload[0] == 'P';
    payload.remove_prefix(1);
    Mutation mutation{TakeText(&payload), std::nullopt};
    if (is_put) mutation.value = TakeText(&payload);
    ApplyTo(mutation, rows);
  }
}

}  // namespace

class FakeStore final : public Store {
 public:
  FakeStore(FakeDisk* disk, Rows rows) : disk_(disk), boot_(disk->boots_), rows_(std::move(rows)) {}

  absl::Status Commit(absl::Span<const Mutation> batch) override {
    MEROS_RETURN_IF_ERROR(CheckUsable());
    for (const Mutation& mutation : batch) {
      if (mutation.key.empty() || mutation.key.size() > kKeyBytesMax)
        return absl::InvalidArgumentError("key is empty or too long");
      if (mutation.value.has_value() && mutation.value->size() > kValueBytesMax)
        return absl::InvalidArgumentError("value is too long");
    }
    if (batch.empty()) return absl::OkStatus();
    MEROS_RETURN_IF_ERROR(disk_->Append(EncodeFrame(batch)));
    for (const Mutation& mutation : batch) ApplyTo(mutation, &rows_);
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<std::string>> Get(absl::string_view key) override {
    MEROS_RETURN_IF_ERROR(CheckUsable());
    const auto found = rows_.find(std::string(key));
    return found == rows_.end() ? std::nullopt : std::make_optional(found->second);
  }

  absl::StatusOr<std::vector<Row>> List(absl::string_view prefix) override {
    MEROS_RETURN_IF_ERROR(CheckUsable());
    std::vector<Row> rows;
    for (auto it = rows_.lower_bound(std::string(prefix));
         it != rows_.end() &&
         it->first.compare(0, prefix.size(), prefix.data(), prefix.size()) == 0;
         ++it)
      rows.push_back({it->first, it->second});
    return rows;
  }

  absl::Status Close() override {
    closed_ = true;
    return absl::OkStatus();
  }

 private:
  absl::Status CheckUsable() const {
    if (closed_) return absl::FailedPreconditionError("store is closed");
    if (disk_->crashed_ || disk_->boots_ != boot_)
      return absl::UnavailableError("the machine crashed");
    return absl::OkStatus();
  }

  FakeDisk* const disk_;
  const uint64_t boot_;
  Rows rows_;
  bool closed_ = false;
};

absl::StatusOr<std::unique_ptr<Store>> FakeDisk::Open() {
  if (!crashed_) Crash();
  crashed_ = false;
  ++boots_;
  Rows rows;
  size_t at = 0;
  while (log_.size() - at >= kHeaderBytes) {
    const absl::string_view rest = absl::string_view(log_).substr(at);
    const size_t size = ReadU32(rest);
    if (size > rest.size() - kHeaderBytes) break;
    const absl::string_view payload = rest.substr(kHeaderBytes, size);
    if (Crc32c(payload) != ReadU32(rest.substr(4))) break;
    Replay(payload, &rows);
    at += kHeaderBytes + size;
  }
  // Only what was never synced may be missing.
  if (at < synced_bytes_)
    return absl::DataLossError(absl::StrCat("log is corrupt at byte ", at, " of ", synced_bytes_));
  log_.resize(at);
  synced_bytes_ = at;
  return std::unique_ptr<Store>(std::make_unique<FakeStore>(this, std::move(rows)));
}

absl::Status FakeDisk::Append(const std::string& frame) {
  if (full_ || rng_.Chance(faults_.no_space))
    return absl::ResourceExhaustedError("no space left on the fake disk");
  if (rng_.Chance(faults_.io_error)) return absl::UnavailableError("I/O error of the fake disk");
  log_ += frame;
  if (rng_.Chance(faults_.crash_before_sync)) {
    Crash();
    return absl::UnavailableError("the machine crashed before the sync");
  }
  last_sync_time_ = absl::Microseconds(100);
  if (rng_.Chance(faults_.slow_sync))
    last_sync_time_ += rng_.UniformDouble() * faults_.slow_sync_max;
  synced_bytes_ = log_.size();
  if (rng_.Chance(faults_.crash_after_sync)) {
    Crash();
    return absl::UnavailableError("the machine crashed after the sync");
  }
  return absl::OkStatus();
}

void FakeDisk::Crash() {
  crashed_ = true;
  log_.resize(rng_.Uniform(synced_bytes_, log_.size()));
}

void FakeDisk::FlipBit() {
  MEROS_CHECK(synced_bytes_ > 0) << "nothing is on the disk";
  log_[rng_.Uniform(0, synced_bytes_ - 1)] ^= static_cast<char>(1u << rng_.Uniform(0, 7));
}

}  // namespace meros::storage
