#include "tests/simulation/registry_history.h"

#include "absl/strings/str_cat.h"

namespace meros::simulation {

void RegistryHistory::OnAsked(absl::Time now, const std::string& process,
                              const registry::v1::Request& request) {
  const Asker asker(process, request.id());
  if (request.has_commit()) {
    Writing& writing = writing_[asker];
    for (const registry::v1::Mutation& mutation : request.commit().mutations()) {
      const Key key(mutation.key().kind(), mutation.key().name());
      RegisterHistory::Value value;
      if (mutation.has_put()) value = mutation.put();
      writing.writes.emplace_back(key, records_[key].Write(now, std::move(value)));
    }
  } else if (request.has_list()) {
    Listing& listing = listing_[asker];
    listing.invoked = now;
    listing.kinds.insert(request.list().kinds().begin(), request.list().kinds().end());
  }
}

void RegistryHistory::OnAnswered(absl::Time now, const std::string& process,
                                 const registry::v1::Response& response) {
  const Asker asker(process, response.id());
  if (response.has_list()) return OnList(now, asker, response.list());
  const auto writing = writing_.find(asker);
  if (writing == writing_.end()) return;
  const auto code = static_cast<absl::StatusCode>(response.code());
  // Of a store that does not answer nobody knows what it did.
  const bool is_open =
      code == absl::StatusCode::kUnavailable || code == absl::StatusCode::kDeadlineExceeded;
  for (const auto& [key, write] : writing->second.writes) {
    if (is_open) continue;
    if (code == absl::StatusCode::kOk) {
      records_[key].Written(write, now);
    } else {
      records_[key].Refused(write);
    }
  }
  writing_.erase(writing);
}

void RegistryHistory::OnList(absl::Time now, const Asker& asker,
                             const registry::v1::ListResult& list) {
  const auto listing = listing_.find(asker);
  if (listing == listing_.end()) return;
  for (const registry::v1::Record& record : list.records()) {
    const Key key(record.key().kind(), record.key().name());
    listing->second.records[key] = record.value();
    records_.try_emplace(key);
  }
  if (!list.last()) return;
  listing->second.answered = now;
  listed_.push_back(std::move(listing->second));
  listing_.erase(listing);
}

absl::Status RegistryHistory::Check() const {
  for (const auto& [key, writes] : records_) {
    RegisterHistory history = writes;
    for (const Listing& listing : listed_) {
      if (!listing.kinds.empty() && listing.kinds.count(key.first) == 0) continue;
      const auto found = listing.records.find(key);
      RegisterHistory::Value value;
      if (found != listing.records.end()) value = found->second;
      history.Read(listing.invoked, listing.answered, std::move(value));
    }
    const absl::Status status = history.Check();
    if (status.ok()) continue;
    return absl::Status(status.code(),
                        absl::StrCat("the history of the record ", key.second, " of kind ",
                                     key.first, ": ", status.message()));
  }
  return absl::OkStatus();
}

size_t RegistryHistory::size() const {
  size_t operations = 0;
  for (const auto& [key, history] : records_) operations += history.size();
  return operations + listed_.size();
}

}  // namespace meros::simulation
