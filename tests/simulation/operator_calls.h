// Calls of MasterService as they cross SimNet: the name of the request and its bytes. A call is a
// stream of its own, which the answer ends.
//
// Thread rule: value types and pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "services/master/core/inputs.h"

namespace meros::simulation {

struct OperatorCall {
  std::string name;   // of the request's type
  std::string bytes;  // the request
  std::string text;   // for people

  OperatorCall() = default;
  explicit OperatorCall(const google::protobuf::Message& request)
      : name(request.GetTypeName()),
        bytes(request.SerializeAsString()),
        text(request.ShortDebugString()) {}
};

std::string Encode(const OperatorCall& call);
// What the master's shell makes of it. ERRORS: those of the codecs; Unimplemented.
absl::StatusOr<master::Input> DecodeOperatorCall(const std::string& frame, uint64_t call);

std::string EncodeAnswer(const absl::Status& status);
absl::Status DecodeAnswer(const std::string& frame);

}  // namespace meros::simulation
