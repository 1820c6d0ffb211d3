// Answers to requests of a session, as far as all have the same.
//
// Thread rule: thread-safe (pure functions).
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "meros/registry/v1/registry_service.pb.h"

namespace meros::registry {

// The result, if there is one, is still to be set.
inline v1::Response ResponseFor(uint64_t request_id, const absl::Status& status) {
  v1::Response response;
  response.set_id(request_id);
  response.set_code(static_cast<int>(status.code()));
  response.set_message(std::string(status.message()));
  return response;
}

}  // namespace meros::registry
