// Goal: a cut link is silent and nothing else, and a healed one has lost nothing. Method: a client
// and a server socket of the test with a link between them. That nothing passes is shown by what
// passes beside it: a second link, or the other direction.
#include "libs/testing/cuttable_link.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "libs/testing/process.h"

namespace meros::testing {
namespace {

using Direction = CuttableLink::Direction;

constexpr absl::Duration kLimit = absl::Seconds(60);
// Each socket waits no longer for bytes; a failing test must end.
constexpr timeval kReadLimit = {.tv_sec = 60, .tv_usec = 0};

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

// One end of a connection.
class Peer {
 public:
  explicit Peer(int fd) : fd_(fd) {
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kReadLimit, sizeof(kReadLimit));
  }
  ~Peer() { close(fd_); }
  Peer(const Peer&) = delete;
  static int Dial(const std::string& address) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in to = Loopback(atoi(address.substr(address.rfind(':') + 1).c_str()));
    EXPECT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof(to)), 0);
    return fd;
  }

  void Say(const std::string& text) {
    EXPECT_EQ(send(fd_, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  // The next bytes, so many; fewer at the end of the stream.
  std::string Hear(size_t bytes) {
    std::string heard(bytes, '\0');
    const ssize_t n = recv(fd_, heard.data(), bytes, MSG_WAITALL);
    heard.resize(n > 0 ? static_cast<size_t>(n) : 0);
    return heard;
  }
  // Neither a byte nor an end nor a reset has come.
  bool hears_nothing() {
    char byte = 0;
    return recv(fd_, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN;
  }
  bool has_ended() {
    char byte = 0;
    return recv(fd_, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
  }
  void EndWriting() { shutdown(fd_, SHUT_WR); }

 private:
  const int fd_;
};

class CuttableLinkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = Loopback(0);
    socklen_t size = sizeof(address);
    ASSERT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    ASSERT_EQ(listen(listener_, 16), 0);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    target_ = absl::StrCat("127.0.0.1:", ntohs(address.sin_port));
    link_ = *CuttableLink::Start(target_);
    client_ = std::make_unique<Peer>(Peer::Dial(link_->address()));
    server_ = std::make_unique<Peer>(accept(listener_, nullptr, nullptr));
  }
  ~CuttableLinkTest() override { close(listener_); }

  // Both directions work.
  static void ExpectTalk(Peer* a, Peer* b) {
    a->Say("ping");
    EXPECT_EQ(b->Hear(4), "ping");
    b->Say("pong");
    EXPECT_EQ(a->Hear(4), "pong");
  }

  int listener_ = -1;
  std::string target_;
  std::unique_ptr<CuttableLink> link_;
  std::unique_ptr<Peer> client_, server_;
};

TEST_F(CuttableLinkTest, PassesBytesAndEnds) {
  ExpectTalk(client_.get(), server_.get());

  client_->EndWriting();
  EXPECT_TRUE(Eventually(kLimit, [&] { return server_->has_ended(); }));
  server_->Say("the other direction goes on");
  EXPECT_EQ(client_->Hear(27), "the other direction goes on");
  server_ = nullptr;
  EXPECT_TRUE(Eventually(kLimit, [&] { return client_->has_ended(); }));
}

TEST_F(CuttableLinkTest, ACutIsSilentAndAHealedLinkHasLostNothing) {
  const auto other = *CuttableLink::Start(target_);
  ExpectTalk(client_.get(), server_.get());

  link_->Cut();
  client_->Say("late one, ");
  server_->Say("late answer");
  // Longer than any byte needs on this machine: others pass meanwhile.
  for (int i = 0; i < 20; ++i) {
    Peer beside(Peer::Dial(other->address()));
    Peer accepted(accept(listener_, nullptr, nullptr));
    ExpectTalk(&beside, &accepted);
  }
  EXPECT_TRUE(server_->hears_nothing());
  EXPECT_TRUE(client_->hears_nothing());
  client_->Say("late two");

  link_->Heal();
  EXPECT_EQ(server_->Hear(18), "late one, late two");
  EXPECT_EQ(client_->Hear(11), "late answer");
  ExpectTalk(client_.get(), server_.get());
}

TEST_F(CuttableLinkTest, OneDirectionIsCutAlone) {
  link_->CutOneWay(Direction::kFromTarget);
  client_->Say("ping");
  EXPECT_EQ(server_->Hear(4), "ping");
  server_->Say("pong");
  client_->Say("more");
  EXPECT_EQ(server_->Hear(4), "more") << "that has passed after pong might have";
  EXPECT_TRUE(client_->hears_nothing());

  link_->Heal();
  EXPECT_EQ(client_->Hear(4), "pong");

  link_->CutOneWay(Direction::kToTarget);
  client_->Say("ping");
  server_->Say("pong");
  EXPECT_EQ(client_->Hear(4), "pong");
  server_->Say("more");
  EXPECT_EQ(client_->Hear(4), "more");
  EXPECT_TRUE(server_->hears_nothing());
}

TEST_F(CuttableLinkTest, EndsAreHeldBackTooAndReachTheOtherSideLater) {
  link_->Cut();
  client_->Say("last");
  client_ = nullptr;
  const auto other = *CuttableLink::Start(target_);
  for (int i = 0; i < 20; ++i) {
    Peer beside(Peer::Dial(other->address()));
    Peer accepted(accept(listener_, nullptr, nullptr));
    ExpectTalk(&beside, &accepted);
  }
  EXPECT_TRUE(server_->hears_nothing());

  link_->Heal();
  EXPECT_EQ(server_->Hear(4), "last");
  EXPECT_TRUE(Eventually(kLimit, [&] { return server_->has_ended(); }));
}

TEST_F(CuttableLinkTest, AConnectionMadeWhileCutIsServedAfterwards) {
  link_->Cut();
  Peer late(Peer::Dial(link_->address()));
  late.Say("ping");

  link_->Heal();
  Peer accepted(accept(listener_, nullptr, nullptr));
  EXPECT_EQ(accepted.Hear(4), "ping");
}

TEST_F(CuttableLinkTest, MoreThanItHoldsPassesInOrder) {
  std::string much;
  while (much.size() < (4 << 20)) absl::StrAppend(&much, much.size(), ",");

  std::thread writer([&] { client_->Say(much); });
  link_->Cut();
  link_->Heal();
  const std::string heard = server_->Hear(much.size());
  writer.join();

  EXPECT_TRUE(heard == much);
}

TEST_F(CuttableLinkTest, ATargetThatIsGoneEndsTheConnection) {
  close(std::exchange(listener_, -1));

  Peer client(Peer::Dial(link_->address()));

  EXPECT_EQ(client.Hear(1), "");
}

TEST(CuttableLink, RefusesWhatIsNoAddress) {
  for (const char* bad : {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "localhost:80", "::1:80"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(CuttableLink::Start(bad).status())) << bad;
  }
}

}  // namespace
}  // namespace meros::testing
