// CREATE_DISK and DESTROY_DISK make disks of what a resource provider's storage offers, and no
// resource provider is built: agents offer none of their resources. Such operations are judged all
// the same, in the order in which Mesos does it, so that a framework is told what is wrong with its
// own call before it is told that there is no such disk.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include "absl/status/status.h"
#include "libs/wire/field_path.h"
#include "meros/v1/offer.pb.h"

namespace meros::master {

// Why the operation is refused; never OK. REQUIRES: it has the member of its type.
absl::Status FaultOfCreateDisk(const v1::Offer::Operation::CreateDisk& create,
                               const wire::FieldPath& path);
absl::Status FaultOfDestroyDisk(const v1::Offer::Operation::DestroyDisk& destroy,
                                const wire::FieldPath& path);

}  // namespace meros::master
