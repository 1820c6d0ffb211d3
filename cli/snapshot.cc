// meros snapshot: saves what the leading master knows of who has what, for meros simulate.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "cli/format.h"
#include "cli/verbs.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/status.h"
#include "meros/allocator/v1/snapshot.grpc.pb.h"
#include "services/allocator/whatif/snapshot_file.h"

namespace meros::cli {
namespace {

namespace allocator_pb = meros::allocator::v1;

absl::StatusOr<allocator::SavedSnapshot> Fetch(const Common& common) {
  MEROS_ASSIGN_OR_RETURN(const Cluster cluster, Cluster::Connect(common.connection));
  MEROS_ASSIGN_OR_RETURN(auto channel, rpc::MakeChannel(cluster.leader(), common.connection.tls));
  const auto stub = allocator_pb::SnapshotService::NewStub(channel);
  grpc::ClientContext context;
  cluster.SetDeadline(&context);
  const auto reader = stub->GetSnapshot(&context, {});
  std::vector<allocator_pb::SnapshotLine> lines;
  allocator_pb::GetSnapshotResponse frame;
  while (reader->Read(&frame)) {
    for (allocator_pb::SnapshotLine& line : *frame.mutable_lines())
      lines.push_back(std::move(line));
  }
  const grpc::Status status = reader->Finish();
  if (!status.ok()) return rpc::FromGrpc(status);
  const auto snapshot = allocator::CheckSnapshot(std::move(lines));
  if (snapshot.ok()) return snapshot;
  return absl::InternalError(
      absl::StrCat("what the master sent ", std::string(snapshot.status().message())));
}

// All of it or, when something fails on the way, nothing.
absl::Status Save(const allocator::SavedSnapshot& snapshot, const std::string& file) {
  const std::string part = absl::StrCat(file, ".part");
  std::ofstream out(part, std::ios::trunc);
  for (const allocator_pb::SnapshotLine& line : snapshot.lines) out << allocator::PrintLine(line);
  out.close();
  std::error_code error;
  if (out) std::filesystem::rename(part, file, error);
  if (out && !error) return absl::OkStatus();
  const std::string why = error ? error.message() : std::string(strerror(errno));
  std::filesystem::remove(part, error);
  return absl::UnavailableError(absl::StrCat("--output ", file, ": cannot be written: ", why));
}

int Snapshot(const Common& common, const std::string& file) {
  const auto snapshot = Fetch(common);
  if (!snapshot.ok()) return Fail(snapshot.status());
  const absl::Status saved = Save(*snapshot, file);
  if (!saved.ok()) return Fail(saved);
  if (common.json) {
    std::printf("%s\n", Json(snapshot->header()).c_str());
  } else {
    std::printf("saved %s: %zu lines, epoch %llu, revision %llu\n", file.c_str(),
                snapshot->lines.size(), static_cast<unsigned long long>(snapshot->header().epoch()),
                static_cast<unsigned long long>(snapshot->header().revision()));
  }
  return 0;
}

}  // namespace

void AddSnapshot(CLI::App* app, Common* common) {
  auto file = std::make_shared<std::string>();
  CLI::App* verb =
      app->add_subcommand("snapshot", "Saves who has what in the cluster, for simulate");
  verb->add_option("--output", *file, "File to write; replaced when it is there")->required();
  verb->callback([=] { common->chosen = [=] { return Snapshot(*common, *file); }; });
}

}  // namespace meros::cli
