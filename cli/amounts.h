// Amounts of resources as people write and read them: "cpus=4,mem=16G".
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "meros/v1/resource.pb.h"
#include "meros/v1/value.pb.h"

namespace meros::cli {

using Amounts = std::map<std::string, double>;
using AmountMap = google::protobuf::Map<std::string, meros::v1::Value::Scalar>;

// "NAME=AMOUNT,..." in the units of the schema (mem and disk: MiB); mem and disk may end in M, G or
// T. "" and "none" are no amounts. ERRORS: InvalidArgument naming the part that is not understood.
absl::StatusOr<Amounts> ParseAmounts(absl::string_view text);

// "cpus=4,mem=16.0G"; "-" for none.
std::string AmountsText(const Amounts& amounts);

Amounts AmountsOf(const AmountMap& map);
Amounts AmountsOf(const google::protobuf::RepeatedPtrField<meros::v1::Resource>& scalars);
void Fill(const Amounts& amounts, AmountMap* map);

}  // namespace meros::cli
