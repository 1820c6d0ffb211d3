// The flags by which every service and tool sets its transport security; the same words everywhere.
//
// Thread rule: thread-compatible.
#pragma once

#include "libs/config/flag_set.h"
#include "libs/rpc/credentials.h"

namespace meros::rpc {

// --insecure, --tls_ca, --tls_cert, --tls_key, --tls_server_name. After parsing, TlsOptions::Validate()
// says whether they make sense together.
void AddTlsFlags(TlsOptions* tls, config::FlagSet* flags);

}  // namespace meros::rpc
