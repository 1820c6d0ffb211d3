#include "services/master/core/framework_removal.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"

namespace meros::master {
namespace {

constexpr size_t kMaxWaiters = 64;

void Answer(Transaction* tx, const std::vector<RemovalWaiter>& waiters,
            const absl::Status& status) {
  for (const RemovalWaiter& waiter : waiters) {
    RequestLog& requests = tx->books().operator_requests;
    if (requests.Find(waiter.request_id, tx->now()) == nullptr) {
      requests.Record(waiter.request_id, status, tx->now());
    }
    tx->Answer(waiter.call, status);
  }
}

}  // namespace

void BeginRemoval(Transaction* tx, Framework* framework, RemovalWaiter waiter) {
  if (framework->removal_waiters.size() >= kMaxWaiters) {
    return tx->Answer(waiter.call, absl::ResourceExhaustedError(absl::StrCat(
                                       kMaxWaiters, " calls wait for the end of framework ",
                                       framework->record.id.value())));
  }
  if (!framework->is_removing()) tx->BeginRemoval(framework);
  if (waiter.call != 0) framework->removal_waiters.push_back(std::move(waiter));
}

void AfterRemovalWritten(Transaction* tx, const FrameworkId& framework_id,
                         const absl::Status& status) {
  Framework* framework = tx->books().frameworks.Find(framework_id);
  MEROS_CHECK(framework != nullptr && framework->is_removing()) << framework_id;
  const std::vector<RemovalWaiter> waiters = std::exchange(framework->removal_waiters, {});
  if (status.ok()) {
    tx->RemoveFramework(framework, absl::AbortedError("Framework has been removed"));
    return Answer(tx, waiters, absl::OkStatus());
  }
  tx->CancelRemoval(framework);
  Answer(tx, waiters,
         absl::InternalError(absl::StrCat("the registry refused it: ", status.message())));
}

void AbandonRemovals(Transaction* tx) {
  for (const auto& [sequence, framework] : tx->books().frameworks.all()) {
    for (const RemovalWaiter& waiter : framework->removal_waiters) {
      tx->Answer(waiter.call,
                 absl::UnavailableError("the master lost leadership before the end of the "
                                        "framework was known to be durable; try again"));
    }
  }
}

}  // namespace meros::master
