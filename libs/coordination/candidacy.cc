#include "libs/coordination/candidacy.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/runtime/clock.h"

namespace meros::coordination {
namespace {

constexpr char kLabel[] = "json.info_";

// The answer of one call. The client answers every call, at the latest when it gives up its server.
template <typename T>
class Answer {
 public:
  std::function<void(T)> Taker() {
    return [this](T value) {
      MutexLock lock(&mutex_);
      value_.emplace(std::move(value));
      changed_.SignalAll();
    };
  }
  T Await() {
    MutexLock lock(&mutex_);
    while (!value_.has_value()) changed_.Wait(&mutex_);
    return *std::move(value_);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::optional<T> value_ MEROS_GUARDED_BY(mutex_);
};

absl::string_view NameOf(absl::string_view path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

std::optional<int64_t> PlaceInQueue(absl::string_view name) {
  const absl::string_view digits = name.substr(name.rfind('_') + 1);  // npos + 1 is 0
  int64_t place = 0;
  if (digits.empty() || !std::all_of(digits.begin(), digits.end(), absl::ascii_isdigit) ||
      !absl::SimpleAtoi(digits, &place)) {
    return std::nullopt;
  }
  return place;
}

std::string FirstInQueue(const std::vector<std::string>& names) {
  const std::string* first = nullptr;
  for (const std::string& name : names) {
    const auto place = PlaceInQueue(name);
    if (place.has_value() && (first == nullptr || *place < *PlaceInQueue(*first))) first = &name;
  }
  return first == nullptr ? "" : *first;
}

absl::Status Candidacy::Connect() {
  if (session_ != nullptr && (session_->state() == SessionState::kExpired ||
                              session_->state() == SessionState::kRefused)) {
    Resign();
  }
  if (session_ == nullptr) {
    MEROS_ASSIGN_OR_RETURN(session_, ZooKeeper::Open({.url = options_.url,
                                                      .session_timeout = options_.session_timeout,
                                                      .others_may = OthersMay::kRead},
                                                     [this](SessionState) {
                                                       MutexLock lock(&mutex_);
                                                       changed_.SignalAll();
                                                     }));
  }
  const auto& clock = runtime::ProcessClock::Get();
  const absl::Time deadline = clock.Now() + options_.call_timeout;
  MutexLock lock(&mutex_);
  while (true) {
    switch (session_->state()) {
      case SessionState::kConnected:
        return absl::OkStatus();
      case SessionState::kExpired:
        return absl::UnavailableError("the session with ZooKeeper has expired");
      case SessionState::kRefused:
        return absl::PermissionDeniedError(
            absl::StrCat("ZooKeeper refuses the credentials in ", options_.url.Redacted()));
      case SessionState::kConnecting:
      case SessionState::kSuspended:
        break;
    }
    const absl::Duration left = deadline - clock.Now();
    if (interrupted_ || left <= absl::ZeroDuration()) break;
    changed_.WaitFor(&mutex_, left);
  }
  return absl::UnavailableError(
      absl::StrCat("no server of ", options_.url.Redacted(), " with a quorum answers"));
}

absl::StatusOr<std::string> Candidacy::Create(const std::string& path, absl::string_view data,
                                              NodeKind kind) {
  Answer<absl::StatusOr<std::string>> created;
  session_->Create(path, data, kind, created.Taker());
  return created.Await();
}

absl::Status Candidacy::MakePath() {
  const std::string& path = options_.url.path;
  for (size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    // Looked for first: who may not create is told so even where the node exists.
    Answer<absl::StatusOr<Node>> found;
    session_->Get(part, found.Taker());
    if (absl::IsNotFound(found.Await().status())) {
      const absl::Status made = Create(part, "", NodeKind::kPersistent).status();
      if (!made.ok() && !absl::IsAlreadyExists(made)) return made;
    }
    if (end == std::string::npos) return absl::OkStatus();
  }
}

absl::Status Candidacy::MakeNode() {
  const std::string prefix = absl::StrCat(options_.url.path, "/", kLabel);
  absl::StatusOr<std::string> made = Create(prefix, options_.data, NodeKind::kEphemeralSequential);
  if (absl::IsNotFound(made.status())) {
    MEROS_RETURN_IF_ERROR(MakePath());
    made = Create(prefix, options_.data, NodeKind::kEphemeralSequential);
  }
  if (!made.ok()) {
    // It may have been made all the same, and would lead one day without our knowing. It goes with
    // the session.
    Resign();
    return made.status();
  }
  node_ = *std::move(made);
  version_ = kAnyVersion;
  return absl::OkStatus();
}

absl::StatusOr<Standing> Candidacy::Run() {
  MEROS_RETURN_IF_ERROR(Connect());
  if (node_.empty()) MEROS_RETURN_IF_ERROR(MakeNode());
  Answer<absl::StatusOr<std::vector<std::string>>> listed;
  session_->List(options_.url.path, listed.Taker());
  MEROS_ASSIGN_OR_RETURN(const std::vector<std::string> names, listed.Await());
  const std::string own(NameOf(node_));
  // The list is of a moment after our node was made, so who was made earlier and is not in it has
  // gone for good; who is in it may have gone by now.
  if (std::find(names.begin(), names.end(), own) == names.end()) {
    Resign();
    return absl::UnavailableError("our node among the candidates has gone");
  }
  const std::string first = FirstInQueue(names);
  if (first != own) return FollowerOf(first);
  leads_ = true;
  absl::StatusOr<Standing> standing = Prove();
  if (absl::IsFailedPrecondition(standing.status())) {
    return absl::UnavailableError(standing.status().message());
  }
  return standing;
}

absl::StatusOr<Standing> Candidacy::FollowerOf(const std::string& leader) {
  Standing standing;
  if (leader != leader_) {
    Answer<absl::StatusOr<Node>> read;
    session_->Get(absl::StrCat(options_.url.path, "/", leader), read.Taker());
    absl::StatusOr<Node> node = read.Await();
    if (absl::IsNotFound(node.status())) return standing;
    MEROS_RETURN_IF_ERROR(node.status());
    leader_ = leader;
    leader_data_ = std::move(node->data);
  }
  standing.leader_data = leader_data_;
  return standing;
}

absl::StatusOr<Standing> Candidacy::Prove() {
  const auto is_over = [this](absl::string_view why) {
    Resign();
    return absl::FailedPreconditionError(why);
  };
  if (session_ == nullptr || !leads_) return is_over("no candidate");
  if (session_->state() == SessionState::kExpired) return is_over("the session has expired");
  Answer<absl::StatusOr<NodeStat>> written;
  session_->Set(node_, options_.data, version_, written.Taker());
  const absl::StatusOr<NodeStat> stat = written.Await();
  if (absl::IsNotFound(stat.status())) return is_over("our node among the candidates has gone");
  if (session_->state() == SessionState::kExpired) return is_over("the session has expired");
  if (!stat.ok()) {
    version_ = kAnyVersion;
    return absl::UnavailableError(stat.status().message());
  }
  if (stat->owner_session != session_->session_id() ||
      (created_.has_value() && *created_ != stat->created)) {
    return is_over("our node among the candidates is another's now");
  }
  version_ = stat->version;
  created_ = stat->created;
  return Standing{.we_lead = true,
                  .number = static_cast<uint64_t>(stat->created),
                  .hold = SafeHold(session_->session_timeout()),
                  .leader_data = ""};
}

void Candidacy::Resign() {
  session_ = nullptr;  // the node goes with it
  node_.clear();
  version_ = kAnyVersion;
  created_.reset();
  leads_ = false;
  leader_.clear();
  leader_data_.clear();
}

void Candidacy::Interrupt() {
  MutexLock lock(&mutex_);
  interrupted_ = true;
  changed_.SignalAll();
}

}  // namespace meros::coordination
