#include "services/allocator/whatif/snapshot_file.h"

#include <google/protobuf/util/json_util.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace meros::allocator {
namespace {

absl::Status Broken(size_t line, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("line ", line, ": ", why));
}

absl::Status ReadLine(absl::string_view text, size_t number, v1::SnapshotLine* line) {
  google::protobuf::util::JsonParseOptions options;
  // A later version may have added to the header; whether we can read the rest its number says.
  options.ignore_unknown_fields = number == 1;
  const auto status = google::protobuf::util::JsonStringToMessage(
      google::protobuf::StringPiece(text.data(), text.size()), line, options);
  if (status.ok()) return absl::OkStatus();
  const std::string why(status.message());
  return Broken(number, absl::StrCat("is not understood: ", why.substr(0, why.find('\n'))));
}

// Of a line that is not the first.
absl::Status CheckLine(const v1::SnapshotLine& line, size_t number) {
  switch (line.line_case()) {
    case v1::SnapshotLine::kDelta:
      if (line.delta().version() == 0) return absl::OkStatus();
      return Broken(number, "delta.version must be 0 in a snapshot");
    case v1::SnapshotLine::kEnd:
      if (line.end().lines() + 1 == number) return absl::OkStatus();
      return Broken(number, absl::StrCat("end.lines says that ", line.end().lines(),
                                         " lines come before, there are ", number - 1));
    case v1::SnapshotLine::kOpenOffers:
      return absl::OkStatus();
    case v1::SnapshotLine::kHeader:
      return Broken(number, "a second header");
    case v1::SnapshotLine::LINE_NOT_SET:
      break;
  }
  return Broken(number, "says nothing that this version knows");
}

}  // namespace

absl::Status CheckHeader(const v1::SnapshotHeader& header) {
  if (header.format() != kSnapshotFormat) {
    return absl::InvalidArgumentError(
        "is no allocation snapshot: the first line must be a header as meros snapshot writes it");
  }
  if (header.format_version() == 0) return Broken(1, "header.format_version must be at least 1");
  if (header.format_version() <= kSnapshotFormatVersion) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("has format version ", header.format_version(), ", of a master of version ",
                   header.master_version(), "; this program reads versions up to ",
                   kSnapshotFormatVersion, ": use a newer one"));
}

std::string PrintLine(const v1::SnapshotLine& line) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string text;
  // Fails only for Any and for text that is not UTF-8, which wire rules keep out.
  (void)google::protobuf::util::MessageToJsonString(line, &text, options);
  text += '\n';
  return text;
}

absl::StatusOr<SavedSnapshot> ParseSnapshot(absl::string_view text) {
  std::vector<v1::SnapshotLine> lines;
  absl::ConsumeSuffix(&text, "\n");
  for (absl::string_view part : absl::StrSplit(text, '\n')) {
    const size_t number = lines.size() + 1;
    const absl::Status status = ReadLine(part, number, &lines.emplace_back());
    if (number == 1) {
      // What is no JSON is no header either.
      if (absl::Status header = CheckHeader(lines.front().header()); !header.ok()) return header;
    }
    if (!status.ok()) return status;
  }
  return CheckSnapshot(std::move(lines));
}

absl::StatusOr<SavedSnapshot> CheckSnapshot(std::vector<v1::SnapshotLine> lines) {
  if (lines.empty()) return CheckHeader({});
  if (absl::Status status = CheckHeader(lines.front().header()); !status.ok()) return status;
  for (size_t i = 1; i < lines.size(); ++i) {
    if (absl::Status status = CheckLine(lines[i], i + 1); !status.ok()) return status;
    if (lines[i].has_end() && i + 1 < lines.size()) return Broken(i + 2, "follows the end");
  }
  if (!lines.back().has_end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("was cut off after line ", lines.size(), ": the end is missing"));
  }
  return SavedSnapshot{std::move(lines)};
}

}  // namespace meros::allocator
