// Certificates for tests of TLS, made by openssl.
//
// Thread rule: thread-safe.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace meros::testing {

// Makes an authority, <directory>/<name>.ca.pem, and <name>.pem with <name>.key signed by it for
// 127.0.0.1, as client and as server; valid for two days.
// ERRORS: Internal naming the log of openssl in the directory.
absl::Status MakeCertificates(const std::string& directory, const std::string& name);

}  // namespace meros::testing
