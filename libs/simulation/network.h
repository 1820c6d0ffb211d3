// SimNet carries serialized messages between named endpoints, as badly as its options say.
//
// Two shapes, as in production:
//   call    one message, for unary calls: may be lost, doubled, overtaken by another.
//   stream  an ordered connection, for the bidirectional streams: nothing is lost or overtaken until it
//           breaks; then each end has seen a prefix of what the other wrote, and is told.
//
//   Open() ─1▶ kOpening ─2▶ kOpen ─3▶ kClosed
//   1 the opener may write at once; 2 the other end learns of it; 3 either end closes, the stream breaks,
//   an end crashes, or one cannot reach the other for NetFaults::stream_timeout. Each living end that did
//   not close it itself gets OnStreamClosed once.
//
// Cuts are one-way or symmetric; a clogged pair delays everything until it is unclogged.
//
// Thread rule: thread-compatible; a simulation is one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "libs/base/rng.h"
#include "libs/simulation/event_queue.h"
#include "libs/simulation/faults.h"

namespace meros::simulation {

// Numbers a connection in the whole simulation, from 1.
using ConnectionId = uint64_t;

// What a node hears from the network.
class Endpoint {
 public:
  virtual ~Endpoint() = default;
  virtual void OnCall(const std::string& from, const std::string& bytes) = 0;
  virtual void OnStreamOpen(ConnectionId id, const std::string& from) = 0;
  virtual void OnStreamMessage(ConnectionId id, const std::string& bytes) = 0;
  virtual void OnStreamClosed(ConnectionId id, const absl::Status& reason) = 0;
};

class SimNet {
 public:
  // `events` must outlive the network. REQUIRES: `faults` has latency_min <= latency_max.
  SimNet(EventQueue* events, const NetFaults& faults, uint64_t seed);
  SimNet(const SimNet&) = delete;
  SimNet& operator=(const SimNet&) = delete;

  // A node is reachable while it is attached. Detaching (a crash) breaks its streams: peers that
  // can be reached are told after one latency, others when their timeout has passed.
  void Attach(const std::string& node, Endpoint* endpoint);
  void Detach(const std::string& node);

  void Call(const std::string& from, const std::string& to, std::string bytes);

  // Never fails at once: when nobody answers, the opener gets OnStreamClosed.
  ConnectionId Open(const std::string& from, const std::string& to);
  // Dropped when the stream is closed.
  void Write(ConnectionId id, const std::string& from, std::string bytes);
  // What was written before still arrives, then the other end gets OnStreamClosed with `reason`.
  void Close(ConnectionId id, const std::string& from, const absl::Status& reason);

  // Nothing goes from `from` to `to` until Heal.
  void Cut(const std::string& from, const std::string& to);
  void CutBoth(const std::string& a, const std::string& b);
  void Heal(const std::string& from, const std::string& to);
  // Messages from `from` to `to` wait until `until`.
  void Clog(const std::string& from, const std::string& to, absl::Time until);
  // Ends cuts and clogs and turns random faults off: the second phase of a run.
  void Calm();

  bool CanReach(const std::string& from, const std::string& to) const;
  size_t open_streams() const { return streams_.size(); }

 private:
  struct Item {
    enum class Kind { kOpen, kMessage, kClose };
    Kind kind = Kind::kMessage;
    std::string bytes;    // kMessage
    absl::Status reason;  // kClose
    absl::Time sent;
    absl::Time ready;  // not before; never less than that of the item before it
  };
  enum Side : int { kOpener = 0, kAcceptor = 1 };
  struct Stream {
    std::string node[2];                  // by Side
    bool is_done[2] = {false, false};     // this end has closed it or knows that it is closed
    std::deque<Item> on_the_way[2];       // by the Side that receives
    bool is_pumping[2] = {false, false};  // an event will look at on_the_way
    bool is_broken = false;               // ends that are not done will be told
  };

  absl::Duration Latency();
  // When a message sent now arrives, clogs included.
  absl::Time ArrivalTime(const std::string& from, const std::string& to);
  Stream* Find(ConnectionId id);
  void Send(ConnectionId id, Side receiver, Item item);
  // Delivers what is due to one end, in order, or tries again later.
  void Pump(ConnectionId id, Side receiver);
  void Deliver(ConnectionId id, Side receiver, Item item);
  void Break(ConnectionId id, const absl::Status& reason);
  void BreakAcross(const std::string& from, const std::string& to);
  void DeliverClosed(ConnectionId id, Side side, const absl::Status& reason);
  void ForgetIfDone(ConnectionId id);
  Endpoint* EndpointOf(const std::string& node) const;

  EventQueue& events_;
  NetFaults faults_;
  Rng rng_;
  ConnectionId next_id_ = 1;
  std::map<std::string, Endpoint*> endpoints_;
  std::map<ConnectionId, Stream> streams_;
  std::map<std::pair<std::string, std::string>, absl::Time> cuts_;  // since when
  std::map<std::pair<std::string, std::string>, absl::Time> clogs_;
};

}  // namespace meros::simulation
