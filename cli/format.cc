#include "cli/format.h"

#include <google/protobuf/util/json_util.h>

#include <ctime>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace meros::cli {

std::string Printable(absl::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) c = '?';
  }
  return out;
}

void Table::Add(std::vector<std::string> row) {
  for (std::string& cell : row) cell = Printable(cell.empty() ? "-" : cell);
  rows_.push_back(std::move(row));
}

std::string Table::Print() const {
  std::vector<size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows_) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - row[i].size() + 2, ' ');
    }
    absl::StrAppend(&out, line, "\n");
  }
  return out;
}

std::string Json(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string text;
  const auto status = google::protobuf::util::MessageToJsonString(message, &text, options);
  return status.ok() ? text : absl::StrCat("{\"error\": \"", std::string(status.message()), "\"}");
}

double Scalar(const google::protobuf::RepeatedPtrField<meros::v1::Resource>& resources,
              absl::string_view name) {
  double sum = 0;
  for (const auto& resource : resources) {
    if (resource.name() == name) sum += resource.scalar().value();
  }
  return sum;
}

std::string Number(double value) {
  std::string text = absl::StrFormat("%.3f", value);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string Megabytes(double mb) {
  if (mb < 1024) return absl::StrCat(Number(mb), "M");
  if (mb < 1024 * 1024) return absl::StrFormat("%.1fG", mb / 1024);
  return absl::StrFormat("%.1fT", mb / 1024 / 1024);
}

namespace {

std::string Span(double seconds) {
  if (seconds < 120) return absl::StrFormat("%.0fs", std::max(0.0, seconds));
  if (seconds < 7200) return absl::StrFormat("%.0fm", seconds / 60);
  if (seconds < 172800) return absl::StrFormat("%.0fh", seconds / 3600);
  return absl::StrFormat("%.0fd", seconds / 86400);
}

double Now() { return static_cast<double>(std::time(nullptr)); }

}  // namespace

std::string Age(double unix_seconds) {
  return unix_seconds <= 0 ? "-" : Span(Now() - unix_seconds);
}

std::string Until(double unix_seconds) {
  return unix_seconds <= 0 ? "-" : Span(unix_seconds - Now());
}

std::pair<std::string, std::optional<std::string>> NameAndValue(absl::string_view text) {
  const size_t sign = text.find('=');
  if (sign == absl::string_view::npos) return {std::string(text), std::nullopt};
  return {std::string(text.substr(0, sign)), std::string(text.substr(sign + 1))};
}

std::string StateName(meros::v1::TaskState state) {
  return std::string(absl::StripPrefix(meros::v1::TaskState_Name(state), "TASK_"));
}

}  // namespace meros::cli
