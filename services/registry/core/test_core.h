// A registry's core whose store the test plays, and the requests that tests step into it.
//
// Thread rule: thread-compatible.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "services/registry/core/registry_core.h"

namespace meros::registry {

class RegistryCoreTest : public ::testing::Test {
 protected:
  std::vector<RegistryCore::Effect> Step(RegistryCore::Input input) {
    std::vector<RegistryCore::Effect> out;
    core_.Step(now_, std::move(input), &out);
    core_.CheckInvariants();
    EndBatch(&out);
    return out;
  }

  // What the strand does when it has stepped all inputs of its batch.
  void EndBatch(std::vector<RegistryCore::Effect>* out) {
    if (core_.NextDeadline() <= now_) core_.Step(now_, runtime::Tick{}, out);
    core_.CheckInvariants();
  }

  std::vector<RegistryCore::Effect> Ask(StreamId stream, v1::Request request) {
    return Step(RegistryCore::Requested{stream, std::move(request)});
  }

  static v1::Request Put(uint64_t id, uint64_t epoch, const std::string& name,
                         const std::string& value) {
    v1::Request request;
    request.set_id(id);
    request.mutable_commit()->set_epoch(epoch);
    auto* mutation = request.mutable_commit()->add_mutations();
    mutation->mutable_key()->set_kind(v1::RECORD_KIND_AGENT);
    mutation->mutable_key()->set_name(name);
    mutation->set_put(value);
    return request;
  }

  static v1::Request Acquire(uint64_t id, const std::string& candidate, int64_t wait_ms) {
    v1::Request request;
    request.set_id(id);
    request.mutable_acquire_lease()->set_candidate_id(candidate);
    request.mutable_acquire_lease()->set_address("address of " + candidate);
    request.mutable_acquire_lease()->set_ttl_ms(10000);
    request.mutable_acquire_lease()->set_wait_ms(wait_ms);
    return request;
  }

  // Of a master that won an election elsewhere.
  static v1::Request AcquireWon(uint64_t id, const std::string& candidate, uint64_t number,
                                const std::string& election = "zk:/meros") {
    v1::Request request = Acquire(id, candidate, 0);
    request.mutable_acquire_lease()->mutable_won()->set_election(election);
    request.mutable_acquire_lease()->mutable_won()->set_number(number);
    return request;
  }

  static v1::Request Renew(uint64_t id, uint64_t epoch) {
    v1::Request request;
    request.set_id(id);
    request.mutable_renew_lease()->set_epoch(epoch);
    return request;
  }

  static std::vector<v1::Response> Replies(const std::vector<RegistryCore::Effect>& effects) {
    std::vector<v1::Response> replies;
    for (const auto& effect : effects) {
      if (const auto* reply = std::get_if<RegistryCore::Reply>(&effect)) {
        replies.push_back(reply->response);
      }
    }
    return replies;
  }

  static const RegistryCore::Persist* Persisted(const std::vector<RegistryCore::Effect>& effects) {
    for (const auto& effect : effects) {
      if (const auto* persist = std::get_if<RegistryCore::Persist>(&effect)) return persist;
    }
    return nullptr;
  }

  // Plays the store until nothing is to be written any more; all replies on the way.
  std::vector<v1::Response> Settle(std::vector<RegistryCore::Effect> effects) {
    std::vector<v1::Response> replies = Replies(effects);
    while (const auto* persist = Persisted(effects)) {
      disk_.revision = persist->revision;
      for (const StoreChange& change : persist->changes) durable_[change.key] = change.value;
      effects = Step(RegistryCore::StoreCommitted{persist->token});
      for (auto& reply : Replies(effects)) replies.push_back(std::move(reply));
    }
    return replies;
  }

  // A new process on the same disk.
  void Restart() {
    disk_.records.clear();
    for (const auto& [key, value] : durable_) {
      if (value.has_value()) disk_.records.push_back({key, value});
    }
    core_ = RegistryCore(options_, disk_, now_);
  }

  uint64_t Lead(const std::string& candidate) {
    const auto replies = Settle(Ask(1, Acquire(1, candidate, 0)));
    EXPECT_EQ(replies.size(), 1u);
    EXPECT_EQ(replies.at(0).code(), 0) << replies.at(0).message();
    return replies.at(0).lease().epoch();
  }

  CoreOptions options_;
  absl::Time now_ = absl::FromUnixSeconds(1000);
  StoredState disk_;
  std::map<Key, std::optional<Value>> durable_;
  RegistryCore core_{options_, {}, now_};
};

}  // namespace meros::registry
