// The tables that state the facts of the Mesos v1 schema, as values.
//
// Owner: mesos_v1_schema_test. Immutable once loaded.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace meros::conformance {

// One row of fields.tsv. Names are those of our packages: `mesos.v1` reads `meros.v1`.
struct FieldRow {
  std::string message;        // full name of the message that has the field
  std::string name;           // of the field
  int number = 0;             // tag on the wire
  std::string label;          // optional, required or repeated
  std::string type;           // scalar type, or full name of a message or enum
  std::string default_value;  // empty when none is declared
  std::string oneof;          // name of the oneof; empty for none
  bool is_packed = false;
  bool is_deprecated = false;
};

// One row of enums.tsv.
struct EnumValueRow {
  std::string enum_type;  // full name of the enum
  std::string name;       // of the value
  int number = 0;
};

// Both tables, grouped by owner; rows keep their order in the file.
struct SchemaTable {
  std::map<std::string, std::vector<FieldRow>> messages;
  std::map<std::string, std::vector<EnumValueRow>> enums;
};

// Reads `fields.tsv` and `enums.tsv` in `directory`. Dies on a file that is missing or malformed:
// the tables are part of the source tree.
SchemaTable LoadSchemaTable(const std::string& directory);

}  // namespace meros::conformance
