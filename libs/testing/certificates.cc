#include "libs/testing/certificates.h"

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace meros::testing {

absl::Status MakeCertificates(const std::string& directory, const std::string& name) {
  const std::string key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
  const std::string log = absl::StrCat(directory, "/openssl.log");
  const std::string script = absl::StrJoin(
      {absl::StrCat("exec 2>", log, " && cd ", directory),
       absl::StrCat("openssl req -x509 ", key, " -days 2 -subj /CN=", name, "-authority -keyout ",
                    name, ".ca.key -out ", name, ".ca.pem"),
       absl::StrCat("openssl req ", key, " -subj /CN=", name, " -keyout ", name, ".key -out ", name,
                    ".csr"),
       absl::StrCat("echo subjectAltName=IP:127.0.0.1 > ", name, ".ext"),
       absl::StrCat("openssl x509 -req -in ", name, ".csr -CA ", name, ".ca.pem -CAkey ", name,
                    ".ca.key -CAcreateserial -days 2 -extfile ", name, ".ext -out ", name, ".pem")},
      " && ");
  if (std::system(script.c_str()) == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("openssl made no certificates, see ", log));
}

}  // namespace meros::testing
