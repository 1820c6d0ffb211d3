// Output of verbs: aligned tables for people, JSON for programs.
//
// Thread rule: thread-compatible.
#pragma once

#include <google/protobuf/message.h>
#include <google/protobuf/repeated_field.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "meros/v1/resource.pb.h"
#include "meros/v1/task.pb.h"

namespace meros::cli {

// Columns as wide as their widest cell, two spaces between, no trailing space. Control characters
// in cells (a task name can hold anything) are shown as '?', so that they cannot drive the
// terminal.
class Table {
 public:
  explicit Table(std::vector<std::string> header) { Add(std::move(header)); }
  void Add(std::vector<std::string> row);
  std::string Print() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// A message as one JSON object with the field names of the schema.
std::string Json(const google::protobuf::Message& message);

// Sum of the scalars of that name.
double Scalar(const google::protobuf::RepeatedPtrField<meros::v1::Resource>& resources,
              absl::string_view name);

// 1.5 as "1.5", 2 as "2", at most three decimals.
std::string Number(double value);

// Megabytes as people read them: "512M", "3.9G".
std::string Megabytes(double mb);

// "12s", "3m", "5h", "2d" since `unix_seconds`; "-" for 0.
std::string Age(double unix_seconds);
// The same of what is still to come.
std::string Until(double unix_seconds);

// "RUNNING" for TASK_RUNNING.
std::string StateName(meros::v1::TaskState state);

// "NAME=VALUE" in its halves; no value in "NAME".
std::pair<std::string, std::optional<std::string>> NameAndValue(absl::string_view text);

// Text without control characters.
std::string Printable(absl::string_view text);

}  // namespace meros::cli
