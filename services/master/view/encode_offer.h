// Offers as frameworks and operators are shown them.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include "libs/wire/resources_proto.h"
#include "meros/v1/offer.pb.h"
#include "services/master/core/inverse_offer.h"
#include "services/master/core/offer.h"

namespace meros::master {

// `format` is what the reader can read. Cost: O(resources and attributes).
void Encode(const Offer& offer, const wire::ResourceFormat& format, v1::Offer* out);
void Encode(const InverseOffer& offer, v1::InverseOffer* out);

}  // namespace meros::master
