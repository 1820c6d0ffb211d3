// Goal: over random crashes, lost replies and disk faults, the registry keeps every acknowledged
// write,
// never goes back to an earlier epoch and never has two holders of the lease.
// Method: the core on a fake disk, one seed a run; masters are modelled by what they believe. A
// failure
// prints its seed.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "libs/base/rng.h"
#include "libs/storage/fake_disk.h"
#include "services/registry/core/registry_core.h"
#include "services/registry/shell/store_codec.h"

namespace meros::registry {
namespace {

constexpr int kMasters = 3;

// A master: holds the lease until `holds_until`, as the protocol lets it believe.
struct Master {
  std::string id;
  uint64_t epoch = 0;
  absl::Time holds_until = absl::InfinitePast();
};

struct Asked {
  int master = 0;
  absl::Time sent;
  bool is_renewal = false;
  bool is_acquire = false;
  uint64_t epoch = 0;
  std::string key;  // of a commit
  std::string value;
};

class World {
 public:
  explicit World(uint64_t seed) : rng_(seed), disk_(rng_.Next()) {
    disk_.SetFaults(
        {.no_space = 0.02, .io_error = 0.02, .crash_before_sync = 0.01, .crash_after_sync = 0.01});
    for (int i = 0; i < kMasters; ++i) NewMaster(i);
    Restart();
  }

  void Run(int steps) {
    for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
      now_ += absl::Milliseconds(rng_.Uniform(0, 60));
      if (rng_.Chance(0.005)) disk_.Crash();
      if (disk_.crashed()) Restart();
      if (rng_.Chance(0.01)) NewMaster(static_cast<int>(rng_.Uniform(0, kMasters - 1)));
      SendSomething();
      Settle();
    }
    // Heal, and demand progress.
    disk_.SetFaults({});
    Restart();
    now_ += absl::Seconds(5);
    const uint64_t before = acknowledged_writes_;
    for (int i = 0; i < 300 && acknowledged_writes_ == before; ++i) {
      now_ += absl::Milliseconds(50);
      SendSomething();
      Settle();
    }
    EXPECT_GT(acknowledged_writes_, before) << "no progress after healing";
  }

 private:
  // A new process: whatever the old one believed died with it, though a fair clock still counts it.
  void NewMaster(int i) {
    masters_[i] = {absl::StrCat("m", i, "-", ++runs_), 0, absl::InfinitePast()};
    if (core_.has_value()) Feed(RegistryCore::StreamClosed{static_cast<StreamId>(i + 1)});
  }

  void Restart() {
    auto store = disk_.Open();
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    asked_.clear();  // replies are lost
    const auto rows = store_->List("");
    ASSERT_TRUE(rows.ok()) << rows.status();
    auto stored = DecodeStore(*rows);
    ASSERT_TRUE(stored.ok()) << stored.status();
    core_.emplace(CoreOptions(), *std::move(stored), now_);
    EXPECT_GE(core_->lease().epoch(), highest_epoch_) << "an epoch was forgotten";
    for (const auto& [key, value] : acknowledged_) {
      const Value* found = core_->records().Find({v1::RECORD_KIND_AGENT, key});
      ASSERT_TRUE(found != nullptr) << "lost " << key;
      // A later write, whose reply was lost, may be there instead.
      EXPECT_GE(std::stoull(found->bytes()), std::stoull(value)) << key;
    }
  }

  void SendSomething() {
    const int i = static_cast<int>(rng_.Uniform(0, kMasters - 1));
    const Master& master = masters_[i];
    v1::Request request;
    request.set_id(++last_id_);
    Asked asked{.master = i, .sent = now_, .epoch = master.epoch};
    if (master.epoch == 0) {
      asked.is_acquire = true;
      request.mutable_acquire_lease()->set_candidate_id(master.id);
      request.mutable_acquire_lease()->set_ttl_ms(500);
      request.mutable_acquire_lease()->set_wait_ms(rng_.Chance(0.5) ? 0 : 2000);
    } else if (rng_.Chance(0.3)) {
      asked.is_renewal = true;
      request.mutable_renew_lease()->set_epoch(master.epoch);
    } else {
      asked.key = absl::StrCat("k", rng_.Uniform(0, 9));
      asked.value = absl::StrCat(last_id_);
      request.mutable_commit()->set_epoch(master.epoch);
      v1::Mutation* mutation = request.mutable_commit()->add_mutations();
      mutation->mutable_key()->set_kind(v1::RECORD_KIND_AGENT);
      mutation->mutable_key()->set_name(asked.key);
      mutation->set_put(asked.value);
    }
    asked_[last_id_] = asked;
    Feed(RegistryCore::Requested{static_cast<StreamId>(i + 1), std::move(request)});
  }

  void Feed(RegistryCore::Input input) {
    std::vector<RegistryCore::Effect> effects;
    core_->Step(now_, std::move(input), &effects);
    core_->CheckInvariants();
    for (RegistryCore::Effect& effect : effects) {
      if (auto* reply = std::get_if<RegistryCore::Reply>(&effect)) Hear(reply->response);
      if (auto* persist = std::get_if<RegistryCore::Persist>(&effect))
        persist_ = std::move(*persist);
    }
  }

  // The strand's end of batch, and the store's work.
  void Settle() {
    for (bool busy = true; busy && !disk_.crashed();) {
      busy = false;
      if (core_->NextDeadline() <= now_) {
        Feed(runtime::Tick{});
        busy = true;
      }
      if (persist_.has_value()) {
        Store(*std::exchange(persist_, std::nullopt));
        busy = true;
      }
    }
    persist_.reset();
  }

  void Store(const RegistryCore::Persist& persist) {
    const absl::Status stored = store_->Commit(EncodeTransaction(persist));
    if (disk_.crashed()) return;  // the process died; no one hears of it
    if (stored.ok()) {
      Feed(RegistryCore::StoreCommitted{persist.token});
    } else {
      Feed(RegistryCore::StoreFailed{persist.token, stored});
    }
  }

  void Hear(const v1::Response& response) {
    const auto found = asked_.find(response.id());
    ASSERT_TRUE(found != asked_.end()) << "answer to nothing, or twice";
    const Asked asked = found->second;
    asked_.erase(found);
    Master& master = masters_[asked.master];
    if (asked.is_acquire) {
      if (response.code() != 0 || response.lease().candidate_id() != master.id) return;
      master.epoch = response.lease().epoch();
      EXPECT_GE(master.epoch, highest_epoch_);
      highest_epoch_ = std::max(highest_epoch_, master.epoch);
    } else if (asked.is_renewal) {
      if (master.epoch != asked.epoch) return;
      if (response.code() != 0)
        master = {absl::StrCat("m", asked.master, "-", ++runs_), 0, absl::InfinitePast()};
      if (response.code() == 0) Believe(asked.master, asked.sent + absl::Milliseconds(500));
    } else if (response.code() == 0) {
      EXPECT_EQ(asked.epoch, highest_epoch_) << "a write of an old epoch was taken";
      acknowledged_[asked.key] = asked.value;
      ++acknowledged_writes_;
    }
  }

  void Believe(int i, absl::Time until) {
    masters_[i].holds_until = std::max(masters_[i].holds_until, until);
    for (int j = 0; j < kMasters; ++j)
      EXPECT_TRUE(j == i || masters_[j].holds_until <= now_) << "two masters hold the lease";
  }

  Rng rng_;
  storage::FakeDisk disk_;
  std::unique_ptr<storage::Store> store_;
  std::optional<RegistryCore> core_;
  std::optional<RegistryCore::Persist> persist_;
  absl::Time now_ = absl::UnixEpoch();
  Master masters_[kMasters];
  int runs_ = 0;
  uint64_t last_id_ = 0;
  std::map<uint64_t, Asked> asked_;
  std::map<std::string, std::string> acknowledged_;
  uint64_t acknowledged_writes_ = 0;
  uint64_t highest_epoch_ = 0;
};

TEST(RegistryCrash, KeepsItsPromisesOverRandomFaults) {
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    World(seed).Run(400);
    ASSERT_FALSE(HasFailure());
  }
}

}  // namespace
}  // namespace meros::registry
