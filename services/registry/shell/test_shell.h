// A registry's shell behind a real server on loopback, on a store in memory.
//
// Thread rule: thread-compatible.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/server.h"
#include "libs/storage/fake_disk.h"
#include "libs/telemetry/metrics.h"
#include "meros/registry/v1/registry_service.grpc.pb.h"
#include "services/registry/shell/registry_shell.h"

namespace meros::registry {

// One that fails while it is told to.
class FailingStore final : public storage::Store {
 public:
  struct Control {
    std::atomic<bool> fails{false};
    std::atomic<int> tries{0};  // that failed
  };
  FailingStore(std::unique_ptr<storage::Store> store, Control* control)
      : store_(std::move(store)), control_(*control) {}

  absl::Status Commit(absl::Span<const storage::Mutation> batch) override {
    if (!control_.fails) return store_->Commit(batch);
    ++control_.tries;
    return absl::PermissionDeniedError("read-only file system");
  }
  absl::StatusOr<std::optional<std::string>> Get(absl::string_view key) override {
    return store_->Get(key);
  }
  absl::StatusOr<std::vector<storage::Row>> List(absl::string_view prefix) override {
    return store_->List(prefix);
  }
  absl::Status Close() override { return store_->Close(); }

 private:
  const std::unique_ptr<storage::Store> store_;
  Control& control_;
};

class ServedShell : public ::testing::Test {
 protected:
  void Serve(const CoreOptions& options) {
    shell_ = std::make_unique<RegistryShell>(options, "memory", &metrics_);
    auto store = disk_.Open();
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_TRUE(shell_
                    ->Serve(std::make_unique<FailingStore>(*std::move(store), &store_),
                            [](const absl::Status&) {})
                    .ok());
    auto server = rpc::Server::Start({.addresses = {"127.0.0.1:0"}, .tls = {.insecure = true}},
                                     {shell_.get()});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    auto channel = rpc::MakeChannel(address(), {.insecure = true});
    ASSERT_TRUE(channel.ok()) << channel.status();
    stub_ = v1::RegistryService::NewStub(*channel);
  }
  void TearDown() override {
    if (server_ != nullptr) server_->Shutdown(absl::ZeroDuration());
  }

  std::string address() const { return absl::StrCat("127.0.0.1:", server_->port(0)); }

  storage::FakeDisk disk_{1};
  FailingStore::Control store_;
  telemetry::MetricRegistry metric_registry_{"registry"};
  RegistryMetrics metrics_{&metric_registry_};
  std::unique_ptr<RegistryShell> shell_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<v1::RegistryService::Stub> stub_;
};

}  // namespace meros::registry
