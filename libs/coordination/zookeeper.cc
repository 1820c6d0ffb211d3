#include "libs/coordination/zookeeper.h"

#include <zookeeper/zookeeper.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/base/check.h"

namespace meros::coordination {
namespace {

absl::Status StatusOf(int code, absl::string_view what) {
  const auto text = [&](absl::string_view why) {
    return absl::StrCat("ZooKeeper: ", what, ": ", why);
  };
  switch (code) {
    case ZOK:
      return absl::OkStatus();
    case ZNONODE:
      return absl::NotFoundError(text("no such node"));
    case ZNODEEXISTS:
      return absl::AlreadyExistsError(text("the node exists"));
    case ZBADVERSION:
      return absl::AbortedError(text("the node is at another version"));
    case ZNOTEMPTY:
      return absl::FailedPreconditionError(text("the node has children"));
    case ZNOAUTH:
      return absl::PermissionDeniedError(text("the node's access list does not let us"));
    case ZAUTHFAILED:
      return absl::PermissionDeniedError(text("the credentials were refused"));
    case ZBADARGUMENTS:
      return absl::InvalidArgumentError(text("not a valid request"));
    case ZSESSIONEXPIRED:
      return absl::UnavailableError(text("the session has expired"));
    case ZCLOSING:
    case ZINVALIDSTATE:
      return absl::UnavailableError(text("the session is over"));
    case ZCONNECTIONLOSS:
    case ZOPERATIONTIMEOUT:
      return absl::UnavailableError(text("no connection to a server with a quorum"));
#ifdef ZQUOTAEXCEEDED
    case ZQUOTAEXCEEDED:
      return absl::ResourceExhaustedError(text("quota exceeded"));
#endif
    default:
      return absl::UnavailableError(text(zerror(code)));
  }
}

NodeStat StatOf(const Stat& stat) { return {stat.version, stat.czxid, stat.ephemeralOwner}; }

int ModeOf(NodeKind kind) {
  switch (kind) {
    case NodeKind::kPersistent:
      return ZOO_PERSISTENT;
    case NodeKind::kEphemeral:
      return ZOO_EPHEMERAL;
    case NodeKind::kEphemeralSequential:
      return ZOO_EPHEMERAL_SEQUENTIAL;
  }
  return ZOO_PERSISTENT;
}

const ACL_vector* AccessList(bool has_credentials, OthersMay others_may) {
  if (!has_credentials) return &ZOO_OPEN_ACL_UNSAFE;
  static ACL entries[] = {{ZOO_PERM_ALL, ZOO_AUTH_IDS}, {ZOO_PERM_READ, ZOO_ANYONE_ID_UNSAFE}};
  static const ACL_vector creator_and_readers = {2, entries};
  return others_may == OthersMay::kRead ? &creator_and_readers : &ZOO_CREATOR_ALL_ACL;
}

// What a call leaves with the client until its answer comes.
template <typename Result>
struct Pending {
  std::function<void(Result)> done;
  std::string what;  // for errors
};

// The pending call behind the client's context pointer, which it hands back exactly once.
template <typename Result>
std::unique_ptr<Pending<Result>> Take(const void* context) {
  return std::unique_ptr<Pending<Result>>(
      static_cast<Pending<Result>*>(const_cast<void*>(context)));
}

// Makes a call. When the client does not take it, the callback runs here.
template <typename Result, typename Call>
void Start(std::function<void(Result)> done, std::string what, Call call) {
  auto pending =
      std::make_unique<Pending<Result>>(Pending<Result>{std::move(done), std::move(what)});
  const int code = call(pending.get());
  if (code == ZOK) {
    (void)pending.release();  // the client's now
    return;
  }
  pending->done(StatusOf(code, pending->what));
}

using PathResult = absl::StatusOr<std::string>;
using NodeResult = absl::StatusOr<Node>;
using StatResult = absl::StatusOr<NodeStat>;
using NamesResult = absl::StatusOr<std::vector<std::string>>;

void OnPath(int code, const char* value, const void* context) {
  auto pending = Take<PathResult>(context);
  if (code != ZOK) return pending->done(StatusOf(code, pending->what));
  pending->done(std::string(value));
}

void OnNode(int code, const char* value, int bytes, const Stat* stat, const void* context) {
  auto pending = Take<NodeResult>(context);
  if (code != ZOK) return pending->done(StatusOf(code, pending->what));
  // -1: a node without data.
  pending->done(
      Node{std::string(value == nullptr ? "" : value, bytes < 0 ? 0 : bytes), StatOf(*stat)});
}

void OnStat(int code, const Stat* stat, const void* context) {
  auto pending = Take<StatResult>(context);
  if (code != ZOK) return pending->done(StatusOf(code, pending->what));
  pending->done(StatOf(*stat));
}

void OnVoid(int code, const void* context) {
  auto pending = Take<absl::Status>(context);
  pending->done(StatusOf(code, pending->what));
}

void OnNames(int code, const String_vector* names, const void* context) {
  auto pending = Take<NamesResult>(context);
  if (code != ZOK) return pending->done(StatusOf(code, pending->what));
  pending->done(std::vector<std::string>(names->data, names->data + names->count));
}

// A transaction: its operations stay in place until the client has encoded them, its results until
// the answer.
struct PendingMulti {
  std::function<void(absl::Status)> done;
  std::vector<NodeOp> ops;
  std::vector<zoo_op_t> raw;
  std::vector<zoo_op_result_t> results;
};

void OnMulti(int code, const void* context) {
  const std::unique_ptr<PendingMulti> pending(
      static_cast<PendingMulti*>(const_cast<void*>(context)));
  if (code == ZOK) return pending->done(absl::OkStatus());
  // The client reports the first operation's error as that of the whole; ZRUNTIMEINCONSISTENCY
  // marks those that were not tried.
  for (size_t i = 0; i < pending->results.size(); ++i) {
    const int error = pending->results[i].err;
    if (error == ZOK || error == ZRUNTIMEINCONSISTENCY) continue;
    return pending->done(StatusOf(error, pending->ops[i].path));
  }
  pending->done(StatusOf(code, "a transaction"));
}

// The client's own log is for its developers; what matters comes back as errors.
void IgnoreLog(const char*) {}

}  // namespace

absl::StatusOr<std::unique_ptr<ZooKeeper>> ZooKeeper::Open(const Options& options,
                                                           OnState on_state) {
  zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
  auto session = std::unique_ptr<ZooKeeper>(new ZooKeeper(options, std::move(on_state)));
  session->handle_ =
      zookeeper_init2(options.url.servers.c_str(), &ZooKeeper::OnEvent,
                      static_cast<int>(absl::ToInt64Milliseconds(options.session_timeout)),
                      /*clientid=*/nullptr, session.get(), /*flags=*/0, &IgnoreLog);
  if (session->handle_ == nullptr) {
    return absl::UnavailableError(absl::StrCat("cannot connect to ZooKeeper at ",
                                               options.url.servers, ": ", strerror(errno)));
  }
  if (session->has_credentials_) {
    // A refusal shows as the state REFUSED.
    (void)zoo_add_auth(session->handle_, "digest", options.url.credentials.data(),
                       static_cast<int>(options.url.credentials.size()), nullptr, nullptr);
  }
  return session;
}

ZooKeeper::~ZooKeeper() {
  if (handle_ != nullptr) zookeeper_close(handle_);
}

void ZooKeeper::OnEvent(_zhandle*, int type, int state, const char*, void* context) {
  if (type != ZOO_SESSION_EVENT) return;
  auto* self = static_cast<ZooKeeper*>(context);
  SessionState now = self->state_;
  if (state == ZOO_CONNECTED_STATE) {
    now = SessionState::kConnected;
  } else if (state == ZOO_EXPIRED_SESSION_STATE) {
    now = SessionState::kExpired;
  } else if (state == ZOO_AUTH_FAILED_STATE) {
    now = SessionState::kRefused;
  } else if (now == SessionState::kConnected) {
    now = SessionState::kSuspended;
  }
  if (now == self->state_.exchange(now)) return;
  if (self->on_state_) self->on_state_(now);
}

absl::Duration ZooKeeper::session_timeout() const {
  return absl::Milliseconds(zoo_recv_timeout(handle_));
}

int64_t ZooKeeper::session_id() const {
  const clientid_t* id = zoo_client_id(handle_);
  return id == nullptr ? 0 : id->client_id;
}

void ZooKeeper::Create(const std::string& path, absl::string_view data, NodeKind kind,
                       std::function<void(PathResult)> done) {
  Start<PathResult>(std::move(done), absl::StrCat("create ", path), [&](const void* context) {
    return zoo_acreate(handle_, path.c_str(), data.data(), static_cast<int>(data.size()),
                       AccessList(has_credentials_, others_may_), ModeOf(kind), &OnPath, context);
  });
}

void ZooKeeper::Get(const std::string& path, std::function<void(NodeResult)> done) {
  Start<NodeResult>(std::move(done), absl::StrCat("read ", path), [&](const void* context) {
    return zoo_aget(handle_, path.c_str(), /*watch=*/0, &OnNode, context);
  });
}

void ZooKeeper::Set(const std::string& path, absl::string_view data, int32_t version,
                    std::function<void(StatResult)> done) {
  Start<StatResult>(std::move(done), absl::StrCat("write ", path), [&](const void* context) {
    return zoo_aset(handle_, path.c_str(), data.data(), static_cast<int>(data.size()), version,
                    &OnStat, context);
  });
}

void ZooKeeper::Delete(const std::string& path, int32_t version,
                       std::function<void(absl::Status)> done) {
  Start<absl::Status>(std::move(done), absl::StrCat("delete ", path), [&](const void* context) {
    return zoo_adelete(handle_, path.c_str(), version, &OnVoid, context);
  });
}

void ZooKeeper::List(const std::string& path, std::function<void(NamesResult)> done) {
  Start<NamesResult>(std::move(done), absl::StrCat("list ", path), [&](const void* context) {
    return zoo_aget_children(handle_, path.c_str(), /*watch=*/0, &OnNames, context);
  });
}

void ZooKeeper::Multi(std::vector<NodeOp> ops, std::function<void(absl::Status)> done) {
  MEROS_CHECK(!ops.empty());
  auto pending = std::make_unique<PendingMulti>();
  pending->done = std::move(done);
  pending->ops = std::move(ops);
  pending->raw.resize(pending->ops.size());
  pending->results.resize(pending->ops.size());
  const ACL_vector* access = AccessList(has_credentials_, others_may_);
  for (size_t i = 0; i < pending->ops.size(); ++i) {
    const NodeOp& op = pending->ops[i];
    zoo_op_t* raw = &pending->raw[i];
    const int bytes = static_cast<int>(op.data.size());
    switch (op.type) {
      case NodeOp::Type::kCreate:
        zoo_create_op_init(raw, op.path.c_str(), op.data.data(), bytes, access, ModeOf(op.kind),
                           nullptr, 0);
        break;
      case NodeOp::Type::kSet:
        zoo_set_op_init(raw, op.path.c_str(), op.data.data(), bytes, op.version, nullptr);
        break;
      case NodeOp::Type::kDelete:
        zoo_delete_op_init(raw, op.path.c_str(), op.version);
        break;
      case NodeOp::Type::kCheck:
        zoo_check_op_init(raw, op.path.c_str(), op.version);
        break;
    }
  }
  const int code = zoo_amulti(handle_, static_cast<int>(pending->raw.size()), pending->raw.data(),
                              pending->results.data(), &OnMulti, pending.get());
  if (code == ZOK) {
    (void)pending.release();  // the client's now
    return;
  }
  pending->done(StatusOf(code, "a transaction"));
}

}  // namespace meros::coordination
