#include "libs/rpc/warm_channels.h"

#include <pthread.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"

namespace meros::rpc {
namespace {

// Changes when a file is written or replaced, also behind a symbolic link.
std::string StateOfFiles(const TlsOptions& tls) {
  std::string state;
  if (tls.insecure) return state;
  for (const std::string& path : {tls.ca_file, tls.cert_file, tls.key_file}) {
    struct stat file = {};
    stat(path.c_str(), &file);
    absl::StrAppend(&state, file.st_dev, ".", file.st_ino, ".", file.st_size, ".",
                    file.st_mtim.tv_sec, ".", file.st_mtim.tv_nsec, " ");
  }
  return state;
}

}  // namespace

void WarmChannels::Start() {
  {
    MutexLock lock(&mutex_);
    for (const std::string& address : options_.addresses) configured_[address];
  }
  thread_ = std::thread([this] { Run(); });
}

void WarmChannels::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    wake_.Signal();
  }
  if (thread_.joinable()) thread_.join();
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> WarmChannels::Get(const std::string& address) {
  std::shared_ptr<grpc::Channel> channel;
  Channels retired;
  {
    MutexLock lock(&mutex_);
    auto known = configured_.find(address);
    if (known == configured_.end()) {
      if (learned_.count(address) == 0 && learned_.size() >= options_.learned_max) {
        ForgetOldestLearned(&retired);
      }
      known = learned_.try_emplace(address).first;
      known->second.last_asked = ++asked_;
    }
    MEROS_RETURN_IF_ERROR(Renew(address, &known->second, &retired));
    channel = known->second.channel;
  }
  if (channel->GetState(/*try_to_connect=*/true) == GRPC_CHANNEL_TRANSIENT_FAILURE) {
    grpc::experimental::ChannelResetConnectionBackoff(channel.get());
  }
  return channel;
}

void WarmChannels::ForgetOldestLearned(Channels* retired) {
  if (learned_.empty()) return;
  const auto oldest = std::min_element(
      learned_.begin(), learned_.end(),
      [](const auto& a, const auto& b) { return a.second.last_asked < b.second.last_asked; });
  retired->push_back(std::move(oldest->second.channel));
  learned_.erase(oldest);
}

absl::Status WarmChannels::Renew(const std::string& address, Kept* kept, Channels* retired) {
  // Before they are read: a change while they are is seen the next time.
  std::string files = StateOfFiles(options_.tls);
  if (kept->channel != nullptr && kept->files == files) return absl::OkStatus();
  auto made = MakeChannel(address, options_.tls, options_.channel);
  if (!made.ok()) {
    // Of the files one may be new and another not yet.
    return kept->channel != nullptr ? absl::OkStatus() : made.status();
  }
  retired->push_back(std::exchange(kept->channel, *std::move(made)));
  kept->files = std::move(files);
  return absl::OkStatus();
}

WarmChannels::Channels WarmChannels::RenewAll() {
  Channels channels, retired;
  MutexLock lock(&mutex_);
  for (auto* all : {&configured_, &learned_}) {
    for (auto& [address, kept] : *all) {
      // Who asks for the channel is told why there is none.
      if (Renew(address, &kept, &retired).ok()) channels.push_back(kept.channel);
    }
  }
  return channels;
}

void WarmChannels::Run() {
  pthread_setname_np(pthread_self(), "warm_channels");
  while (true) {
    // A connection that ended leaves its channel idle until it is asked to connect.
    for (const auto& channel : RenewAll()) channel->GetState(/*try_to_connect=*/true);
    MutexLock lock(&mutex_);
    if (!stopping_) wake_.WaitFor(&mutex_, options_.check_interval);
    if (stopping_) return;
  }
}

}  // namespace meros::rpc
