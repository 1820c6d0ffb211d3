#include "services/containerizer/init/init_request.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/status_macros.h"
#include "libs/linux/files.h"

namespace meros::containerizer {
namespace {

void AppendBytes(const void* data, size_t bytes, std::string* to) {
  to->append(static_cast<const char*>(data), bytes);
}

void AppendString(const std::string& text, std::string* to) {
  to->append(text.c_str(), text.size() + 1);
}

InitHeader MakeHeader(const InitRequest& request) {
  InitHeader header = {};
  header.magic = kInitMagic;
  header.version = kInitVersion;
  if (request.own_pids) header.flags |= kInitOwnPids;
  if (request.own_mounts) header.flags |= kInitOwnMounts;
  if (!request.hostname.empty()) header.flags |= kInitSetHostname;
  if (request.user.has_value()) {
    header.flags |= kInitSetUser;
    header.uid = request.user->uid;
    header.gid = request.user->gid;
    header.group_count = static_cast<uint32_t>(request.user->groups.size());
  }
  header.rlimit_count = static_cast<uint32_t>(request.rlimits.size());
  header.argument_count = static_cast<uint32_t>(request.arguments.size());
  header.environment_count = static_cast<uint32_t>(request.environment.size());
  return header;
}

std::string Encode(const InitRequest& request) {
  const InitHeader header = MakeHeader(request);
  std::string bytes;
  AppendBytes(&header, sizeof(header), &bytes);
  if (request.user.has_value()) {
    AppendBytes(request.user->groups.data(), request.user->groups.size() * sizeof(uint32_t),
                &bytes);
  }
  bytes.resize((bytes.size() + 7) / 8 * 8);
  AppendBytes(request.rlimits.data(), request.rlimits.size() * sizeof(InitRlimit), &bytes);
  AppendString(request.sandbox, &bytes);
  AppendString(request.hostname, &bytes);
  AppendString(request.program, &bytes);
  for (const std::string& argument : request.arguments) AppendString(argument, &bytes);
  for (const std::string& entry : request.environment) AppendString(entry, &bytes);
  return bytes;
}

std::string StepInWords(int32_t step, const InitRequest& request) {
  switch (step) {
    case kStepRequest:
      return "read its request (is meros-init of another version?)";
    case kStepMounts:
      return "make mounts private";
    case kStepProc:
      return "mount /proc";
    case kStepHostname:
      return absl::StrCat("set host name '", request.hostname, "'");
    case kStepFork:
      return "fork the command";
    case kStepRlimit:
      return "set resource limits";
    case kStepGroups:
      return "take on the user's groups";
    case kStepUser:
      return absl::StrCat("become user ", request.user.has_value() ? request.user->uid : 0);
    case kStepSandbox:
      return absl::StrCat("enter sandbox '", request.sandbox, "'");
    case kStepExecute:
      return absl::StrCat("execute '", request.program, "'");
    default:
      return absl::StrCat("do step ", step);
  }
}

}  // namespace

absl::StatusOr<os::UniqueFd> MakeRequestFd(const InitRequest& request) {
  os::UniqueFd fd(::memfd_create("meros-init-request", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, "cannot create a memfd");
  const std::string bytes = Encode(request);
  absl::string_view rest = bytes;
  while (!rest.empty()) {
    const ssize_t written = ::write(fd.get(), rest.data(), rest.size());
    if (written < 0) return absl::ErrnoToStatus(errno, "cannot write a memfd");
    rest.remove_prefix(static_cast<size_t>(written));
  }
  const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  if (::fcntl(fd.get(), F_ADD_SEALS, seals) != 0) {
    return absl::ErrnoToStatus(errno, "cannot seal a memfd");
  }
  return fd;
}

absl::Status ExplainFailure(const InitFailure& failure, const InitRequest& request) {
  return absl::InternalError(
      absl::StrCat("cannot ", StepInWords(failure.step, request), ": ", ::strerror(failure.error)));
}

absl::StatusOr<InitNote> ReadNote(const std::string& runtime_directory, absl::string_view name) {
  const std::string path = absl::StrCat(runtime_directory, "/", name);
  MEROS_ASSIGN_OR_RETURN(const std::string text, os::ReadFile(path));
  const std::vector<absl::string_view> words =
      absl::StrSplit(absl::StripAsciiWhitespace(text), ' ');
  InitNote note;
  if (words.size() != 2 || !absl::SimpleAtoi(words[0], &note.wait_status) ||
      !absl::SimpleAtoi(words[1], &note.unix_ns)) {
    return absl::InvalidArgumentError(absl::StrCat(path, " holds '", text, "'"));
  }
  return note;
}

}  // namespace meros::containerizer
