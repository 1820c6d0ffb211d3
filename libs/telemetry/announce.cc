#include "libs/telemetry/announce.h"

#include <stdio.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace meros::telemetry {

void AnnounceReady(absl::string_view service, absl::string_view grpc_address, int metrics_port) {
  const std::string line = absl::StrCat("meros-", service, " ready grpc=", grpc_address,
                                        " metrics=", metrics_port, "\n");
  fputs(line.c_str(), stdout);
  fflush(stdout);
}

}  // namespace meros::telemetry
