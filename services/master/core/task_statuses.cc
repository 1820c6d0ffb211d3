#include "services/master/core/task_statuses.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "libs/base/check.h"
#include "libs/base/packed_field.h"

namespace meros::master {
namespace {

namespace io = google::protobuf::io;
using google::protobuf::internal::WireFormatLite;

bool IsKept(int field) {
  switch (field) {
    case v1::TaskStatus::kTaskIdFieldNumber:
    case v1::TaskStatus::kAgentIdFieldNumber:
    case v1::TaskStatus::kExecutorIdFieldNumber:
    case v1::TaskStatus::kDataFieldNumber:
      return false;
    default:
      return true;
  }
}

// The parts of a packed status that are kept, in their order. Dropping fields of the packed form
// costs a fifth of copying the message without them.
using Parts = absl::InlinedVector<absl::string_view, 8>;
Parts KeptParts(absl::string_view packed) {
  Parts parts;
  io::CodedInputStream in(reinterpret_cast<const uint8_t*>(packed.data()),
                          static_cast<int>(packed.size()));
  for (int begin = 0; const uint32_t tag = in.ReadTag(); begin = in.CurrentPosition()) {
    MEROS_CHECK(WireFormatLite::SkipField(&in, tag)) << "a message that was just packed";
    if (!IsKept(WireFormatLite::GetTagFieldNumber(tag))) continue;
    parts.push_back(packed.substr(begin, in.CurrentPosition() - begin));
  }
  return parts;
}

}  // namespace

void TaskStatuses::Add(const v1::TaskStatus& status) {
  const std::string whole = status.SerializePartialAsString();
  const Parts parts = KeptParts(whole);
  size_t length = 0;
  for (const absl::string_view part : parts) length += part.size();
  const auto head = PackedField::Length(v1::Task::kStatusesFieldNumber, length);

  const bool replaces = !empty() && newest_state_ == status.state();
  const uint32_t begin = replaces ? newest_begins_ : static_cast<uint32_t>(packed_->size());
  std::string all;
  all.reserve(begin + head.size() + length);
  all.assign(*packed_, 0, begin);
  all.append(head.view().data(), head.size());
  for (const absl::string_view part : parts) all.append(part.data(), part.size());
  packed_ = Shared<std::string>(std::move(all));
  newest_begins_ = begin;
  newest_state_ = status.state();
}

std::optional<v1::TaskStatus> TaskStatuses::Newest() const {
  if (empty()) return std::nullopt;
  v1::Task task;
  MEROS_CHECK(task.MergeFromString(packed_->substr(newest_begins_)));
  return std::move(*task.mutable_statuses(0));
}

}  // namespace meros::master
