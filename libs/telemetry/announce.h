// The one line that a service prints on stdout when it serves, so that whoever started it (a test,
// a script) learns the ports that the kernel chose:
//
//   meros-master ready grpc=127.0.0.1:7050 metrics=9050
//
// Thread rule: thread-safe; call once.
#pragma once

#include "absl/strings/string_view.h"

namespace meros::telemetry {

// `service` as in "master"; `grpc_address` is HOST:PORT or unix:PATH.
void AnnounceReady(absl::string_view service, absl::string_view grpc_address, int metrics_port);

}  // namespace meros::telemetry
