// What the verbs `agents` and `agent` share.
//
// Thread rule: thread-compatible.
#pragma once

#include <string>

#include "cli/verbs.h"

namespace meros::cli {

void AddAgent(CLI::App* app, Common* common);

// Prints the table of agents that the request asks for; an exit code.
int ListAgents(const Common& common, meros::v1::master::ListAgentsRequest request = {});

// Where an agent stands, and what operators have ordered about it: "CONNECTED, DRAINING".
std::string AgentState(const meros::v1::master::AgentView& view);

// What a framework says to an inverse offer: "accepts".
absl::string_view AnswerText(meros::v1::allocator::InverseOfferStatus::Status status);

}  // namespace meros::cli
