// Somebody outside who watches the cluster through whichever master leads, reads in fits and
// starts, is cut off now and then and resumes with the token that he has: at the same master what
// he has missed is told, at another one he begins anew. What he was told must make the cluster that
// the master's readers see.
//
// He acts between events and takes no part in the cluster: nothing that a node does depends on him.
//
// Thread rule: thread-compatible.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "libs/base/rng.h"
#include "meros/v1/master/operator/watch.pb.h"
#include "services/master/fuzz/readers.h"
#include "tests/simulation/ledger.h"

namespace meros::simulation {

// What a watch has told and not taken back: of each object what is worth comparing, by its name.
class ToldCluster {
 public:
  void Take(const v1::master::WatchEvent& event);
  // The first object of which the two differ; empty if none.
  std::string DifferenceFrom(const ToldCluster& other) const;

 private:
  // Empty: it is there no more.
  void Put(const std::string& name, std::string what);

  std::map<std::string, std::string> known_;
};

class ClusterWatcher {
 public:
  ClusterWatcher(Ledger* ledger, Rng rng) : ledger_(*ledger), rng_(rng) {}

  // After a batch of a master, which its readers have followed; `process` names one run of it.
  void OnMasterBatch(const std::string& process, bool leads, master::Readers* readers);

 private:
  class Stream;

  void Begin(const std::string& process, master::Readers* readers);
  void Compare(const master::ClusterView& view);

  Ledger& ledger_;
  Rng rng_;
  std::string process_;             // whose stream it is
  std::shared_ptr<Stream> stream_;  // null: none
  uint64_t batches_ = 0;
  ToldCluster told_;
  std::string token_;      // empty: not everything has been told yet
  uint64_t revision_ = 0;  // of the newest event
};

}  // namespace meros::simulation
