#include "services/registry/shell/store_keeper.h"

#include <pthread.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/coordination/zookeeper_url.h"
#include "libs/storage/sqlite_store.h"
#include "libs/storage/zookeeper_store.h"
#include "libs/telemetry/log.h"

namespace meros::registry {
namespace {

// Between two tries to open a store that another serves.
constexpr absl::Duration kRetry = absl::Milliseconds(500);
// Of one try, so that stopping need not wait for long.
constexpr absl::Duration kTry = absl::Seconds(2);

// How other registries are told who serves: host and address.
std::string ProcessName(const Config& config) {
  char host[256] = "localhost";
  gethostname(host, sizeof(host) - 1);
  return absl::StrCat("the registry ", config.address, " of ", host, ", pid ", getpid());
}

}  // namespace

absl::StatusOr<std::string> StoreKeeper::StoreName(const Config& config) {
  if (!coordination::IsZooKeeperUrl(config.store)) {
    MEROS_RETURN_IF_ERROR(SqlitePath(config.store).status());
    return config.store;
  }
  const auto url = coordination::ParseZooKeeperUrl(config.store);
  if (url.ok()) return url->Redacted();
  return absl::InvalidArgumentError(absl::StrCat("--store: ", url.status().message()));
}

absl::StatusOr<std::unique_ptr<storage::Store>> StoreKeeper::Open() {
  if (!coordination::IsZooKeeperUrl(config_.store)) {
    MEROS_ASSIGN_OR_RETURN(const std::string path, SqlitePath(config_.store));
    return storage::OpenSqliteStore({.path = path});
  }
  MEROS_ASSIGN_OR_RETURN(const auto url, coordination::ParseZooKeeperUrl(config_.store));
  return storage::OpenZooKeeperStore(
      {.url = url,
       .name = ProcessName(config_),
       .session_timeout = config_.store_session_timeout,
       .call_timeout = config_.store_session_timeout / 2,
       .claim_timeout = kTry,
       .on_owned = [this](absl::Time until) { shell_->SetOwned(until); },
       .on_over = [this](const absl::Status& why) { OnOver(why); }});
}

absl::Status StoreKeeper::TryServe() {
  {
    MutexLock lock(&mutex_);
    over_ = absl::OkStatus();  // of the store before
  }
  MEROS_ASSIGN_OR_RETURN(auto store, Open());
  MEROS_RETURN_IF_ERROR(
      shell_->Serve(std::move(store), [this](const absl::Status& why) { OnOver(why); }));
  MutexLock lock(&mutex_);
  serving_ = true;
  return absl::OkStatus();
}

absl::Status StoreKeeper::Start() {
  const absl::Status served = TryServe();
  if (!served.ok()) {
    if (!absl::IsUnavailable(served) || !coordination::IsZooKeeperUrl(config_.store)) return served;
    shell_->Retire(served);
    told_ = std::string(served.message());
    MEROS_LOG(WARNING) << "standing by" << telemetry::Field("why", served.message());
  }
  thread_ = std::thread([this] { Run(); });
  return absl::OkStatus();
}

void StoreKeeper::OnOver(const absl::Status& why) {
  MutexLock lock(&mutex_);
  over_ = why;
  changed_.SignalAll();
}

void StoreKeeper::Run() {
  pthread_setname_np(pthread_self(), "store-opener");
  while (true) {
    absl::Status why;
    {
      MutexLock lock(&mutex_);
      while (!stopping_ && serving_ && over_.ok()) changed_.Wait(&mutex_);
      if (!stopping_ && !serving_) changed_.WaitFor(&mutex_, kRetry);
      if (stopping_) return;
      if (serving_) why = over_;
      if (serving_ && why.ok()) continue;
      serving_ = false;
    }
    if (!why.ok()) {
      MEROS_LOG(WARNING) << "no longer serving the store" << telemetry::Field("why", why.message());
      shell_->Retire(absl::UnavailableError(why.message()));
    }
    const absl::Status served = TryServe();
    if (served.ok()) {
      told_.clear();
      MEROS_LOG(INFO) << "serving the store again";
      continue;
    }
    shell_->Retire(absl::UnavailableError(served.message()));
    if (std::exchange(told_, std::string(served.message())) == served.message()) continue;
    MEROS_LOG(WARNING) << "standing by" << telemetry::Field("why", served.message());
  }
}

StoreKeeper::~StoreKeeper() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.SignalAll();
  }
  if (thread_.joinable()) thread_.join();
  shell_->Retire(absl::UnavailableError("the registry is stopping"));
}

}  // namespace meros::registry
