// Early return on failure, for functions that return absl::Status or absl::StatusOr.
//
//   MEROS_RETURN_IF_ERROR(store.Open(path));
//   MEROS_ASSIGN_OR_RETURN(Resources total, ParseResources(text));
//
// Thread rule: thread-safe.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define MEROS_RETURN_IF_ERROR(expr)                                      \
  do {                                                                   \
    if (::absl::Status meros_status = (expr); !meros_status.ok()) {      \
      return meros_status;                                               \
    }                                                                    \
  } while (false)

#define MEROS_INTERNAL_CONCAT2(a, b) a##b
#define MEROS_INTERNAL_CONCAT(a, b) MEROS_INTERNAL_CONCAT2(a, b)
#define MEROS_INTERNAL_ASSIGN(tmp, lhs, expr) \
  auto tmp = (expr);                          \
  if (!tmp.ok()) return tmp.status();         \
  lhs = *std::move(tmp)

#define MEROS_ASSIGN_OR_RETURN(lhs, expr) \
  MEROS_INTERNAL_ASSIGN(MEROS_INTERNAL_CONCAT(meros_or_, __LINE__), lhs, expr)
