// Resources and their messages, for the core: it must say and remember what an agent has become,
// and libs/wire, which alone knows both forms, is not for cores. So the shell lends it these pure
// functions.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include <functional>

#include "absl/status/statusor.h"
#include "libs/resources/conversions.h"
#include "libs/resources/resources.h"
#include "meros/v1/offer.pb.h"
#include "meros/v1/resource.pb.h"

namespace meros::agent {

struct ResourceCodec {
  using Messages = google::protobuf::RepeatedPtrField<v1::Resource>;

  // Appends. REQUIRES (of all three): set, unless the agent has no resources and gets no operation.
  std::function<void(const resources::Resources&, Messages*)> encode;
  // ERRORS: InvalidArgument with the path of the field.
  std::function<absl::StatusOr<resources::Resources>(const Messages&)> decode;
  // With the allocation that the message names. ERRORS: InvalidArgument; Unimplemented for what is
  // no conversion of resources.
  std::function<absl::StatusOr<resources::Operation>(const v1::Offer::Operation&)> decode_operation;
};

}  // namespace meros::agent
