#include "services/master/shell/candidate_node.h"

#include <arpa/inet.h>
#include <google/protobuf/util/json_util.h>
#include <netinet/in.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace meros::master {
namespace {

// Empty for what cannot be read.
v1::MasterInfo InfoOf(const std::string& json) {
  v1::MasterInfo info;
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  if (!google::protobuf::util::JsonStringToMessage(json, &info, options).ok()) return {};
  return info;
}

}  // namespace

std::string CandidateJson(v1::MasterInfo info, absl::string_view ip) {
  in_addr parsed{};
  if (!ip.empty()) {
    info.mutable_address()->set_ip(std::string(ip));
    // In network order, as Mesos has it; it knows no IPv6.
    if (inet_pton(AF_INET, std::string(ip).c_str(), &parsed) == 1) info.set_ip(parsed.s_addr);
  }
  const absl::string_view host = ip.empty() ? absl::string_view(info.hostname()) : ip;
  info.set_pid(absl::StrCat("master@", host, ":", info.port()));
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  // Fails for text that is not UTF-8 only, which flags are not.
  (void)google::protobuf::util::MessageToJsonString(info, &json, options);
  return json;
}

std::string CandidateAddress(const std::string& json) {
  const v1::MasterInfo info = InfoOf(json);
  if (!info.address().hostname().empty() && info.address().port() > 0) {
    return absl::StrCat(info.address().hostname(), ":", info.address().port());
  }
  return std::string(absl::StripPrefix(info.pid(), "master@"));
}

std::string CandidateRegion(const std::string& json) {
  return InfoOf(json).domain().fault_domain().region().name();
}

}  // namespace meros::master
