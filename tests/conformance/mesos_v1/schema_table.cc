#include "tests/conformance/mesos_v1/schema_table.h"

#include <fstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "libs/base/check.h"

namespace meros::conformance {
namespace {

constexpr absl::string_view kNone = "-";

std::string OurName(absl::string_view name) {
  if (absl::ConsumePrefix(&name, "mesos.v1.")) return absl::StrCat("meros.v1.", name);
  return std::string(name);
}

std::string ValueOrEmpty(absl::string_view cell) {
  return cell == kNone ? std::string() : std::string(cell);
}

int Number(absl::string_view cell) {
  int number = 0;
  MEROS_CHECK(absl::SimpleAtoi(cell, &number)) << "not a number: " << std::string(cell);
  return number;
}

// The rows of a table after its header line.
std::vector<std::vector<std::string>> ReadRows(const std::string& path, size_t columns) {
  std::ifstream file(path);
  MEROS_CHECK(file.good()) << "cannot read " << path;
  std::vector<std::vector<std::string>> rows;
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::vector<std::string> cells = absl::StrSplit(line, '\t');
    MEROS_CHECK(cells.size() == columns) << path << " has a malformed row: " << line;
    rows.push_back(std::move(cells));
  }
  return rows;
}

}  // namespace

SchemaTable LoadSchemaTable(const std::string& directory) {
  SchemaTable table;
  for (const auto& cells : ReadRows(absl::StrCat(directory, "/fields.tsv"), 9)) {
    FieldRow row{.message = OurName(cells[0]),
                 .name = cells[1],
                 .number = Number(cells[2]),
                 .label = cells[3],
                 .type = OurName(cells[4]),
                 .default_value = ValueOrEmpty(cells[5]),
                 .oneof = std::string(absl::StripPrefix(ValueOrEmpty(cells[6]), "oneof:")),
                 .is_packed = cells[7] == "packed",
                 .is_deprecated = cells[8] == "deprecated"};
    table.messages[row.message].push_back(std::move(row));
  }
  for (const auto& cells : ReadRows(absl::StrCat(directory, "/enums.tsv"), 3)) {
    EnumValueRow row{
        .enum_type = OurName(cells[0]), .name = cells[1], .number = Number(cells[2])};
    table.enums[row.enum_type].push_back(std::move(row));
  }
  return table;
}

}  // namespace meros::conformance
