#include "services/master/core/task.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

namespace meros::master {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedOutputStream;

// A field of a packed message that is a message.
void AppendPart(int field, const google::protobuf::MessageLite& part, std::string* packed) {
  uint8_t head[10];
  uint8_t* end = CodedOutputStream::WriteVarint32ToArray(
      WireFormatLite::MakeTag(field, WireFormatLite::WIRETYPE_LENGTH_DELIMITED), head);
  end = CodedOutputStream::WriteVarint32ToArray(static_cast<uint32_t>(part.ByteSizeLong()), end);
  packed->append(reinterpret_cast<const char*>(head), end - head);
  part.AppendPartialToString(packed);
}

// What the launch and the agent's report say in the same fields. Packed from where it is: a copy of
// the labels alone would cost more than all the rest.
template <typename Message>
std::string Described(const Message& message) {
  using Info = v1::TaskInfo;
  std::string packed;
  const auto append = [&packed](bool present, int field, const auto& part) {
    if (present) AppendPart(field, part, &packed);
  };
  append(message.has_labels(), Info::kLabelsFieldNumber, message.labels());
  append(message.has_discovery(), Info::kDiscoveryFieldNumber, message.discovery());
  append(message.has_container(), Info::kContainerFieldNumber, message.container());
  append(message.has_health_check(), Info::kHealthCheckFieldNumber, message.health_check());
  append(message.has_kill_policy(), Info::kKillPolicyFieldNumber, message.kill_policy());
  if (!message.limits().empty()) {
    Info limits;
    *limits.mutable_limits() = message.limits();
    limits.AppendPartialToString(&packed);
  }
  return packed;
}

void AppendUser(const std::string& user, std::string* packed) {
  v1::CommandInfo command;
  command.set_user(user);
  AppendPart(v1::TaskInfo::kCommandFieldNumber, command, packed);
}

}  // namespace

std::string DescribeTask(const v1::TaskInfo& info) {
  std::string packed = Described(info);
  if (info.command().has_user()) AppendUser(info.command().user(), &packed);
  return packed;
}

std::string DescribeTask(const v1::Task& report) {
  std::string packed = Described(report);
  if (report.has_user()) AppendUser(report.user(), &packed);
  return packed;
}

}  // namespace meros::master
