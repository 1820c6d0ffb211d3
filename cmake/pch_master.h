// Precompiled for what is built on the master's core. Its headers are in nearly all of those files,
// so that a change of one compiles them anew with or without this.
#include "cmake/pch_schema.h"

#include "services/master/core/transaction.h"
