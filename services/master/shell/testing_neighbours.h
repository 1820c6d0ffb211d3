// In-process stand-ins for the master's neighbours, with state and over real gRPC: a registry in
// memory and an allocator that offers everything to the first framework it hears of.
//
// Thread rule: thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "libs/base/mutex.h"
#include "libs/rpc/bidi_server_stream.h"
#include "meros/allocator/v1/allocator_service.grpc.pb.h"
#include "meros/registry/v1/registry_service.grpc.pb.h"

namespace meros::master::testing {

class FakeRegistry final : public registry::v1::RegistryService::CallbackService {
  using Request = registry::v1::SessionRequest;
  using Response = registry::v1::SessionResponse;

 public:
  grpc::ServerBidiReactor<Request, Response>* Session(grpc::CallbackServerContext* c) override {
    auto stream = rpc::BidiServerStream<Request, Response>::Create(c);
    auto* raw = stream.get();
    return stream->Start({.on_frame = [this, raw](Request frame) { raw->Send(Answer(frame)); },
                          .on_closed = [](const absl::Status&) {}});
  }

  // Another candidate gets the lease, whether or not it was free.
  void GiveLeaseTo(const std::string& candidate, const std::string& address) {
    MutexLock lock(&mutex_);
    candidate_ = candidate;
    address_ = address;
    ++epoch_;
  }
  // While set, nothing is granted or renewed and nothing is written.
  void SetAway(bool away) {
    MutexLock lock(&mutex_);
    away_ = away;
  }
  size_t records() const {
    MutexLock lock(&mutex_);
    return records_.size();
  }

 private:
  Response Answer(const Request& frame) {
    MutexLock lock(&mutex_);
    Response answer;
    for (const registry::v1::Request& request : frame.requests()) {
      registry::v1::Response* response = answer.add_responses();
      response->set_id(request.id());
      if (away_) {
        response->set_code(static_cast<int>(absl::StatusCode::kUnavailable));
      } else if (request.has_acquire_lease()) {
        if (candidate_.empty()) {
          candidate_ = request.acquire_lease().candidate_id();
          address_ = request.acquire_lease().address();
          ++epoch_;
        }
        Lease(candidate_ == request.acquire_lease().candidate_id(), response);
      } else if (request.has_renew_lease()) {
        Lease(request.renew_lease().epoch() == epoch_, response);
      } else if (request.has_release_lease()) {
        candidate_.clear();
      } else if (request.has_commit()) {
        Commit(request.commit(), response);
      } else if (request.has_list()) {
        for (const auto& [key, record] : records_)
          *response->mutable_list()->add_records() = record;
        response->mutable_list()->set_last(true);
      }
    }
    return answer;
  }

  void Lease(bool granted, registry::v1::Response* response) MEROS_REQUIRES(mutex_) {
    if (!granted) response->set_code(static_cast<int>(absl::StatusCode::kFailedPrecondition));
    response->mutable_lease()->set_epoch(epoch_);
    response->mutable_lease()->set_address(address_);
    response->mutable_lease()->set_candidate_id(candidate_);
  }

  void Commit(const registry::v1::Commit& commit, registry::v1::Response* response)
      MEROS_REQUIRES(mutex_) {
    if (commit.epoch() != epoch_) {
      response->set_code(static_cast<int>(absl::StatusCode::kFailedPrecondition));
      return;
    }
    for (const auto& mutation : commit.mutations()) {
      const std::pair key(static_cast<int>(mutation.key().kind()), mutation.key().name());
      if (mutation.remove()) {
        records_.erase(key);
        continue;
      }
      *records_[key].mutable_key() = mutation.key();
      records_[key].set_value(mutation.put());
    }
    response->mutable_commit()->set_revision(++revision_);
  }

  mutable Mutex mutex_;
  uint64_t epoch_ MEROS_GUARDED_BY(mutex_) = 0;
  uint64_t revision_ MEROS_GUARDED_BY(mutex_) = 0;
  bool away_ MEROS_GUARDED_BY(mutex_) = false;
  std::string candidate_ MEROS_GUARDED_BY(mutex_);
  std::string address_ MEROS_GUARDED_BY(mutex_);
  std::map<std::pair<int, std::string>, registry::v1::Record> records_ MEROS_GUARDED_BY(mutex_);
};

class FakeAllocator final : public allocator::v1::AllocatorService::CallbackService {
  using In = allocator::v1::MasterFrame;
  using Out = allocator::v1::AllocatorFrame;

 public:
  grpc::ServerBidiReactor<In, Out>* Session(grpc::CallbackServerContext* c) override {
    auto stream = rpc::BidiServerStream<In, Out>::Create(c);
    auto* raw = stream.get();
    auto mirror = std::make_shared<Mirror>();
    Out welcome;
    welcome.add_messages()->mutable_welcome()->set_implementation("fake");
    raw->Send(std::move(welcome));
    return stream->Start({.on_frame =
                              [this, raw, mirror](In frame) {
                                Out out;
                                for (const auto& message : frame.messages()) {
                                  Take(message, mirror.get(), &out);
                                }
                                if (out.messages_size() > 0) raw->Send(std::move(out));
                              },
                          .on_closed = [](const absl::Status&) {}});
  }

 private:
  struct Mirror {
    std::string framework;
    std::string role;
    std::map<std::string, allocator::v1::AgentState> waiting;  // agents not offered yet
    uint64_t next_proposal = 1;
  };

  static void Propose(const std::string& agent,
                      const google::protobuf::RepeatedPtrField<v1::Resource>& resources,
                      Mirror* mirror, Out* out) {
    allocator::v1::Proposal* proposal = out->add_messages()->mutable_proposal();
    proposal->set_proposal_id(mirror->next_proposal++);
    proposal->set_framework_id(mirror->framework);
    proposal->set_role(mirror->role);
    proposal->set_agent_id(agent);
    *proposal->mutable_resources() = resources;
  }

  void Take(const allocator::v1::MasterMessage& message, Mirror* mirror, Out* out) {
    if (!message.has_delta()) return;
    const allocator::v1::Delta& delta = message.delta();
    if (delta.has_upsert_framework() && delta.upsert_framework().active() &&
        mirror->framework.empty()) {
      mirror->framework = delta.upsert_framework().framework_id();
      mirror->role = delta.upsert_framework().roles(0);
    }
    if (delta.has_upsert_agent() && delta.upsert_agent().active()) {
      mirror->waiting[delta.upsert_agent().agent_id()] = delta.upsert_agent();
    }
    if (delta.has_recover() && delta.recover().refuse_ms() == 0 && !mirror->framework.empty()) {
      Propose(delta.recover().allocation().agent_id(), delta.recover().allocation().resources(),
              mirror, out);
    }
    if (mirror->framework.empty()) return;
    for (const auto& [id, agent] : mirror->waiting) Propose(id, agent.total(), mirror, out);
    mirror->waiting.clear();
  }
};

}  // namespace meros::master::testing
