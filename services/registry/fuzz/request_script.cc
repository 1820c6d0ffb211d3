#include "services/registry/fuzz/request_script.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "libs/base/check.h"
#include "libs/testing/script.h"
#include "meros/registry/v1/registry_service.pb.h"
#include "services/registry/core/registry_core.h"
#include "services/registry/fuzz/script_watchers.h"
#include "services/registry/shell/store_codec.h"

namespace meros::registry {
namespace {

// Bounds that a script can reach.
CoreOptions SmallOptions() {
  CoreOptions options;
  options.queued_writes_max = 6;
  options.batch_bytes_max = 64;
  options.waiters_max = 4;
  options.watchers_max = 3;
  options.list_part_bytes = 64;
  options.record_watchers_max = 3;
  options.watch_unread_bytes_max = 64;
  options.watch_ring_changes_max = 12;
  options.watch_silent_commits_max = kSilentCommits;
  return options;
}

class Script {
 public:
  void Take(Voice voice, uint16_t length, absl::string_view message) {
    switch (voice) {
      case Voice::kFirst:
      case Voice::kSecond:
      case Voice::kThird:
        return Frame(sessions_[static_cast<size_t>(voice)], message);
      case Voice::kLeader:
        return AskForLeader(message);
      case Voice::kWatch:
        return Watch(message);
      case Voice::kStatus:
        return Step(RegistryCore::StatusAsked{++last_id_});
      case Voice::kTime:
        return Advance(absl::Milliseconds(100) * length);
      case Voice::kStore:
        return Store(length);
      case Voice::kSessionEnds:
        return EndSession(length % sessions_.size());
      case Voice::kOwned:
        return Step(RegistryCore::StoreOwned{now_ + absl::Seconds(length)});
      case Voice::kWatchEnds:
        return EndWatching(length);
      case Voice::kRestart:
        return Restart(length % 2 == 1);
      case Voice::kCount:
        return;
    }
  }

  // The store goes on and time passes, until nothing is left to do; then everybody has an answer.
  int Finish() {
    for (int i = 0; writing_.has_value() || core_.NextDeadline() < absl::InfiniteFuture(); ++i) {
      MEROS_CHECK(i < 1000) << "there is no end of it";
      if (writing_.has_value()) {
        Commit();
      } else {
        Advance(std::max(core_.NextDeadline() - now_, absl::ZeroDuration()));
      }
    }
    for (const auto& [request, times] : open_) {
      MEROS_CHECK(times == 0 || ended_.contains(request.first))
          << "request " << request.second << " of session " << request.first << " has no answer";
    }
    CheckStore();
    while (ReadAll()) {
    }
    watchers_.Check(core_.records(), core_.revision());
    return answered_ok_;
  }

 private:
  void Frame(StreamId session, absl::string_view bytes) {
    v1::SessionRequest frame;
    if (!frame.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
    for (v1::Request& request : *frame.mutable_requests()) {
      ++open_[{session, request.id()}];
      Step(RegistryCore::Requested{session, std::move(request)});
    }
    Advance(absl::ZeroDuration());
  }

  // As the shell carries the unary call.
  void AskForLeader(absl::string_view bytes) {
    v1::Request request;
    request.set_id(1);
    if (!request.mutable_get_leader()->ParseFromArray(bytes.data(),
                                                      static_cast<int>(bytes.size()))) {
      return;
    }
    const StreamId call = ++last_id_;
    ++open_[{call, 1}];
    Step(RegistryCore::Requested{call, std::move(request)});
  }

  void EndSession(size_t which) {
    ended_.insert(sessions_[which]);
    Step(RegistryCore::StreamClosed{sessions_[which]});
    sessions_[which] = ++last_id_;
  }

  void Watch(absl::string_view bytes) {
    v1::WatchRequest request;
    if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
    const StreamId watch = ++last_id_;
    watchers_.Begin(watch, request);
    Step(RegistryCore::WatchAsked{watch, std::move(request)});
  }

  void EndWatching(size_t which) {
    const std::optional<StreamId> gone = watchers_.Drop(which);
    if (gone.has_value()) Step(RegistryCore::WatchClosed{*gone});
  }

  // What all watchers have to read; false: nothing.
  bool ReadAll() {
    const auto unread = watchers_.TakeUnread();
    for (const auto& [watch, bytes] : unread) Step(RegistryCore::WatchRead{watch, bytes});
    return !unread.empty();
  }

  void Store(uint16_t length) {
    if (!writing_.has_value()) return;
    if (length % 2 == 0) return Commit();
    const uint64_t token = std::exchange(writing_, std::nullopt)->token;
    const absl::Status kinds[] = {
        absl::UnavailableError("does not answer"), absl::ResourceExhaustedError("is full"),
        absl::PermissionDeniedError("is read-only"), absl::DataLossError("is damaged")};
    Step(RegistryCore::StoreFailed{token, kinds[length / 2 % 4]});
    Advance(absl::ZeroDuration());
  }

  void Commit() {
    const uint64_t token = writing_->token;
    const uint64_t revision = writing_->revision;
    MakeDurable();
    Step(RegistryCore::StoreCommitted{token});
    MEROS_CHECK(core_.revision() == revision);
    Advance(absl::ZeroDuration());
  }

  void MakeDurable() {
    const RegistryCore::Persist transaction = *std::exchange(writing_, std::nullopt);
    for (storage::Mutation& mutation : EncodeTransaction(transaction)) {
      MEROS_CHECK(storage::CheckBounds(mutation).ok());
      if (mutation.value.has_value()) {
        disk_[mutation.key] = *std::move(mutation.value);
      } else {
        disk_.erase(mutation.key);
      }
    }
  }

  StoredState ReadDisk() const {
    std::vector<storage::Row> rows;
    for (const auto& [key, value] : disk_) rows.push_back({key, value});
    auto stored = DecodeStore(rows);
    MEROS_CHECK(stored.ok()) << stored.status().ToString();
    return *std::move(stored);
  }

  void CheckStore() const {
    const StoredState stored = ReadDisk();
    MEROS_CHECK(stored.revision == core_.revision());
    MEROS_CHECK(stored.records.size() == core_.records().size());
    for (const StoreChange& record : stored.records) {
      const Value* served = core_.records().Find(record.key);
      MEROS_CHECK(served != nullptr) << record.key.second;
      MEROS_CHECK(served->bytes() == record.value->bytes()) << record.key.second;
      MEROS_CHECK(served->revision() == record.value->revision()) << record.key.second;
    }
  }

  void Restart(bool is_written) {
    CheckStore();
    if (is_written && writing_.has_value()) MakeDurable();
    writing_.reset();
    core_ = RegistryCore(SmallOptions(), ReadDisk(), now_);
    open_.clear();
    watchers_ = ScriptWatchers();
    for (StreamId& session : sessions_) session = ++last_id_;
    CheckProgress();
  }

  void Advance(absl::Duration by) {
    testing::PassTime(core_, by, &now_, [this] { Step(runtime::Tick{}); });
    if (by > absl::ZeroDuration()) ReadAll();
  }

  void Step(RegistryCore::Input input) {
    std::vector<RegistryCore::Effect> effects;
    core_.Step(now_, std::move(input), &effects);
    core_.CheckInvariants();
    CheckProgress();
    for (RegistryCore::Effect& effect : effects) {
      if (auto* reply = std::get_if<RegistryCore::Reply>(&effect)) {
        NoteAnswer(reply->stream, reply->response);
      } else if (auto* persist = std::get_if<RegistryCore::Persist>(&effect)) {
        MEROS_CHECK(!writing_.has_value()) << "a second transaction";
        MEROS_CHECK(persist->revision > core_.revision());
        writing_ = std::move(*persist);
      } else if (auto* tell = std::get_if<TellWatcher>(&effect)) {
        watchers_.Hear(*tell, core_.revision());
      } else if (auto* end = std::get_if<EndWatch>(&effect)) {
        watchers_.End(end->watch);
      }
    }
  }

  void CheckProgress() {
    MEROS_CHECK(core_.revision() >= revision_);
    MEROS_CHECK(core_.lease().epoch() >= epoch_);
    revision_ = core_.revision();
    epoch_ = core_.lease().epoch();
  }

  void NoteAnswer(StreamId session, const v1::Response& response) {
    int& open = open_[{session, response.id()}];
    MEROS_CHECK(open > 0) << "request " << response.id() << " is answered once more";
    const auto code = static_cast<absl::StatusCode>(response.code());
    MEROS_CHECK(code != absl::StatusCode::kPermissionDenied && code != absl::StatusCode::kDataLoss)
        << "the store's error is not the client's";
    if (response.has_list() && !response.list().last()) return;
    --open;
    if (response.code() == 0) ++answered_ok_;
  }

  absl::Time now_ = absl::FromUnixSeconds(1000);
  RegistryCore core_{SmallOptions(), {}, now_};
  std::array<StreamId, 3> sessions_ = {1, 2, 3};
  uint64_t last_id_ = 3;  // of sessions and calls
  std::set<StreamId> ended_;
  std::map<std::pair<StreamId, uint64_t>, int> open_;  // requests without answer, by session and id
  std::optional<RegistryCore::Persist> writing_;
  std::map<std::string, std::string> disk_;
  ScriptWatchers watchers_;
  uint64_t revision_ = 0;
  uint64_t epoch_ = 0;
  int answered_ok_ = 0;
};

}  // namespace

int RunRequestScript(const uint8_t* data, size_t size) {
  Script script;
  testing::PlayScript(data, size, Voice::kStatus, Voice::kCount,
                      [&](Voice voice, uint16_t length, absl::string_view message) {
                        script.Take(voice, length, message);
                      });
  return script.Finish();
}

}  // namespace meros::registry
