#include "services/containerizer/shell/users.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <vector>

#include "absl/strings/str_cat.h"

namespace meros::containerizer {
namespace {

constexpr size_t kEntryBytesMax = 64 << 10;  // one line of the database, with all its names
constexpr int kGroupsMax = 65536;            // NGROUPS_MAX of Linux

std::vector<uint32_t> GroupsOf(const std::string& name, gid_t gid) {
  std::vector<gid_t> groups(32);
  int count = static_cast<int>(groups.size());
  if (::getgrouplist(name.c_str(), gid, groups.data(), &count) < 0 && count <= kGroupsMax) {
    groups.resize(static_cast<size_t>(count));
    if (::getgrouplist(name.c_str(), gid, groups.data(), &count) < 0) return {gid};
  }
  return {groups.begin(), groups.begin() + count};
}

}  // namespace

absl::StatusOr<std::optional<InitUser>> ResolveUser(const std::string& name) {
  if (name.empty()) return std::nullopt;
  std::vector<char> buffer(kEntryBytesMax);
  struct passwd entry;
  struct passwd* found = nullptr;
  const int error = ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (error != 0) return absl::ErrnoToStatus(error, absl::StrCat("cannot look up user ", name));
  if (found == nullptr) return absl::NotFoundError(absl::StrCat("there is no user '", name, "'"));
  if (entry.pw_uid == ::geteuid()) return std::nullopt;
  if (::geteuid() != 0) {
    return absl::PermissionDeniedError(
        absl::StrCat("cannot run as user ", name, " without being root"));
  }
  return InitUser{entry.pw_uid, entry.pw_gid, GroupsOf(name, entry.pw_gid)};
}

}  // namespace meros::containerizer
