// What a listing is asked to show: the filters of its request, checked once and then held against
// every entry that is looked at.
//
// ERRORS of all Of(): InvalidArgument naming the field and the limit.
// Thread rule: thread-compatible; a filter lives no longer than its request.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "libs/resources/ranges.h"
#include "libs/resources/scalar.h"
#include "meros/v1/master/operator/agents.pb.h"
#include "meros/v1/master/operator/frameworks.pb.h"
#include "meros/v1/master/operator/operations.pb.h"
#include "meros/v1/master/operator/tasks.pb.h"
#include "services/master/view/cluster_view.h"

namespace meros::master {

class AgentFilter {
 public:
  static absl::StatusOr<AgentFilter> Of(const v1::master::ListAgentsRequest& request);
  bool Matches(const AgentEntry& entry) const;

 private:
  // A value in each form that it can be read in.
  struct Attribute {
    std::string name;
    bool is_any = false;
    std::string text;
    std::variant<std::monostate, resources::Scalar, resources::Ranges> number;

    bool Matches(const v1::Attribute& attribute) const;
  };

  explicit AgentFilter(const v1::master::ListAgentsRequest* request) : request_(request) {}
  bool MatchesDomain(const v1::AgentInfo& info) const;
  bool MatchesAttributes(const v1::AgentInfo& info) const;

  const v1::master::ListAgentsRequest* request_;
  std::vector<Attribute> attributes_;
};

class FrameworkFilter {
 public:
  static absl::StatusOr<FrameworkFilter> Of(const v1::master::ListFrameworksRequest& request);
  bool Matches(const FrameworkEntry& entry) const;

 private:
  explicit FrameworkFilter(const v1::master::ListFrameworksRequest* request) : request_(request) {}

  const v1::master::ListFrameworksRequest* request_;
};

// Does not look at framework_id: that is a part of the order of tasks.
class TaskFilter {
 public:
  static absl::StatusOr<TaskFilter> Of(const v1::master::ListTasksRequest& request);
  bool Matches(const TaskEntry& entry) const;

 private:
  explicit TaskFilter(const v1::master::ListTasksRequest* request) : request_(request) {}
  bool MatchesLabels(const std::string& description) const;

  const v1::master::ListTasksRequest* request_;
  // By address: what tasks have in common is shared by them. Lookup only.
  mutable absl::flat_hash_map<const void*, bool> descriptions_;
};

class OperationFilter {
 public:
  static absl::StatusOr<OperationFilter> Of(const v1::master::ListOperationsRequest& request);
  bool Matches(const Operation& operation) const;

 private:
  explicit OperationFilter(const v1::master::ListOperationsRequest* request) : request_(request) {}

  const v1::master::ListOperationsRequest* request_;
};

}  // namespace meros::master
