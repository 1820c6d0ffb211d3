// Which agents may be offered at all. The operator's word, not the cluster's: it comes from a file
// (shell/whitelist_file.h), outlives leaderships and is not in the registry. The allocator keeps to
// it; here it is only handed on. Offers that are outstanding when it changes stay.
//
// Thread rule: strand-confined; lists are immutable.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace meros::master {

class Transaction;

// Hostnames, sorted, each once. Null: all agents; empty: none.
using WhitelistRef = std::shared_ptr<const std::vector<std::string>>;

// A new list is in force, and the allocator, if there is one, hears of it.
void PutWhitelist(Transaction* tx, WhitelistRef whitelist);

// For the allocator's snapshot.
void SendWhitelist(Transaction* tx);

}  // namespace meros::master
