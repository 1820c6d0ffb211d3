// Goal: listings show what their filters say, page by page, and filters that can match nothing are
// refused. Method: each filter against entries that differ in one thing.
#include "services/master/view/listing_filters.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/master/view/operation_listing.h"
#include "services/master/view/test_view.h"

namespace meros::master {
namespace {

namespace pb = ::meros::v1::master;

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

template <typename Message>
Message Parsed(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

class ListingFilters : public testing::ViewTest {
 protected:
  void AddAgentLike(const std::string& id, const std::string& info_text) {
    auto record = std::make_shared<AgentRecord>();
    record->id = AgentId(id);
    record->state = AgentState::kRegistered;
    record->info = std::make_shared<v1::AgentInfo>(Parsed<v1::AgentInfo>(info_text));
    Apply(std::shared_ptr<const AgentRecord>(record));
  }
  void AddOperation(uint64_t sequence, v1::Offer::Operation::Type type, v1::OperationState state,
                    const std::string& agent = "a0") {
    auto operation = std::make_shared<Operation>();
    operation->sequence = sequence;
    operation->id = absl::StrCat("o", sequence);
    operation->agent_id = AgentId(agent);
    operation->framework_id = FrameworkId("f");
    auto info = std::make_shared<v1::Offer::Operation>();
    info->set_type(type);
    info->mutable_id()->set_value(operation->id);
    operation->info = info;
    auto status = std::make_shared<v1::OperationStatus>();
    status->set_state(state);
    operation->status = status;
    Apply(std::shared_ptr<const Operation>(operation));
  }

  std::vector<std::string> Agents(const std::string& request) {
    std::vector<std::string> ids;
    const auto page = testing::ListAgents(view_, Parsed<pb::ListAgentsRequest>(request));
    EXPECT_TRUE(page.ok()) << page.status();
    for (const auto& agent : page->agents()) ids.push_back(agent.info().id().value());
    return ids;
  }
  std::vector<std::string> Frameworks(const std::string& request) {
    std::vector<std::string> ids;
    const auto page = testing::ListFrameworks(view_, Parsed<pb::ListFrameworksRequest>(request));
    EXPECT_TRUE(page.ok()) << page.status();
    for (const auto& framework : page->frameworks()) ids.push_back(framework.info().id().value());
    return ids;
  }
  std::vector<std::string> Tasks(const std::string& request) {
    std::vector<std::string> ids;
    const auto page = testing::ListTasks(view_, Parsed<pb::ListTasksRequest>(request));
    EXPECT_TRUE(page.ok()) << page.status();
    for (const auto& task : page->tasks()) ids.push_back(task.task().task_id().value());
    return ids;
  }
  // Of all pages.
  std::vector<std::string> Operations(const std::string& text, PageLimits limits = {}) {
    std::vector<std::string> ids;
    auto request = Parsed<pb::ListOperationsRequest>(text);
    pages_ = 0;
    do {
      const auto page = ListOperations(view_, request, limits);
      EXPECT_TRUE(page.ok()) << page.status();
      if (!page.ok()) break;
      for (const auto& operation : page->operations()) ids.push_back(operation.info().id().value());
      request.set_page_token(page->next_page_token());
      ++pages_;
    } while (!request.page_token().empty());
    return ids;
  }

  int pages_ = 0;
};

TEST_F(ListingFilters, AgentsByHostnameWhateverItsCase) {
  AddAgentLike("a0", "hostname: 'node-1.example'");
  AddAgentLike("a1", "hostname: 'node-2.example'");

  EXPECT_THAT(Agents("hostname: 'NODE-1.example'"), ElementsAre("a0"));
  EXPECT_THAT(Agents("hostname: 'node-1'"), IsEmpty());
}

TEST_F(ListingFilters, AgentsByFaultDomain) {
  const auto in = [](const std::string& region, const std::string& zone) {
    return absl::StrCat("hostname: 'h' domain { fault_domain { region { name: '", region,
                        "' } zone { name: '", zone, "' } } }");
  };
  AddAgentLike("a0", in("east", "1"));
  AddAgentLike("a1", in("east", "2"));
  AddAgentLike("a2", in("west", "1"));
  AddAgentLike("a3", "hostname: 'nowhere'");

  EXPECT_THAT(Agents("region: 'east'"), ElementsAre("a0", "a1"));
  EXPECT_THAT(Agents("zone: '1'"), ElementsAre("a0", "a2"));
  EXPECT_THAT(Agents("region: 'east' zone: '1'"), ElementsAre("a0"));
}

TEST_F(ListingFilters, AgentsByAttributesOfEveryType) {
  AddAgentLike("a0",
               "hostname: 'h' attributes { name: 'rack' type: TEXT text { value: '7' } } "
               "attributes { name: 'gen' type: SCALAR scalar { value: 1.5 } }");
  AddAgentLike("a1",
               "hostname: 'h' attributes { name: 'rack' type: SCALAR scalar { value: 7 } } "
               "attributes { name: 'slots' type: RANGES ranges { range { begin: 1 end: 3 } "
               "range { begin: 7 end: 9 } } }");

  EXPECT_THAT(Agents("attributes { name: 'rack' }"), ElementsAre("a0", "a1"));
  EXPECT_THAT(Agents("attributes { name: 'rack' value: '7' }"), ElementsAre("a0", "a1"));
  EXPECT_THAT(Agents("attributes { name: 'rack' value: '7.0' }"), ElementsAre("a1"));
  EXPECT_THAT(Agents("attributes { name: 'gen' value: '1.500' }"), ElementsAre("a0"));
  EXPECT_THAT(Agents("attributes { name: 'slots' value: '[7-9,1-3]' }"), ElementsAre("a1"));
  EXPECT_THAT(Agents("attributes { name: 'slots' value: '[1-3]' }"), IsEmpty());
  EXPECT_THAT(Agents("attributes { name: 'rack' } attributes { name: 'gen' }"), ElementsAre("a0"));
}

TEST_F(ListingFilters, FrameworksByRoleAndPrincipal) {
  const auto add = [this](const std::string& id, const std::string& principal,
                          std::vector<std::string> roles) {
    auto record = std::make_shared<FrameworkRecord>();
    record->id = FrameworkId(id);
    record->state = FrameworkState::kConnected;
    auto info = std::make_shared<v1::FrameworkInfo>();
    info->set_principal(principal);
    record->subscription.info = info;
    record->subscription.roles = std::move(roles);
    Apply(std::shared_ptr<const FrameworkRecord>(record));
  };
  add("f0", "ops", {"eng", "eng/web"});
  add("f1", "dev", {"eng"});

  EXPECT_THAT(Frameworks("role: 'eng'"), ElementsAre("f0", "f1"));
  EXPECT_THAT(Frameworks("role: 'eng/web'"), ElementsAre("f0"));
  EXPECT_THAT(Frameworks("role: 'eng' principal: 'dev'"), ElementsAre("f1"));
  EXPECT_THAT(Frameworks("role: 'sales'"), IsEmpty());
}

TEST_F(ListingFilters, TasksByLabels) {
  AddFramework("f");
  const auto add = [this](const std::string& id, uint64_t sequence, const std::string& info) {
    TaskFacts facts;
    facts.sequence = sequence;
    facts.id = TaskId(id);
    facts.framework_id = Shared<FrameworkId>(FrameworkId("f"));
    facts.description = Shared<std::string>(DescribeTask(Parsed<v1::TaskInfo>(info)));
    Apply(TaskChanged{Task{Shared<TaskFacts>(std::move(facts))}});
  };
  add("t1", 1,
      "labels { labels { key: 'tier' value: 'web' } labels { key: 'canary' } } "
      "discovery { visibility: CLUSTER name: 'd' } command { user: 'u' }");
  add("t2", 2, "labels { labels { key: 'tier' value: 'db' } }");
  add("t3", 3, "");

  EXPECT_THAT(Tasks("labels { key: 'tier' }"), ElementsAre("t1", "t2"));
  EXPECT_THAT(Tasks("labels { key: 'tier' value: 'db' }"), ElementsAre("t2"));
  EXPECT_THAT(Tasks("labels { key: 'tier' } labels { key: 'canary' }"), ElementsAre("t1"));
  EXPECT_THAT(Tasks("labels { key: 'canary' value: '' }"), IsEmpty());
}

TEST_F(ListingFilters, OperationsByStateTypeAgentAndFramework) {
  AddOperation(1, v1::Offer::Operation::RESERVE, v1::OPERATION_PENDING);
  AddOperation(2, v1::Offer::Operation::CREATE, v1::OPERATION_PENDING, "a1");
  AddOperation(3, v1::Offer::Operation::CREATE, v1::OPERATION_FINISHED);

  EXPECT_THAT(Operations("states: OPERATION_PENDING"), ElementsAre("o1", "o2"));
  EXPECT_THAT(Operations("types: CREATE"), ElementsAre("o2", "o3"));
  EXPECT_THAT(Operations("types: CREATE agent_id { value: 'a1' }"), ElementsAre("o2"));
  EXPECT_THAT(Operations("framework_id { value: 'g' }"), IsEmpty());
}

TEST_F(ListingFilters, PagesOfOperationsAreBoundedByWhatIsLookedAt) {
  for (uint64_t i = 1; i <= 25; ++i) {
    AddOperation(i, i == 25 ? v1::Offer::Operation::CREATE : v1::Offer::Operation::RESERVE,
                 v1::OPERATION_PENDING);
  }

  EXPECT_THAT(Operations("types: CREATE", {.examined_max = 10}), ElementsAre("o25"));
  EXPECT_EQ(pages_, 3);
  EXPECT_EQ(Operations("page_size: 10").size(), 25u);
  EXPECT_EQ(pages_, 3);
  EXPECT_EQ(Operations("", {.bytes_max = 1}).size(), 25u);
  EXPECT_EQ(pages_, 25);
}

// ---- Filters that can match nothing ----

struct BadFilter {
  std::string request;
  std::string expected;
};

template <typename Request, typename List>
void ExpectRefused(const std::vector<BadFilter>& rows, List list) {
  for (const BadFilter& row : rows) {
    const absl::Status status = list(Parsed<Request>(row.request)).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << row.request << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(row.expected));
  }
}

std::string Times(int n, const std::string& text) {
  std::string all;
  for (int i = 0; i < n; ++i) absl::StrAppend(&all, text, " ");
  return all;
}

TEST_F(ListingFilters, ThatBreakARuleAreRefusedByFieldAndLimit) {
  const std::string long_text = std::string(256, 'x');
  const std::string long_value = std::string(4097, 'x');
  ExpectRefused<pb::ListAgentsRequest>(
      {{absl::StrCat("hostname: '", long_text, "'"), "hostname: must have at most 255 bytes"},
       {absl::StrCat("region: '", long_text, "'"), "region: must have at most 255 bytes"},
       {absl::StrCat("zone: '", long_text, "'"), "zone: must have at most 255 bytes"},
       {"attributes {}", "attributes[0].name: must not be empty"},
       {absl::StrCat("attributes { name: 'a' value: '", long_value, "' }"),
        "attributes[0].value: must have at most 4096 bytes, has 4097"},
       {Times(17, "attributes { name: 'a' }"), "attributes: must have at most 16 entries, has 17"}},
      [&](const auto& request) { return testing::ListAgents(view_, request); });
  ExpectRefused<pb::ListFrameworksRequest>(
      {{"role: 'a//b'", "role: "},
       {absl::StrCat("principal: '", long_text, "'"), "principal: must have at most 255 bytes"}},
      [&](const auto& request) { return testing::ListFrameworks(view_, request); });
  ExpectRefused<pb::ListTasksRequest>(
      {{"framework_id { value: '' }", "framework_id.value: "},
       {"agent_id { value: 'a/b' }", "agent_id.value: "},
       {"role: ''", "role: "},
       {"labels {}", "labels[0].key: must not be empty"},
       {Times(17, "labels { key: 'a' }"), "labels: must have at most 16 entries, has 17"}},
      [&](const auto& request) { return testing::ListTasks(view_, request); });
  ExpectRefused<pb::ListOperationsRequest>(
      {{"framework_id { value: '..' }", "framework_id.value: "},
       {"agent_id {}", "agent_id.value: "},
       {"page_size: 10001", "page_size: must be at most 10000, is 10001"},
       {"page_token: 'x'", "page_token: not one that this master gave"}},
      [&](const auto& request) { return ListOperations(view_, request); });
}

// Of a newer client: to leave the filter out would show it everything.
TEST_F(ListingFilters, StatesThatThisVersionDoesNotKnowAreRefused) {
  pb::ListTasksRequest request;
  request.mutable_unknown_fields()->AddVarint(pb::ListTasksRequest::kStatesFieldNumber, 99);

  const absl::Status status = testing::ListTasks(view_, request).status();

  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_EQ(status.message(), "states: has a value that this master does not know");
}

}  // namespace
}  // namespace meros::master
