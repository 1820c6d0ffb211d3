// What SnapshotService tells, frame by frame: the books of one moment as an allocator would be told
// them, between a header and an end.
//
// Thread rule: thread-compatible.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"
#include "meros/allocator/v1/snapshot.pb.h"
#include "meros/v1/master.pb.h"
#include "services/master/view/allocation_view.h"

namespace meros::master {

class SnapshotFrames {
 public:
  // In one frame are at most `objects_per_frame` agents and frameworks, at least one.
  SnapshotFrames(const v1::MasterInfo& info, absl::Time taken, AllocationView books,
                 size_t objects_per_frame);

  bool is_done() const { return is_done_; }
  // The last has the end. REQUIRES: !is_done(). Cost: O(objects of the frame).
  allocator::v1::GetSnapshotResponse Next();

 private:
  allocator::v1::SnapshotLine* AddLine();
  void AddHeader(const v1::MasterInfo& info, absl::Time taken);
  void AddRoles();
  void AddFramework(const FrameworkRecord& record);
  void AddAgent(const AllocationView::AgentPart& agent);
  void AddEnd();

  const AllocationView books_;
  const size_t objects_per_frame_;
  size_t next_framework_ = 0;
  size_t next_agent_ = 0;
  uint64_t lines_ = 0;
  bool is_done_ = false;
  allocator::v1::GetSnapshotResponse frame_;
};

}  // namespace meros::master
