#include "services/master/fuzz/process_voices.h"

#include "libs/base/check.h"
#include "meros/allocator/v1/snapshot.pb.h"
#include "services/master/shell/check_leading.h"
#include "services/master/shell/process_codec.h"
#include "services/master/shell/snapshot_codec.h"
#include "services/master/view/allocation_view.h"

namespace meros::master {
namespace {

namespace allocator_pb = ::meros::allocator::v1;
namespace pb = ::meros::v1::master;

// Small, so that a snapshot has several frames.
constexpr size_t kObjectsPerFrame = 1;

template <typename Request>
bool IsParsed(absl::string_view bytes) {
  return Request().ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

// As its reader gets it.
template <typename Answer>
Answer Received(const Answer& answer) {
  Answer received;
  MEROS_CHECK(received.ParsePartialFromString(answer.SerializePartialAsString()));
  return received;
}

bool TellMaster(absl::string_view message, const ClusterView& view) {
  if (!IsParsed<pb::GetMasterRequest>(message)) return false;
  v1::MasterInfo info;
  info.set_id("m");
  const auto answer = Received(EncodeMaster(info, absl::UnixEpoch(), view.leadership()));
  MEROS_CHECK(answer.epoch() == view.leadership().epoch);
  MEROS_CHECK(!answer.leading() || CheckLeading(view.leadership()).ok());
  return true;
}

bool TellVersion(absl::string_view message) {
  if (!IsParsed<pb::GetVersionRequest>(message)) return false;
  return Received(EncodeVersion({.version = "0.2"})).version().version() == "0.2";
}

bool TellFlags(absl::string_view message) {
  if (!IsParsed<pb::GetFlagsRequest>(message)) return false;
  return Received(EncodeFlags({{.name = "roles", .value = "eng"}})).flags_size() == 1;
}

// All of it, to its end.
bool TakeSnapshot(absl::string_view message, const ClusterView& view) {
  if (!IsParsed<allocator_pb::GetSnapshotRequest>(message)) return false;
  if (!CheckLeading(view.leadership()).ok()) return false;
  const AllocationView books = AllocationsOf(view);
  SnapshotFrames frames(v1::MasterInfo(), absl::UnixEpoch(), books, kObjectsPerFrame);
  uint64_t lines = 0;
  size_t agents = 0;
  size_t frameworks = 0;
  allocator_pb::SnapshotLine last;
  while (!frames.is_done()) {
    const allocator_pb::GetSnapshotResponse frame = Received(frames.Next());
    for (const allocator_pb::SnapshotLine& line : frame.lines()) {
      if (line.delta().has_upsert_agent()) ++agents;
      if (line.delta().has_upsert_framework()) ++frameworks;
      ++lines;
      last = line;
    }
  }
  MEROS_CHECK(last.has_end() && last.end().lines() == lines - 1) << lines;
  MEROS_CHECK(agents == books.agents.size()) << agents;
  MEROS_CHECK(frameworks == books.frameworks.size()) << frameworks;
  return true;
}

}  // namespace

bool ProcessVoices::SetLevel(absl::string_view message) {
  pb::SetLogLevelRequest request;
  if (!request.ParsePartialFromArray(message.data(), static_cast<int>(message.size()))) {
    return false;
  }
  const absl::StatusOr<LevelChange> change = LevelChangeOf(request);
  if (!change.ok()) return false;
  MEROS_CHECK(change->duration > absl::ZeroDuration());
  setting_.level = change->level;
  setting_.remaining = change->duration;
  if (change->duration == absl::InfiniteDuration()) setting_.lasting = change->level;
  return true;
}

bool ProcessVoices::TellLevel(absl::string_view message) const {
  if (!IsParsed<pb::GetLogLevelRequest>(message)) return false;
  const auto answer = Received(EncodeLogLevel(setting_));
  MEROS_CHECK(*telemetry::ParseSeverity(answer.level()) == setting_.level);
  MEROS_CHECK(*telemetry::ParseSeverity(answer.lasting_level()) == setting_.lasting);
  MEROS_CHECK(answer.has_remaining() == (setting_.remaining != absl::InfiniteDuration()));
  return true;
}

bool ProcessVoices::Ask(Speaker speaker, absl::string_view message, const ClusterView& view) {
  switch (speaker) {
    case Speaker::kGetMaster:
      return TellMaster(message, view);
    case Speaker::kGetVersion:
      return TellVersion(message);
    case Speaker::kGetFlags:
      return TellFlags(message);
    case Speaker::kGetLogLevel:
      return TellLevel(message);
    case Speaker::kSetLogLevel:
      return SetLevel(message);
    case Speaker::kGetSnapshot:
      return TakeSnapshot(message, view);
    default:
      return false;
  }
}

}  // namespace meros::master
