// Goal: protos/meros/v1 stays compatible on the wire with the Mesos v1 schema.
// Method: the descriptors of the generated code are compared with tables of facts, both ways; then
// the comparison itself is tried on copies of the schema into which one mistake each was made.

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "meros/v1/annotations.pb.h"
#include "tests/conformance/mesos_v1/schema_comparison.h"
#include "tests/conformance/mesos_v1/schema_table.h"

namespace meros::conformance {
namespace {

using ::google::protobuf::DescriptorPool;
using ::google::protobuf::DescriptorProto;
using ::google::protobuf::EnumDescriptorProto;
using ::google::protobuf::FieldDescriptorProto;
using ::google::protobuf::FileDescriptor;
using ::google::protobuf::FileDescriptorProto;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string SourceDirectory() {
  const char* directory = std::getenv("MEROS_SOURCE_DIR");
  return directory == nullptr ? "." : directory;
}

const SchemaTable& Table() {
  static const SchemaTable* const table =
      new SchemaTable(LoadSchemaTable(SourceDirectory() + "/tests/conformance/mesos_v1"));
  return *table;
}

// Paths of the public schema's files, relative to protos/.
std::vector<std::string> PublicFiles() {
  namespace fs = std::filesystem;
  const fs::path root = fs::path(SourceDirectory()) / "protos";
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(root / "meros" / "v1")) {
    if (entry.path().extension() == ".proto") {
      names.push_back(fs::relative(entry.path(), root).string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<const FileDescriptor*> FindFiles(const DescriptorPool& pool) {
  std::vector<const FileDescriptor*> files;
  for (const std::string& name : PublicFiles()) {
    const FileDescriptor* file = pool.FindFileByName(name);
    EXPECT_NE(file, nullptr) << name << " is not linked into this test";
    if (file != nullptr) files.push_back(file);
  }
  return files;
}

TEST(MesosV1Schema, TablesAreWhole) {
  size_t fields = 0;
  size_t values = 0;
  for (const auto& [name, rows] : Table().messages) fields += rows.size();
  for (const auto& [name, rows] : Table().enums) values += rows.size();

  EXPECT_EQ(fields, 1228u);
  EXPECT_EQ(values, 442u);
}

TEST(MesosV1Schema, EveryRowIsKeptAndNothingElseIsBelow10000) {
  const auto files = FindFiles(*DescriptorPool::generated_pool());

  EXPECT_THAT(CompareSchema(Table(), files), IsEmpty());
}

// Our services may not reach back into Mesos-derived messages: strict clients parse those.
TEST(MesosV1Schema, MesosDerivedFilesDoNotImportServiceFiles) {
  for (const FileDescriptor* file : FindFiles(*DescriptorPool::generated_pool())) {
    if (IsOurFile(*file)) continue;
    for (int i = 0; i < file->dependency_count(); ++i) {
      EXPECT_FALSE(IsOurFile(*file->dependency(i)))
          << file->name() << " imports " << file->dependency(i)->name();
    }
  }
}

// Generated descriptors do not keep the option, hence the look at the text.
TEST(MesosV1Schema, JsonNamesAreTheDefaultOnes) {
  for (const std::string& name : PublicFiles()) {
    std::ifstream file(absl::StrCat(SourceDirectory(), "/protos/", name));
    std::stringstream text;
    text << file.rdbuf();

    EXPECT_FALSE(absl::StrContains(text.str(), "json_name")) << name;
  }
}

// A copy of the public schema in which one file can be altered.
class AlteredSchema {
 public:
  using Alteration = std::function<void(FileDescriptorProto*)>;

  AlteredSchema(std::string file, Alteration alteration)
      : altered_file_(std::move(file)), alteration_(std::move(alteration)) {
    for (const FileDescriptor* file : FindFiles(*DescriptorPool::generated_pool())) Add(file);
  }

  std::vector<std::string> Differences() { return CompareSchema(Table(), FindFiles(pool_)); }

 private:
  void Add(const FileDescriptor* file) {
    if (pool_.FindFileByName(file->name()) != nullptr) return;
    for (int i = 0; i < file->dependency_count(); ++i) Add(file->dependency(i));
    FileDescriptorProto copy;
    file->CopyTo(&copy);
    if (file->name() == altered_file_) alteration_(&copy);
    EXPECT_NE(pool_.BuildFile(copy), nullptr) << file->name();
  }

  DescriptorPool pool_;
  std::string altered_file_;
  Alteration alteration_;
};

DescriptorProto* MessageIn(FileDescriptorProto* file, const std::string& name) {
  for (auto& message : *file->mutable_message_type()) {
    if (message.name() == name) return &message;
  }
  ADD_FAILURE() << "no message " << name << " in " << file->name();
  return nullptr;
}

FieldDescriptorProto* FieldIn(FileDescriptorProto* file, const std::string& message,
                              const std::string& name) {
  for (auto& field : *MessageIn(file, message)->mutable_field()) {
    if (field.name() == name) return &field;
  }
  ADD_FAILURE() << "no field " << name << " in " << message;
  return nullptr;
}

EnumDescriptorProto* EnumIn(FileDescriptorProto* file, const std::string& name) {
  for (auto& type : *file->mutable_enum_type()) {
    if (type.name() == name) return &type;
  }
  ADD_FAILURE() << "no enum " << name << " in " << file->name();
  return nullptr;
}

constexpr char kTaskFile[] = "meros/v1/task.proto";

std::vector<std::string> DifferencesIn(const std::string& file,
                                       AlteredSchema::Alteration alteration) {
  return AlteredSchema(file, std::move(alteration)).Differences();
}

TEST(SchemaComparison, AcceptsAnUnalteredCopy) {
  EXPECT_THAT(DifferencesIn(kTaskFile, [](FileDescriptorProto*) {}), IsEmpty());
}

TEST(SchemaComparison, ReportsARemovedField) {
  const auto differences = DifferencesIn(kTaskFile, [](FileDescriptorProto* file) {
    auto* fields = MessageIn(file, "TaskInfo")->mutable_field();
    fields->erase(std::find_if(fields->begin(), fields->end(),
                               [](const auto& field) { return field.name() == "kill_policy"; }));
  });

  EXPECT_THAT(differences, Contains(HasSubstr("TaskInfo.kill_policy: no such field")));
}

TEST(SchemaComparison, ReportsARenumberedField) {
  const auto differences = DifferencesIn(kTaskFile, [](FileDescriptorProto* file) {
    FieldIn(file, "TaskStatus", "uuid")->set_number(99);
  });

  EXPECT_THAT(differences, Contains(HasSubstr("TaskStatus.uuid: number is '99'")));
}

TEST(SchemaComparison, ReportsARenamedFieldBothWays) {
  const auto differences = DifferencesIn(kTaskFile, [](FileDescriptorProto* file) {
    FieldIn(file, "TaskStatus", "uuid")->set_name("update_id");
  });

  EXPECT_THAT(differences, Contains(HasSubstr("TaskStatus.uuid: no such field")));
  EXPECT_THAT(differences, Contains(HasSubstr("TaskStatus.update_id: has no row")));
}

TEST(SchemaComparison, ReportsARetypedField) {
  const auto differences = DifferencesIn(kTaskFile, [](FileDescriptorProto* file) {
    FieldIn(file, "TaskStatus", "timestamp")->set_type(FieldDescriptorProto::TYPE_FLOAT);
  });

  EXPECT_THAT(differences, Contains(HasSubstr("TaskStatus.timestamp: type is 'float'")));
}

TEST(SchemaComparison, ReportsALostRequirednessAnnotation) {
  const auto differences = DifferencesIn(kTaskFile, [](FileDescriptorProto* file) {
    FieldIn(file, "TaskInfo", "task_id")->clear_options();
  });

  EXPECT_THAT(differences, Contains(HasSubstr("TaskInfo.task_id: label is 'optional'")));
}

TEST(SchemaComparison, ReportsProto2Required) {
  const auto differences = DifferencesIn(kTaskFile, [](FileDescriptorProto* file) {
    FieldIn(file, "TaskInfo", "task_id")->set_label(FieldDescriptorProto::LABEL_REQUIRED);
  });

  EXPECT_THAT(differences, Contains(HasSubstr("TaskInfo.task_id: label is 'proto2 required'")));
}

TEST(SchemaComparison, ReportsAChangedDefault) {
  const auto differences = DifferencesIn("meros/v1/check.proto", [](FileDescriptorProto* file) {
    FieldIn(file, "HealthCheck", "grace_period_seconds")->set_default_value("11");
  });

  EXPECT_THAT(differences,
              Contains(HasSubstr("HealthCheck.grace_period_seconds: default is '11'")));
}

TEST(SchemaComparison, ReportsALostDeprecation) {
  const auto differences = DifferencesIn("meros/v1/framework.proto", [](FileDescriptorProto* file) {
    FieldIn(file, "FrameworkInfo", "role")->mutable_options()->clear_deprecated();
  });

  EXPECT_THAT(differences, Contains(HasSubstr("FrameworkInfo.role: deprecated")));
}

TEST(SchemaComparison, ReportsAFieldOfOursBelow10000) {
  const auto add_field = [](int number) {
    return [number](FileDescriptorProto* file) {
      FieldDescriptorProto* field = MessageIn(file, "TaskInfo")->add_field();
      field->set_name("ours");
      field->set_number(number);
      field->set_type(FieldDescriptorProto::TYPE_STRING);
      field->set_label(FieldDescriptorProto::LABEL_OPTIONAL);
    };
  };

  EXPECT_THAT(DifferencesIn(kTaskFile, add_field(9999)),
              Contains(HasSubstr("TaskInfo.ours: has no row")));
  EXPECT_THAT(DifferencesIn(kTaskFile, add_field(10000)), IsEmpty());
}

TEST(SchemaComparison, ReportsAnExtraMessageOutsideServiceFiles) {
  const auto differences = DifferencesIn(kTaskFile, [](FileDescriptorProto* file) {
    file->add_message_type()->set_name("TaskInfo2");
  });

  EXPECT_THAT(differences, Contains(HasSubstr("meros.v1.TaskInfo2: has no row")));
}

TEST(SchemaComparison, AcceptsANestedMessageOnlyForAFieldOfOurs) {
  const auto nest_body = [](int number) {
    return [number](FileDescriptorProto* file) {
      DescriptorProto* owner = MessageIn(file, "TaskInfo");
      owner->add_nested_type()->set_name("Body");
      FieldDescriptorProto* field = owner->add_field();
      field->set_name("body");
      field->set_number(number);
      field->set_type(FieldDescriptorProto::TYPE_MESSAGE);
      field->set_type_name(".meros.v1.TaskInfo.Body");
      field->set_label(FieldDescriptorProto::LABEL_OPTIONAL);
    };
  };

  EXPECT_THAT(DifferencesIn(kTaskFile, nest_body(10000)), IsEmpty());
  EXPECT_THAT(DifferencesIn(kTaskFile, nest_body(9999)),
              Contains(HasSubstr("TaskInfo.Body: has no row")));
}

TEST(SchemaComparison, ReportsARenumberedAndARemovedEnumValue) {
  const auto differences = DifferencesIn(kTaskFile, [](FileDescriptorProto* file) {
    auto* values = EnumIn(file, "TaskState")->mutable_value();
    values->Mutable(1)->set_number(77);
    values->RemoveLast();
  });

  EXPECT_THAT(differences, Contains(HasSubstr("TaskState.TASK_STARTING: number is '77'")));
  EXPECT_THAT(differences, Contains(HasSubstr("TaskState.TASK_UNKNOWN: no such value")));
}

TEST(SchemaComparison, ReportsAnotherFirstEnumValue) {
  const auto differences = DifferencesIn(kTaskFile, [](FileDescriptorProto* file) {
    EnumIn(file, "TaskState")->mutable_value()->SwapElements(0, 1);
  });

  EXPECT_THAT(differences, Contains(HasSubstr("TaskState: first value is 'TASK_STARTING'")));
}

}  // namespace
}  // namespace meros::conformance
