#include "services/master/core/task_statuses.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>

#include <utility>

#include "libs/base/check.h"

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

// Dropping fields of the packed form costs a fifth of copying the message without them.
std::string Pack(const v1::TaskStatus& status) {
  const std::string whole = status.SerializePartialAsString();
  std::string kept;
  kept.reserve(whole.size());
  io::ArrayInputStream bytes(whole.data(), static_cast<int>(whole.size()));
  io::CodedInputStream in(&bytes);
  io::StringOutputStream kept_bytes(&kept);
  io::CodedOutputStream out(&kept_bytes);
  while (const uint32_t tag = in.ReadTag()) {
    const bool skipped = IsKept(WireFormatLite::GetTagFieldNumber(tag))
                             ? WireFormatLite::SkipField(&in, tag, &out)
                             : WireFormatLite::SkipField(&in, tag);
    MEROS_CHECK(skipped) << "a message that was just packed";
  }
  out.Trim();
  return kept;
}

}  // namespace

void TaskStatuses::Add(const v1::TaskStatus& status) {
  const std::string item = Pack(status);
  const bool replaces = !empty() && newest_state_ == status.state();
  const uint32_t begin = replaces ? newest_begins_ : static_cast<uint32_t>(packed_->size());
  const uint32_t tag = WireFormatLite::MakeTag(v1::Task::kStatusesFieldNumber,
                                               WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
  const auto length = static_cast<uint32_t>(item.size());
  std::string all;
  all.reserve(begin + io::CodedOutputStream::VarintSize32(tag) +
              io::CodedOutputStream::VarintSize32(length) + length);
  all.assign(*packed_, 0, begin);
  uint8_t head[10];
  uint8_t* end = io::CodedOutputStream::WriteVarint32ToArray(tag, head);
  end = io::CodedOutputStream::WriteVarint32ToArray(length, end);
  all.append(reinterpret_cast<const char*>(head), end - head);
  all.append(item);
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

void TaskStatuses::AppendTo(v1::Task* task) const { MEROS_CHECK(task->MergeFromString(*packed_)); }

}  // namespace meros::master
