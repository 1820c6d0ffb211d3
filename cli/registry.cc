// meros registry: backups of the cluster's record. `backup` asks a running registry; `verify` and
// `restore` read and write stores: files of this machine, or paths of a ZooKeeper ensemble. `watch`
// is in registry_watch.cc.
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "cli/format.h"
#include "cli/verbs.h"
#include "libs/base/status_macros.h"
#include "libs/coordination/zookeeper_url.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/status.h"
#include "meros/registry/v1/registry_service.grpc.pb.h"
#include "services/registry/backup/backup.h"

namespace meros::cli {
namespace {

namespace registry_pb = meros::registry::v1;
using registry::BackupSnapshot;
using registry::StoreSummary;

struct RegistryOptions {
  std::string address = "127.0.0.1:7053";
  std::string file;
  std::string to;
  uint64_t epoch_margin = 1000;
};

// Adds a part of the listing; true with the last one.
absl::StatusOr<bool> Take(registry_pb::SessionResponse* frame, BackupSnapshot* snapshot) {
  bool last = false;
  for (registry_pb::Response& response : *frame->mutable_responses()) {
    if (response.code() != 0) {
      return absl::Status(static_cast<absl::StatusCode>(response.code()), response.message());
    }
    snapshot->revision = response.list().revision();
    for (registry_pb::Record& record : *response.mutable_list()->mutable_records()) {
      snapshot->records.push_back(std::move(record));
    }
    last |= response.list().last();
  }
  return last;
}

absl::StatusOr<BackupSnapshot> Fetch(const ConnectionOptions& connection,
                                     const std::string& address) {
  MEROS_ASSIGN_OR_RETURN(auto channel, rpc::MakeChannel(address, connection.tls));
  auto stub = registry_pb::RegistryService::NewStub(channel);
  grpc::ClientContext context;
  context.set_deadline(
      std::chrono::system_clock::now() +
      std::chrono::milliseconds(static_cast<int64_t>(connection.timeout_seconds * 1000)));
  auto stream = stub->Session(&context);
  registry_pb::SessionRequest request;
  registry_pb::Request* list = request.add_requests();
  list->set_id(1);
  list->mutable_list();
  stream->Write(request);  // a broken stream is seen by Read
  BackupSnapshot snapshot;
  registry_pb::SessionResponse frame;
  while (stream->Read(&frame)) {
    MEROS_ASSIGN_OR_RETURN(const bool whole, Take(&frame, &snapshot));
    if (!whole) continue;
    context.TryCancel();
    stream->Finish();
    return snapshot;
  }
  const absl::Status status = rpc::FromGrpc(stream->Finish());
  return absl::Status(status.ok() ? absl::StatusCode::kUnavailable : status.code(),
                      absl::StrCat("registry ", address, ": ",
                                   status.ok() ? "ended the session" : status.message()));
}

// "AGENT 3, ROLE 1".
std::string Kinds(const StoreSummary& summary) {
  std::vector<std::string> kinds;
  for (const auto& [kind, count] : summary.records) {
    std::string name = registry_pb::RecordKind_Name(kind);
    if (name.empty()) name = absl::StrCat("kind ", static_cast<int>(kind));
    kinds.push_back(absl::StrCat(absl::StripPrefix(name, "RECORD_KIND_"), " ", count));
  }
  return absl::StrJoin(kinds, ", ");
}

// For people, without a password.
std::string NameOf(const std::string& store) {
  const auto url = coordination::ParseZooKeeperUrl(store);
  return url.ok() ? url->Redacted() : store;
}

int Print(const Common& common, const std::string& store,
          const absl::StatusOr<StoreSummary>& summary) {
  if (!summary.ok()) return Fail(summary.status());
  const std::string name = NameOf(store);
  size_t records = 0;
  for (const auto& [kind, count] : summary->records) records += count;
  if (common.json) {
    registry_pb::GetStatusResponse shown;
    shown.set_store(coordination::IsZooKeeperUrl(store) ? name : absl::StrCat("sqlite:", name));
    shown.set_revision(summary->revision);
    shown.set_epoch(summary->epoch);
    shown.set_records(records);
    shown.set_value_bytes(summary->value_bytes);
    std::puts(Json(shown).c_str());
  } else {
    std::printf("%s: %zu records (%s), revision %llu, epoch %llu\n", name.c_str(), records,
                Kinds(*summary).c_str(), static_cast<unsigned long long>(summary->revision),
                static_cast<unsigned long long>(summary->epoch));
  }
  return 0;
}

int Backup(const Common& common, const RegistryOptions& options) {
  const auto snapshot = Fetch(common.connection, options.address);
  if (!snapshot.ok()) return Fail(snapshot.status());
  return Print(common, options.file, registry::WriteBackup(*snapshot, options.file));
}

}  // namespace

void AddRegistry(CLI::App* app, Common* common) {
  auto options = std::make_shared<RegistryOptions>();
  CLI::App* verb = app->add_subcommand("registry", "Backups and changes of the cluster's record");
  verb->require_subcommand(1);
  AddRegistryWatch(verb, common);

  CLI::App* backup = verb->add_subcommand("backup", "Saves what a running registry holds");
  backup->add_option("file", options->file, "Backup to write; must not exist")->required();
  backup->add_option("--registry", options->address, "The registry, host:port")
      ->envname("MEROS_REGISTRY");
  backup->callback([=] { common->chosen = [=] { return Backup(*common, *options); }; });

  CLI::App* verify = verb->add_subcommand("verify", "Checks every row of a backup, or of a store");
  verify
      ->add_option("file", options->file,
                   "Backup, or store of a registry that is stopped: a file, or zk://...")
      ->required();
  verify->callback([=] {
    common->chosen = [=] {
      return Print(*common, options->file, registry::VerifyStore(options->file));
    };
  });

  CLI::App* restore = verb->add_subcommand("restore", "Makes a registry's store from a backup");
  restore->add_option("file", options->file, "Backup to read")->required();
  restore->add_option("--to", options->to, "Store to write, a file or zk://...; must not exist")
      ->required();
  restore
      ->add_option("--epoch_margin", options->epoch_margin,
                   "Epochs to skip: more than there were leaders since the backup")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1} << 40));
  restore->callback([=] {
    common->chosen = [=] {
      return Print(*common, options->to,
                   registry::RestoreBackup(options->file, options->to, options->epoch_margin));
    };
  });
}

}  // namespace meros::cli
