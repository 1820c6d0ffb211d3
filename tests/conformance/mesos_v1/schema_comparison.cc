#include "tests/conformance/mesos_v1/schema_comparison.h"

#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "meros/v1/annotations.pb.h"

namespace meros::conformance {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::EnumDescriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::FileDescriptor;

// Everything declared in a set of files, by full name.
struct Declarations {
  std::map<std::string, const Descriptor*> messages;
  std::map<std::string, const EnumDescriptor*> enums;
};

void CollectMessage(const Descriptor* message, Declarations* all) {
  all->messages[message->full_name()] = message;
  for (int i = 0; i < message->enum_type_count(); ++i) {
    all->enums[message->enum_type(i)->full_name()] = message->enum_type(i);
  }
  for (int i = 0; i < message->nested_type_count(); ++i) {
    CollectMessage(message->nested_type(i), all);
  }
}

Declarations Collect(const std::vector<const FileDescriptor*>& files) {
  Declarations all;
  for (const FileDescriptor* file : files) {
    for (int i = 0; i < file->enum_type_count(); ++i) {
      all.enums[file->enum_type(i)->full_name()] = file->enum_type(i);
    }
    for (int i = 0; i < file->message_type_count(); ++i) {
      CollectMessage(file->message_type(i), &all);
    }
  }
  return all;
}

// Messages without fields have no rows; the table knows them as types of fields or as scopes.
std::set<std::string> MessagesKnownToTable(const SchemaTable& table) {
  std::set<std::string> known;
  const auto add_with_scopes = [&known](std::string name) {
    for (; !name.empty(); name = name.substr(0, name.find_last_of('.'))) {
      known.insert(name);
      if (!absl::StrContains(name, '.')) break;
    }
  };
  for (const auto& [message, rows] : table.messages) {
    add_with_scopes(message);
    for (const FieldRow& row : rows) known.insert(row.type);
  }
  for (const auto& [name, rows] : table.enums) add_with_scopes(name);
  return known;
}

std::string TypeOf(const FieldDescriptor* field) {
  if (field->message_type() != nullptr) return field->message_type()->full_name();
  if (field->enum_type() != nullptr) return field->enum_type()->full_name();
  return field->type_name();
}

// The label as the tables have it: `required` is an option of ours on an optional field.
std::string LabelOf(const FieldDescriptor* field) {
  if (field->is_required()) return "proto2 required";
  const bool required = field->options().GetExtension(meros::v1::required);
  if (field->is_repeated()) return required ? "repeated and required" : "repeated";
  return required ? "required" : "optional";
}

std::string DefaultOf(const FieldDescriptor* field) {
  if (!field->has_default_value()) return "";
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32: return absl::StrCat(field->default_value_int32());
    case FieldDescriptor::CPPTYPE_INT64: return absl::StrCat(field->default_value_int64());
    case FieldDescriptor::CPPTYPE_UINT32: return absl::StrCat(field->default_value_uint32());
    case FieldDescriptor::CPPTYPE_UINT64: return absl::StrCat(field->default_value_uint64());
    case FieldDescriptor::CPPTYPE_DOUBLE: return absl::StrCat(field->default_value_double());
    case FieldDescriptor::CPPTYPE_FLOAT: return absl::StrCat(field->default_value_float());
    case FieldDescriptor::CPPTYPE_BOOL: return field->default_value_bool() ? "true" : "false";
    case FieldDescriptor::CPPTYPE_ENUM: return field->default_value_enum()->name();
    case FieldDescriptor::CPPTYPE_STRING: return field->default_value_string();
    case FieldDescriptor::CPPTYPE_MESSAGE: break;
  }
  return "";
}

class Comparison {
 public:
  Comparison(const SchemaTable& table, const std::vector<const FileDescriptor*>& files)
      : table_(table), found_(Collect(files)) {}

  std::vector<std::string> Run() {
    for (const auto& [message, rows] : table_.messages) CompareFields(message, rows);
    for (const auto& [name, rows] : table_.enums) CompareValues(name, rows);
    ReportExtraMessages();
    ReportExtraEnums();
    return std::move(differences_);
  }

 private:
  template <typename T>
  void Expect(const std::string& what, const char* property, const T& want, const T& found) {
    if (want == found) return;
    differences_.push_back(
        absl::StrCat(what, ": ", property, " is '", found, "', the table has '", want, "'"));
  }

  void CompareFields(const std::string& name, const std::vector<FieldRow>& rows) {
    const auto it = found_.messages.find(name);
    if (it == found_.messages.end()) {
      differences_.push_back(absl::StrCat(name, ": no such message"));
      return;
    }
    std::set<std::string> in_table;
    for (const FieldRow& row : rows) {
      in_table.insert(row.name);
      CompareField(row, it->second->FindFieldByName(row.name));
    }
    ReportExtraFields(it->second, in_table);
  }

  void CompareField(const FieldRow& row, const FieldDescriptor* field) {
    const std::string what = absl::StrCat(row.message, ".", row.name);
    if (field == nullptr) {
      differences_.push_back(absl::StrCat(what, ": no such field"));
      return;
    }
    const auto* oneof = field->containing_oneof();
    Expect(what, "number", row.number, field->number());
    Expect(what, "label", row.label, LabelOf(field));
    Expect(what, "type", row.type, TypeOf(field));
    Expect(what, "default", row.default_value, DefaultOf(field));
    Expect(what, "oneof", row.oneof, oneof == nullptr ? std::string() : oneof->name());
    Expect(what, "packed", row.is_packed, field->is_packed());
    Expect(what, "deprecated", row.is_deprecated, field->options().deprecated());
  }

  void ReportExtraFields(const Descriptor* message, const std::set<std::string>& in_table) {
    for (int i = 0; i < message->field_count(); ++i) {
      const FieldDescriptor* field = message->field(i);
      if (in_table.count(field->name()) > 0 || field->number() >= kFirstNumberOfOurs) continue;
      differences_.push_back(absl::StrCat(field->full_name(), ": has no row and is numbered ",
                                          field->number(), ", below ", kFirstNumberOfOurs));
    }
  }

  void CompareValues(const std::string& name, const std::vector<EnumValueRow>& rows) {
    const auto it = found_.enums.find(name);
    if (it == found_.enums.end()) {
      differences_.push_back(absl::StrCat(name, ": no such enum"));
      return;
    }
    std::set<std::string> in_table;
    for (const EnumValueRow& row : rows) {
      in_table.insert(row.name);
      const auto* value = it->second->FindValueByName(row.name);
      const std::string what = absl::StrCat(name, ".", row.name);
      if (value == nullptr) {
        differences_.push_back(absl::StrCat(what, ": no such value"));
      } else {
        Expect(what, "number", row.number, value->number());
      }
    }
    // Proto2 reads an unset field as the first value declared.
    Expect(name, "first value", rows.front().name, it->second->value(0)->name());
    for (int i = 0; i < it->second->value_count(); ++i) {
      const auto* value = it->second->value(i);
      if (in_table.count(value->name()) > 0 || value->number() >= kFirstNumberOfOurs) continue;
      differences_.push_back(absl::StrCat(value->full_name(), ": has no row and is numbered ",
                                          value->number(), ", below ", kFirstNumberOfOurs));
    }
  }

  void ReportExtraMessages() {
    const std::set<std::string> known = MessagesKnownToTable(table_);
    for (const auto& [name, message] : found_.messages) {
      if (table_.messages.count(name) > 0 || IsOurs(message)) continue;
      if (known.count(name) == 0) {
        differences_.push_back(absl::StrCat(name, ": has no row, and ", message->file()->name(),
                                            " is not a file of our own services"));
      }
      ReportExtraFields(message, {});
    }
    for (const std::string& name : known) {
      if (absl::StartsWith(name, "meros.v1.") && !Exists(name)) {
        differences_.push_back(absl::StrCat(name, ": no such message, enum or package"));
      }
    }
  }

  // Whether a message is of a file of ours, or nested in a Mesos-derived one for fields of ours
  // only: the entry of a map, or the body of an event.
  static bool IsOurs(const Descriptor* message) {
    if (message == nullptr) return false;
    return IsOurFile(*message->file()) || IsOurs(message->containing_type()) ||
           IsUsedByFieldsOfOursOnly(message);
  }

  static bool IsUsedByFieldsOfOursOnly(const Descriptor* nested) {
    const Descriptor* owner = nested->containing_type();
    if (owner == nullptr) return false;
    int uses = 0;
    for (int i = 0; i < owner->field_count(); ++i) {
      if (owner->field(i)->message_type() != nested) continue;
      if (owner->field(i)->number() < kFirstNumberOfOurs) return false;
      ++uses;
    }
    return uses > 0;
  }

  bool Exists(const std::string& name) const {
    if (found_.messages.count(name) > 0 || found_.enums.count(name) > 0) return true;
    const auto next = found_.messages.lower_bound(absl::StrCat(name, "."));
    return next != found_.messages.end() && absl::StartsWith(next->first, name) &&
           next->second->file()->package() == name;
  }

  void ReportExtraEnums() {
    for (const auto& [name, descriptor] : found_.enums) {
      if (table_.enums.count(name) > 0 || IsOurFile(*descriptor->file()) ||
          IsOurs(descriptor->containing_type())) {
        continue;
      }
      differences_.push_back(absl::StrCat(name, ": has no row, and ", descriptor->file()->name(),
                                          " is not a file of our own services"));
    }
  }

  const SchemaTable& table_;
  const Declarations found_;
  std::vector<std::string> differences_;
};

}  // namespace

bool IsOurFile(const FileDescriptor& file) {
  return absl::EndsWith(file.name(), "_service.proto") ||
         absl::StrContains(file.name(), "/operator/");
}

std::vector<std::string> CompareSchema(const SchemaTable& table,
                                       const std::vector<const FileDescriptor*>& files) {
  return Comparison(table, files).Run();
}

}  // namespace meros::conformance
