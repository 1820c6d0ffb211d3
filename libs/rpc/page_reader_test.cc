// Goal: all pages of a listing are read in order, each next one is asked for before its caller
// needs it, and a reader ends with the call's error or without waiting for a page that nobody
// wants. Method: a real server whose pages are lists of texts, the last of which is the token of
// the next page.
#include "libs/rpc/page_reader.h"

#include <chrono>
#include <map>
#include <vector>

#include "gtest/gtest.h"
#include "libs/base/mutex.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/packed.h"
#include "libs/rpc/server.h"
#include "meros/rpc_test/v1/echo.grpc.pb.h"

namespace meros::rpc {
namespace {

using rpc_test::v1::EchoService;
using rpc_test::v1::Frame;
using Texts = std::vector<std::string>;

// Serves a page for each token; one without texts is not answered until the client is gone.
class PageService : public EchoService::CallbackService {
 public:
  explicit PageService(std::map<std::string, Texts> pages) : pages_(std::move(pages)) {}

  grpc::ServerUnaryReactor* Echo(grpc::CallbackServerContext* context, const Frame* request,
                                 Frame* response) override {
    const std::string token = request->texts(0);
    MutexLock lock(&mutex_);
    asked_.push_back(token);
    changed_.SignalAll();
    const auto page = pages_.find(token);
    if (page != pages_.end() && page->second.empty()) return new Unanswered;
    auto* reactor = context->DefaultReactor();
    if (page == pages_.end()) {
      reactor->Finish({grpc::StatusCode::INVALID_ARGUMENT, "page_token: unknown"});
    } else {
      for (const std::string& text : page->second) response->add_texts(text);
      reactor->Finish(grpc::Status::OK);
    }
    return reactor;
  }

  // The tokens that pages were asked for with, once there are n.
  Texts Asked(size_t n) {
    MutexLock lock(&mutex_);
    while (asked_.size() < n) changed_.Wait(&mutex_);
    return asked_;
  }

 private:
  struct Unanswered : grpc::ServerUnaryReactor {
    void OnCancel() override { Finish(grpc::Status::CANCELLED); }
    void OnDone() override { delete this; }
  };

  const std::map<std::string, Texts> pages_;
  Mutex mutex_;
  CondVar changed_;
  Texts asked_ MEROS_GUARDED_BY(mutex_);
};

class PageReaderTest : public ::testing::Test {
 protected:
  void Serve(std::map<std::string, Texts> pages) {
    service_ = std::make_unique<PageService>(std::move(pages));
    auto server =
        Server::Start({.addresses = {"127.0.0.1:0"}, .tls = {.insecure = true}}, {service_.get()});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = std::move(*server);
    auto channel = MakeChannel("127.0.0.1:" + std::to_string(server_->port(0)), {.insecure = true});
    ASSERT_TRUE(channel.ok()) << channel.status();
    channel_ = *channel;
  }

  std::unique_ptr<PageReader> Read() {
    const auto request_for = [](const std::string& token) {
      Frame request;
      request.add_texts(token);
      return request.SerializeAsString();
    };
    const auto prepare = [](grpc::ClientContext* context) {
      context->set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(1));
    };
    return std::make_unique<PageReader>(channel_, "/meros.rpc_test.v1.EchoService/Echo",
                                        Frame::kTextsFieldNumber, request_for, prepare);
  }

  std::unique_ptr<PageService> service_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(PageReaderTest, AllPagesAreReadInOrder) {
  Serve({{"", {"a", "b", "2"}}, {"2", {"c", "3"}}, {"3", {"d", ""}}});

  Frame all;
  const auto pages = Read();
  do {
    const auto page = pages->Next();
    ASSERT_TRUE(page.ok()) << page.status();
    ASSERT_TRUE(MergeInto(*page, &all).ok());
  } while (pages->HasMore());

  EXPECT_EQ(Texts(all.texts().begin(), all.texts().end()),
            (Texts{"a", "b", "2", "c", "3", "d", ""}));
  EXPECT_EQ(service_->Asked(3), (Texts{"", "2", "3"}));
}

TEST_F(PageReaderTest, TheNextPageIsAskedForWhileTheLastIsUsed) {
  Serve({{"", {"a", "2"}}, {"2", {"b", "3"}}, {"3", {"c", ""}}});
  const auto pages = Read();

  ASSERT_TRUE(pages->Next().ok());

  EXPECT_EQ(service_->Asked(2), (Texts{"", "2"})) << "one ahead, no more";
}

TEST_F(PageReaderTest, AnErrorIsTheCallsAndTheEnd) {
  Serve({{"", {"a", "lost"}}});
  const auto pages = Read();
  ASSERT_TRUE(pages->Next().ok());

  EXPECT_EQ(pages->Next().status(), absl::InvalidArgumentError("page_token: unknown"));

  EXPECT_FALSE(pages->HasMore());
}

TEST_F(PageReaderTest, EndsWithoutThePageThatIsOnItsWay) {
  Serve({{"", {"a", "slow"}}, {"slow", {}}});
  auto pages = Read();
  ASSERT_TRUE(pages->Next().ok());
  service_->Asked(2);

  const auto start = std::chrono::steady_clock::now();
  pages = nullptr;

  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(50))
      << "not after the deadline";
}

TEST(MergeInto, WhatIsNoMessageIsRefused) {
  Frame frame;
  frame.add_texts("a text");
  std::string packed = frame.SerializeAsString();
  packed.pop_back();

  Frame merged;
  EXPECT_EQ(MergeInto(BufferOf(packed), &merged).code(), absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace meros::rpc
