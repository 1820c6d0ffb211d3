// Bounds on what one message from outside may hold. They are far above real use; their point is
// that the cost of any single message is known. Bounds on resources are in
// libs/resources/validation.h, on ids in libs/base/ids.h. The transport bounds the size of a whole
// frame.
//
// Thread rule: constants.
#pragma once

#include <cstddef>
#include <cstdint>

namespace meros::wire {

// One call.
inline constexpr int kMaxOffersPerCall = 10'000;
inline constexpr int kMaxOperationsPerAccept = 10'000;
inline constexpr int kMaxTasksPerLaunch = 10'000;
inline constexpr int kMaxTasksPerReconcile = 100'000;
inline constexpr size_t kMaxMessageBytes = 1 << 20;  // MESSAGE.data, as in agent_link.proto.
inline constexpr size_t kUuidBytes = 16;

// A gang.
inline constexpr int kMaxBundleKindsPerGang = 100;
inline constexpr uint32_t kMaxBundlesPerGang = 10'000;

// A framework.
inline constexpr int kMaxRolesPerFramework = 10'000;
inline constexpr int kMaxOfferFiltersPerFramework = 10'000;
inline constexpr int kMaxConstraintsPerGroup = 1'000;
inline constexpr int kMaxGroupsPerRole = 1'000;
inline constexpr size_t kMaxRegexBytes = 4'096;

// Names, users, host names, URLs: what is shown to people.
inline constexpr size_t kMaxNameBytes = 4'096;

// A task.
inline constexpr size_t kMaxTaskDataBytes = 1 << 20;
inline constexpr int kMaxLabels = 1'000;
inline constexpr int kMaxVolumes = 1'000;
inline constexpr int kMaxUris = 1'000;
inline constexpr int kMaxEnvironmentVariables = 10'000;
inline constexpr int kMaxArguments = 10'000;
// Linux refuses a single argument or variable above 128 KiB (MAX_ARG_STRLEN).
inline constexpr size_t kMaxArgumentBytes = 128 * 1024 - 1;

// An agent.
inline constexpr int kMaxAttributes = 1'000;

}  // namespace meros::wire
