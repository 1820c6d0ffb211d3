// The input by which a core learns that its NextDeadline() has come. It carries nothing: the time is
// the `now` of the step, and the core knows itself what it waited for.
//
// Thread rule: immutable.
#pragma once

namespace meros::runtime {

struct Tick {};

}  // namespace meros::runtime
