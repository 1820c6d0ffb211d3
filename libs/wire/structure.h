// The first check of every message from outside: fields that the schema calls required are present,
// and text is UTF-8.
//
// Required fields are proto2 `optional` with our (meros.v1.required) annotation, because protobuf's
// own `required` refuses a whole message without saying why. Protobuf does not check proto2 strings
// either; but readers in other languages refuse whole listings that hold one bad string, so one
// framework's task name could blind every operator.
//
// The walk follows a plan made once per message type; ids and plain resources, of which calls
// mostly consist, are accepted without reflection. REQUIRES: messages are of generated types.
//
// Thread rule: thread-safe.
#pragma once

#include <google/protobuf/message.h>

#include "absl/status/status.h"
#include "libs/wire/field_path.h"

namespace meros::wire {

class StructurePlan;

// The plan for a type. Made on first use, never freed. Cost: a lock; callers keep the result.
const StructurePlan& StructurePlanFor(const google::protobuf::Descriptor* descriptor);

// ERRORS: InvalidArgument with the path of the first required field that is absent ("must be set")
// or of the first text that is not UTF-8.
absl::Status CheckStructure(const StructurePlan& plan, const google::protobuf::Message& message,
                            const FieldPath& path);

template <typename M>
absl::Status CheckStructure(const M& message, const FieldPath& path) {
  static const StructurePlan& plan = StructurePlanFor(M::descriptor());
  return CheckStructure(plan, message, path);
}

// RFC 3629: no surrogates, no overlong forms, nothing above U+10FFFF.
bool IsUtf8(absl::string_view text);

}  // namespace meros::wire
