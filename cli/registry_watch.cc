// meros registry watch: the records there are, and then every change of one, a line each.
#include <chrono>
#include <cstdio>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "cli/format.h"
#include "cli/verbs.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/status.h"
#include "meros/registry/v1/registry_service.grpc.pb.h"

namespace meros::cli {
namespace {

namespace registry_pb = meros::registry::v1;
using Clock = std::chrono::steady_clock;

constexpr char kKindPrefix[] = "RECORD_KIND_";

struct RegistryWatchFlags {
  std::string address = "127.0.0.1:7053";
  std::vector<std::string> kinds;
  uint64_t after = 0;
  bool once = false;
};

// "agent"; "kind 77" of a newer registry.
std::string KindName(registry_pb::RecordKind kind) {
  const std::string name = registry_pb::RecordKind_Name(kind);
  if (name.empty()) return absl::StrCat("kind ", static_cast<int>(kind));
  return absl::AsciiStrToLower(absl::StripPrefix(name, kKindPrefix));
}

std::string KindNames() {
  std::vector<std::string> names;
  for (int kind = registry_pb::RecordKind_MIN; kind <= registry_pb::RecordKind_MAX; ++kind) {
    if (!registry_pb::RecordKind_IsValid(kind) || kind == 0) continue;
    names.push_back(KindName(static_cast<registry_pb::RecordKind>(kind)));
  }
  return absl::StrJoin(names, ", ");
}

absl::StatusOr<registry_pb::WatchRequest> RecordRequestFor(const RegistryWatchFlags& flags) {
  registry_pb::WatchRequest request;
  request.set_after_revision(flags.after);
  for (const std::string& name : flags.kinds) {
    const std::string upper = absl::AsciiStrToUpper(absl::StrReplaceAll(name, {{"-", "_"}}));
    registry_pb::RecordKind kind;
    if (!registry_pb::RecordKind_Parse(absl::StrCat(kKindPrefix, upper), &kind) || kind == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("--kinds: must be of ", KindNames(), "; found '", name, "'"));
    }
    request.add_kinds(kind);
  }
  return request;
}

// "12  agent  a-1  put  345 B".
std::string RecordLine(const registry_pb::RecordChange& change, uint64_t revision) {
  if (change.has_removed()) {
    return absl::StrCat(revision, "  ", KindName(change.removed().kind()), "  ",
                        change.removed().name(), "  removed");
  }
  const registry_pb::Record& record = change.record();
  return absl::StrCat(record.revision(), "  ", KindName(record.key().kind()), "  ",
                      record.key().name(), "  put  ", record.value().size(), " B");
}

// How long a registry may be away, or refuse, before we give up.
class Patience {
 public:
  explicit Patience(double seconds)
      : most_(std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000))) {}

  void Renew() { since_ = Clock::now(); }
  bool is_over() const { return Clock::now() > since_ + most_; }
  std::chrono::system_clock::time_point end() const {
    return std::chrono::system_clock::now() + (since_ + most_ - Clock::now());
  }

 private:
  const Clock::duration most_;
  Clock::time_point since_ = Clock::now();
};

// Shows what comes until the stream ends; `request` then says how to go on. OK: all was shown that
// was asked for.
absl::Status FollowRecords(const Common& common, const RegistryWatchFlags& flags,
                           registry_pb::WatchRequest* request, Patience* patience) {
  MEROS_ASSIGN_OR_RETURN(auto channel, rpc::MakeChannel(flags.address, common.connection.tls));
  if (!channel->WaitForConnected(patience->end())) {
    return absl::UnavailableError(absl::StrCat("registry ", flags.address, ": does not answer"));
  }
  const Clock::time_point begun = Clock::now();
  grpc::ClientContext context;
  auto reader = registry_pb::RegistryService::NewStub(channel)->Watch(&context, *request);
  registry_pb::WatchResponse told;
  while (reader->Read(&told)) {
    if (common.json) std::puts(Json(told).c_str());
    for (const registry_pb::RecordChange& change : told.changes()) {
      if (!common.json) std::puts(Printable(RecordLine(change, told.revision())).c_str());
    }
    std::fflush(stdout);
    patience->Renew();
    if (!told.last()) continue;
    request->set_after_revision(told.revision());
    if (!flags.once) continue;
    context.TryCancel();
    reader->Finish();
    return absl::OkStatus();
  }
  // One that had nothing to tell was a watch, too; a refusal comes at once.
  if (Clock::now() - begun > std::chrono::seconds(1)) patience->Renew();
  const absl::Status status = rpc::FromGrpc(reader->Finish());
  return absl::Status(status.ok() ? absl::StatusCode::kUnavailable : status.code(),
                      absl::StrCat("registry ", flags.address, ": ",
                                   status.ok() ? "ended the watch" : status.message()));
}

absl::Status WatchRecords(const Common& common, const RegistryWatchFlags& flags) {
  MEROS_ASSIGN_OR_RETURN(registry_pb::WatchRequest request, RecordRequestFor(flags));
  Patience patience(common.connection.timeout_seconds);
  while (true) {
    const absl::Status status = FollowRecords(common, flags, &request, &patience);
    if (status.ok()) return status;
    if (absl::IsOutOfRange(status)) {
      std::fputs("meros: what was missed is not known any more; all there is follows\n", stderr);
      request.set_after_revision(0);
    } else if (!absl::IsUnavailable(status) && !absl::IsResourceExhausted(status)) {
      return status;
    }
    if (patience.is_over()) return status;
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  }
}

}  // namespace

void AddRegistryWatch(CLI::App* registry, Common* common) {
  auto flags = std::make_shared<RegistryWatchFlags>();
  CLI::App* verb = registry->add_subcommand(
      "watch", "Shows the records there are, and then every change, a line each");
  verb->add_option("--registry", flags->address, "The registry, host:port")
      ->envname("MEROS_REGISTRY");
  verb->add_option("--kinds", flags->kinds, "Only these: " + KindNames())->delimiter(',');
  CLI::Option* after = verb->add_option("--after", flags->after,
                                        "Only changes after this revision, as one that was shown");
  verb->add_flag("--once", flags->once, "Only what there is")->excludes(after);
  verb->callback([=] {
    common->chosen = [=] {
      const absl::Status status = WatchRecords(*common, *flags);
      return status.ok() ? 0 : Fail(status);
    };
  });
}

}  // namespace meros::cli
