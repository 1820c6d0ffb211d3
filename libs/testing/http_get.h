// What a server on loopback answers to a GET.
//
// Thread rule: thread-safe.
#pragma once

#include <string>

namespace meros::testing {

// Head and body, as they came (HTTP/1.0); empty if there is no answer.
std::string HttpGet(int port, const std::string& path);

}  // namespace meros::testing
