// Compares protobuf descriptors with the tables of the Mesos v1 schema, in both directions.
//
// Owner: mesos_v1_schema_test. Thread rule: pure functions.
#pragma once

#include <google/protobuf/descriptor.h>

#include <string>
#include <vector>

#include "tests/conformance/mesos_v1/schema_table.h"

namespace meros::conformance {

// Fields and enum values of ours inside Mesos-derived messages start here.
inline constexpr int kFirstNumberOfOurs = 10000;

// Holds nothing of the Mesos schema: a service, or messages of the operators' rpcs.
bool IsOurFile(const google::protobuf::FileDescriptor& file);

// Says how `files` differ from `table`, one sentence each; empty when they conform. Each row of the
// table must be found as written, and each thing found must have a row or be ours by rule: numbered
// kFirstNumberOfOurs or above, or in a file of ours.
std::vector<std::string> CompareSchema(
    const SchemaTable& table, const std::vector<const google::protobuf::FileDescriptor*>& files);

}  // namespace meros::conformance
