// Rules for the parts that tasks and executors are made of: ids, labels, commands, environments,
// secrets, containers, checks and health checks. Stateless; used by task_rules.h.
//
// ERRORS of all: InvalidArgument with the path of the offending field.
// Thread rule: pure functions; thread-safe.
#pragma once

#include "absl/status/status.h"
#include "libs/wire/field_path.h"
#include "meros/v1/check.pb.h"
#include "meros/v1/command.pb.h"
#include "meros/v1/common.pb.h"
#include "meros/v1/container.pb.h"

namespace meros::wire {

// The common rule for ids, applied to an id message's value.
template <typename Id>
absl::Status CheckId(const Id& message, const FieldPath& path);
absl::Status CheckIdText(absl::string_view value, const FieldPath& path);

// At most `max` bytes, and no NUL, which would cut the text short in the kernel.
absl::Status CheckText(absl::string_view text, size_t max, const FieldPath& path);

// At most `max` items.
absl::Status CheckCount(int count, int max, const FieldPath& path);

absl::Status CheckLabels(const v1::Labels& labels, const FieldPath& path);

// Reference or value, each with its own member and no other.
absl::Status CheckSecret(const v1::Secret& secret, const FieldPath& path);

// Names are set, without '=' and NUL. VALUE needs a value and no secret, SECRET the reverse and no
// NUL in it; no other type.
absl::Status CheckEnvironment(const v1::Environment& environment, const FieldPath& path);

// Environment, user, URIs and arguments. A shell command needs its text.
absl::Status CheckCommand(const v1::CommandInfo& command, const FieldPath& path);

// Volumes have exactly one of host_path, image and source, and the source its member. A DOCKER
// container has `docker`, without the parameter "name", which is Meros' own.
absl::Status CheckContainer(const v1::ContainerInfo& container, const FieldPath& path);

// A check needs a type and that type's member; delays are not negative; an HTTP path begins with
// '/'.
absl::Status CheckCheck(const v1::CheckInfo& check, const FieldPath& path);

// The type of a health check; where it is not set, what its members imply (UNKNOWN if nothing).
v1::HealthCheck::Type HealthCheckType(const v1::HealthCheck& check);
absl::Status CheckHealthCheck(const v1::HealthCheck& check, const FieldPath& path);

template <typename Id>
absl::Status CheckId(const Id& message, const FieldPath& path) {
  return CheckIdText(message.value(), path.Field("value"));
}

}  // namespace meros::wire
