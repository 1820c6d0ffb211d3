// Goal: records keep their shape whatever is in them, and disabled records cost nothing.
// Method: format records directly; count evaluations behind the macro.
#include "libs/telemetry/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meros::telemetry {
namespace {

using ::testing::HasSubstr;

LogRecord ARecord() {
  return {.time = absl::FromUnixMicros(1'000'000),
          .severity = Severity::kWarning,
          .service = "master",
          .source = "a.cc:7",
          .message = "agent lost",
          .fields = {Field("agent_id", "S1"), Field("tasks", 3)}};
}

TEST(Log, TextHasTimeLevelServiceSourceMessageAndFields) {
  EXPECT_EQ(FormatLogRecord(ARecord(), LogFormat::kText),
            "1970-01-01T00:00:01.000000Z warning master a.cc:7] agent lost agent_id=S1 tasks=3");
}

TEST(Log, JsonHasTheSame) {
  EXPECT_EQ(
      FormatLogRecord(ARecord(), LogFormat::kJson),
      "{\"time\":\"1970-01-01T00:00:01.000000Z\",\"level\":\"warning\",\"service\":\"master\","
      "\"source\":\"a.cc:7\",\"message\":\"agent lost\",\"agent_id\":\"S1\",\"tasks\":\"3\"}");
}

TEST(Log, HostileValuesCannotForgeARecord) {
  LogRecord record = ARecord();
  record.message = "a\nb\x01";
  record.fields = {Field("name", "x\" level=\"error\n")};

  EXPECT_THAT(FormatLogRecord(record, LogFormat::kText),
              HasSubstr("a\\nb\\u0001 name=\"x\\\" level=\\\"error\\n\""));
  EXPECT_THAT(FormatLogRecord(record, LogFormat::kJson),
              HasSubstr("\"name\":\"x\\\" level=\\\"error\\n\""));
}

TEST(Log, LongValuesAreCut) {
  LogRecord record = ARecord();
  record.message = std::string(1 << 20, 'x');

  EXPECT_LT(FormatLogRecord(record, LogFormat::kJson).size(), kLogTextMax + 300);
}

TEST(Log, FieldsTakeWhatWeLog) {
  EXPECT_EQ(Field("a", true).value(), "true");
  EXPECT_EQ(Field("a", absl::Milliseconds(1500)).value(), "1.5s");
  EXPECT_EQ(Field("a", absl::NotFoundError("gone")).value(), "NOT_FOUND: gone");
}

TEST(Log, DisabledRecordsEvaluateNothing) {
  int evaluated = 0;
  const auto expensive = [&evaluated] { return ++evaluated; };

  SetLogLevel(Severity::kWarning);
  MEROS_LOG(INFO) << expensive();
  MEROS_LOG(DEBUG) << Field("n", expensive());
  EXPECT_EQ(evaluated, 0);

  SetLogLevel(Severity::kDebug);
  MEROS_LOG(DEBUG) << expensive() << " {} braces stay" << Field("n", expensive());
  EXPECT_EQ(evaluated, 2);
}

TEST(Log, NamesParseBothWays) {
  for (Severity severity :
       {Severity::kDebug, Severity::kInfo, Severity::kWarning, Severity::kError}) {
    EXPECT_EQ(*ParseSeverity(SeverityName(severity)), severity);
  }
  EXPECT_EQ(ParseSeverity("loud").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ParseLogFormat("xml").status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace meros::telemetry
