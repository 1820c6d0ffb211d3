#include "services/master/core/whitelist.h"

#include <utility>

#include "services/master/core/transaction.h"

namespace meros::master {

void PutWhitelist(Transaction* tx, WhitelistRef whitelist) {
  tx->books().whitelist = std::move(whitelist);
  tx->TellAllocator(WhitelistDelta{tx->books().whitelist});
}

void SendWhitelist(Transaction* tx) {
  if (tx->books().whitelist != nullptr) tx->SendAllocator(WhitelistDelta{tx->books().whitelist});
}

}  // namespace meros::master
