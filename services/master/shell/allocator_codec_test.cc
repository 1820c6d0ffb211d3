// What an allocator says reaches the core as it was meant, whatever it says.
#include "services/master/shell/allocator_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <variant>
#include <vector>

#include "services/master/shell/explain_codec.h"

namespace meros::master {
namespace {

TEST(DecodeFrame, WhatWasProposedComesBeforeTheQuestionForASnapshot) {
  allocator::v1::AllocatorFrame frame;
  frame.add_messages()->mutable_welcome();
  frame.add_messages()->mutable_proposal()->set_proposal_id(1);
  frame.add_messages()->mutable_inverse_offer()->set_agent_id("a");
  frame.add_messages()->mutable_gang_proposal();
  frame.add_messages()->mutable_need_snapshot();
  frame.add_messages()->mutable_proposal()->set_proposal_id(2);
  frame.add_messages()->mutable_preemption();

  const std::vector<Input> inputs = DecodeFrame(frame, 7);

  ASSERT_EQ(inputs.size(), 5u);
  const auto& before = std::get<AllocatorProposals>(inputs[0]);
  EXPECT_EQ(before.stream, 7u);
  EXPECT_EQ(before.proposals.at(0).id, 1u);
  EXPECT_EQ(before.gangs.size(), 1u);
  EXPECT_EQ(std::get<AllocatorNeedsSnapshot>(inputs[1]).stream, 7u);
  EXPECT_EQ(std::get<AllocatorProposals>(inputs[2]).proposals.at(0).id, 2u);
  EXPECT_EQ(std::get<AllocatorPreemptions>(inputs[3]).proposals.size(), 1u);
  EXPECT_EQ(std::get<AllocatorInverseOffers>(inputs[4]).proposals.at(0).agent_id, AgentId("a"));
}

TEST(AnswerOf, ARefusalForEverIsAsLongAsCanBeSaid) {
  allocator::v1::ExplainResponse response;
  allocator::v1::StageCount* stage = response.add_stages();
  stage->set_stage(allocator::v1::STAGE_REFUSED);
  stage->add_examples()->set_refused_ms(std::numeric_limits<int64_t>::max());

  const v1::master::ExplainResponse answer = AnswerOf(response);

  EXPECT_EQ(answer.stages(0).examples(0).refused_for().nanoseconds(),
            std::numeric_limits<int64_t>::max());
}

}  // namespace
}  // namespace meros::master
