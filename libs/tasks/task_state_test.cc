#include "libs/tasks/task_state.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace meros::tasks {
namespace {

// By exclusion, so that a state which joins the schema has to choose its side here.
TEST(TaskState, TheseAreNotTheEnd) {
  std::vector<int> open;
  for (int state = v1::TaskState_MIN; state <= v1::TaskState_MAX; ++state) {
    if (!v1::TaskState_IsValid(state)) continue;
    if (!IsTerminal(static_cast<v1::TaskState>(state))) open.push_back(state);
  }

  EXPECT_THAT(open, testing::UnorderedElementsAre(v1::TASK_STAGING, v1::TASK_STARTING,
                                                  v1::TASK_RUNNING, v1::TASK_KILLING,
                                                  v1::TASK_UNREACHABLE, v1::TASK_UNKNOWN));
}

}  // namespace
}  // namespace meros::tasks
