#include "libs/simulation/network.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"

namespace meros::simulation {
namespace {

// How often what cannot get through a cut is sent again, as TCP would.
constexpr absl::Duration kRetransmission = absl::Milliseconds(500);

}  // namespace

SimNet::SimNet(EventQueue* events, const NetFaults& faults, uint64_t seed)
    : events_(*events), faults_(faults), rng_(seed) {
  MEROS_CHECK(faults.latency_min <= faults.latency_max);
}

Endpoint* SimNet::EndpointOf(const std::string& node) const {
  const auto found = endpoints_.find(node);
  return found == endpoints_.end() ? nullptr : found->second;
}

SimNet::Stream* SimNet::Find(ConnectionId id) {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : &found->second;
}

void SimNet::Attach(const std::string& node, Endpoint* endpoint) {
  MEROS_CHECK(endpoints_.emplace(node, endpoint).second) << node << " is attached";
}

void SimNet::Detach(const std::string& node) {
  endpoints_.erase(node);
  std::vector<ConnectionId> broken;
  for (auto& [id, stream] : streams_) {
    for (const Side side : {kOpener, kAcceptor}) {
      if (stream.node[side] != node || stream.is_done[side]) continue;
      stream.is_done[side] = true;  // the dead are not told
      broken.push_back(id);
    }
  }
  for (const ConnectionId id : broken) {
    Break(id, absl::UnavailableError(absl::StrCat(node, " went away")));
  }
}

absl::Duration SimNet::Latency() {
  const bool is_spike = rng_.Chance(faults_.spike_chance);
  const absl::Duration spike_max = std::max(faults_.spike_max, faults_.latency_max);
  return UniformDuration(&rng_, faults_.latency_min, is_spike ? spike_max : faults_.latency_max);
}

absl::Time SimNet::ArrivalTime(const std::string& from, const std::string& to) {
  absl::Time start = events_.Now();
  const auto clog = clogs_.find({from, to});
  if (clog != clogs_.end()) start = std::max(start, clog->second);
  return start + Latency();
}

bool SimNet::CanReach(const std::string& from, const std::string& to) const {
  return cuts_.count({from, to}) == 0;
}

void SimNet::Call(const std::string& from, const std::string& to, std::string bytes) {
  if (rng_.Chance(faults_.loss_chance)) return;
  const int copies = rng_.Chance(faults_.duplicate_chance) ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    events_.At(ArrivalTime(from, to), [this, from, to, bytes] {
      Endpoint* const endpoint = EndpointOf(to);
      if (endpoint != nullptr && CanReach(from, to)) endpoint->OnCall(from, bytes);
    });
  }
}

ConnectionId SimNet::Open(const std::string& from, const std::string& to) {
  const ConnectionId id = next_id_++;
  Stream& stream = streams_[id];
  stream.node[kOpener] = from;
  stream.node[kAcceptor] = to;
  Send(id, kAcceptor, {.kind = Item::Kind::kOpen});
  return id;
}

void SimNet::Write(ConnectionId id, const std::string& from, std::string bytes) {
  Stream* const stream = Find(id);
  if (stream == nullptr || stream->is_broken) return;
  const Side side = stream->node[kOpener] == from ? kOpener : kAcceptor;
  if (stream->is_done[side]) return;
  if (rng_.Chance(faults_.break_chance))
    return Break(id, absl::UnavailableError("connection reset"));
  Send(id, side == kOpener ? kAcceptor : kOpener,
       {.kind = Item::Kind::kMessage, .bytes = std::move(bytes)});
}

void SimNet::Close(ConnectionId id, const std::string& from, const absl::Status& reason) {
  Stream* const stream = Find(id);
  if (stream == nullptr) return;
  const Side side = stream->node[kOpener] == from ? kOpener : kAcceptor;
  if (stream->is_done[side]) return;
  stream->is_done[side] = true;
  stream->on_the_way[side].clear();
  if (!stream->is_broken) {
    Send(id, side == kOpener ? kAcceptor : kOpener, {.kind = Item::Kind::kClose, .reason = reason});
  }
  ForgetIfDone(id);
}

void SimNet::Send(ConnectionId id, Side receiver, Item item) {
  Stream& stream = *Find(id);
  if (stream.is_done[receiver]) return;
  std::deque<Item>& queue = stream.on_the_way[receiver];
  const Side sender = receiver == kOpener ? kAcceptor : kOpener;
  item.sent = events_.Now();
  item.ready = ArrivalTime(stream.node[sender], stream.node[receiver]);
  if (!queue.empty()) item.ready = std::max(item.ready, queue.back().ready);
  queue.push_back(std::move(item));
  if (stream.is_pumping[receiver]) return;
  stream.is_pumping[receiver] = true;
  events_.At(queue.front().ready, [this, id, receiver] { Pump(id, receiver); });
}

void SimNet::Pump(ConnectionId id, Side receiver) {
  const Side sender = receiver == kOpener ? kAcceptor : kOpener;
  while (Stream* const stream = Find(id)) {
    stream->is_pumping[receiver] = false;
    std::deque<Item>& queue = stream->on_the_way[receiver];
    if (queue.empty()) return;
    absl::Time next = queue.front().ready;
    if (next <= events_.Now() && !CanReach(stream->node[sender], stream->node[receiver])) {
      if (events_.Now() - queue.front().sent > faults_.stream_timeout) {
        return Break(
            id, absl::UnavailableError(absl::StrCat(stream->node[receiver], " does not answer")));
      }
      next = events_.Now() + kRetransmission;
    }
    stream->is_pumping[receiver] = true;
    if (next > events_.Now()) {
      events_.At(next, [this, id, receiver] { Pump(id, receiver); });
      return;
    }
    Item item = std::move(queue.front());
    queue.pop_front();
    Deliver(id, receiver, std::move(item));
  }
}

// The endpoint may do anything meanwhile, so nothing of the stream is held across the call.
void SimNet::Deliver(ConnectionId id, Side receiver, Item item) {
  const std::string node = Find(id)->node[receiver];
  const std::string peer = Find(id)->node[receiver == kOpener ? kAcceptor : kOpener];
  Endpoint* const endpoint = EndpointOf(node);
  if (endpoint == nullptr) {
    Find(id)->is_done[receiver] = true;
    return Break(id, absl::UnavailableError(absl::StrCat(node, " refuses connections")));
  }
  switch (item.kind) {
    case Item::Kind::kOpen: return endpoint->OnStreamOpen(id, peer);
    case Item::Kind::kMessage: return endpoint->OnStreamMessage(id, item.bytes);
    case Item::Kind::kClose: return DeliverClosed(id, receiver, item.reason);
  }
}

void SimNet::Break(ConnectionId id, const absl::Status& reason) {
  Stream* const stream = Find(id);
  if (stream == nullptr || stream->is_broken) return;
  stream->is_broken = true;
  for (const Side side : {kOpener, kAcceptor}) {
    stream->on_the_way[side].clear();
    if (stream->is_done[side]) continue;
    const bool hears =
        CanReach(stream->node[side == kOpener ? kAcceptor : kOpener], stream->node[side]);
    events_.After(hears ? Latency() : faults_.stream_timeout,
                  [this, id, side, reason] { DeliverClosed(id, side, reason); });
  }
  ForgetIfDone(id);
}

void SimNet::DeliverClosed(ConnectionId id, Side side, const absl::Status& reason) {
  Stream* const stream = Find(id);
  if (stream == nullptr || stream->is_done[side]) return;
  stream->is_done[side] = true;
  Endpoint* const endpoint = EndpointOf(stream->node[side]);
  ForgetIfDone(id);
  if (endpoint != nullptr) endpoint->OnStreamClosed(id, reason);
}

void SimNet::ForgetIfDone(ConnectionId id) {
  Stream* const stream = Find(id);
  if (stream != nullptr && stream->is_done[kOpener] && stream->is_done[kAcceptor])
    streams_.erase(id);
}

void SimNet::Cut(const std::string& from, const std::string& to) {
  const absl::Time since = events_.Now();
  if (!cuts_.emplace(std::make_pair(from, to), since).second) return;
  // Keepalive: also a stream on which nobody writes is found out.
  events_.After(faults_.stream_timeout, [this, from, to, since] {
    const auto cut = cuts_.find({from, to});
    if (cut != cuts_.end() && cut->second == since) BreakAcross(from, to);
  });
}

void SimNet::BreakAcross(const std::string& from, const std::string& to) {
  std::vector<ConnectionId> broken;
  for (const auto& [id, stream] : streams_) {
    if ((stream.node[kOpener] == from && stream.node[kAcceptor] == to) ||
        (stream.node[kOpener] == to && stream.node[kAcceptor] == from)) {
      broken.push_back(id);
    }
  }
  for (const ConnectionId id : broken) Break(id, absl::UnavailableError("keepalive timed out"));
}

void SimNet::CutBoth(const std::string& a, const std::string& b) {
  Cut(a, b);
  Cut(b, a);
}

void SimNet::Heal(const std::string& from, const std::string& to) { cuts_.erase({from, to}); }

void SimNet::Clog(const std::string& from, const std::string& to, absl::Time until) {
  clogs_[{from, to}] = until;
}

void SimNet::Calm() {
  cuts_.clear();
  clogs_.clear();
  faults_.spike_chance = faults_.loss_chance = faults_.duplicate_chance = faults_.break_chance = 0;
}

}  // namespace meros::simulation
