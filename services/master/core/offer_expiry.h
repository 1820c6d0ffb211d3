// Offers that their framework does not answer are taken back when they expire, so that one that
// holds and never answers does not keep a cluster from the others.
//
// A framework that let offers expire does not see the same again for a while: 5 s, as after a
// decline that names no time, if it answers at least some of its offers; if it has answered nothing
// at all, for as long as it has been silent, 10 min at most. What it hoards is thereby offered to
// others half of the time, more the longer it is silent. An answer ends that: ACCEPT and DECLINE
// reset it, REVIVE drops the refusals.
//
// Thread rule: strand-confined.
#pragma once

#include "services/master/core/transaction.h"

namespace meros::master {

// Takes back every offer whose time has come.
void OnOfferExpiry(Transaction* tx);

}  // namespace meros::master
