#include "libs/wire/structure.h"

#include <google/protobuf/descriptor.h>

#include <cstring>
#include <map>
#include <memory>
#include <vector>

#include "libs/base/mutex.h"
#include "libs/base/status_macros.h"
#include "meros/v1/annotations.pb.h"

namespace meros::wire {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

absl::string_view Name(const FieldDescriptor* field) { return field->name(); }

// A byte string's length of the UTF-8 sequence at its front; 0 if it is none.
size_t SequenceLength(absl::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](size_t count) {
    if (text.size() < count + 1) return false;
    for (size_t i = 1; i <= count; ++i) {
      if ((byte(i) & 0xC0) != 0x80) return false;
    }
    return true;
  };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (!continues(2)) return 0;
    const bool overlong = first == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = first == 0xED && byte(1) > 0x9F;
    return overlong || surrogate ? 0 : 3;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (!continues(3)) return 0;
    const bool overlong = first == 0xF0 && byte(1) < 0x90;
    const bool too_large = first == 0xF4 && byte(1) > 0x8F;
    return overlong || too_large ? 0 : 4;
  }
  return 0;
}

}  // namespace

class StructurePlan {
 public:
  struct Child {
    const FieldDescriptor* field;
    const StructurePlan* plan;
  };

  std::vector<const FieldDescriptor*> required;
  std::vector<const FieldDescriptor*> text;
  std::vector<Child> children;
};

namespace {

// All plans. Plans of types that refer to each other point to each other, so they live for ever.
class PlanBook {
 public:
  const StructurePlan& For(const Descriptor* descriptor) {
    MutexLock lock(&mutex_);
    return Plan(descriptor);
  }

 private:
  const StructurePlan& Plan(const Descriptor* descriptor) MEROS_REQUIRES(mutex_) {
    std::unique_ptr<StructurePlan>& slot = plans_[descriptor];
    if (slot != nullptr) return *slot;
    slot = std::make_unique<StructurePlan>();
    // The slot is filled before its children are planned, because types may contain themselves.
    StructurePlan* const plan = slot.get();
    for (int i = 0; i < descriptor->field_count(); ++i) {
      const FieldDescriptor* field = descriptor->field(i);
      if (field->options().GetExtension(meros::v1::required)) plan->required.push_back(field);
      if (field->type() == FieldDescriptor::TYPE_STRING) plan->text.push_back(field);
      if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
      const StructurePlan& child = Plan(field->message_type());
      // A type without fields has nothing to check.
      if (field->message_type()->field_count() > 0) plan->children.push_back({field, &child});
    }
    return *plan;
  }

  Mutex mutex_;
  std::map<const Descriptor*, std::unique_ptr<StructurePlan>> plans_ MEROS_GUARDED_BY(mutex_);
};

absl::Status CheckText(const Message& message, const FieldDescriptor* field,
                       const FieldPath& path) {
  const Reflection* reflection = message.GetReflection();
  std::string scratch;
  if (!field->is_repeated()) {
    if (!reflection->HasField(message, field)) return absl::OkStatus();
    const std::string& text = reflection->GetStringReference(message, field, &scratch);
    return IsUtf8(text) ? absl::OkStatus() : path.Field(Name(field)).Fault("must be UTF-8");
  }
  const int size = reflection->FieldSize(message, field);
  for (int i = 0; i < size; ++i) {
    if (!IsUtf8(reflection->GetRepeatedStringReference(message, field, i, &scratch))) {
      return path.Item(Name(field), i).Fault("must be UTF-8");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckChild(const Message& message, const StructurePlan::Child& child,
                        const FieldPath& path) {
  const Reflection* reflection = message.GetReflection();
  if (!child.field->is_repeated()) {
    if (!reflection->HasField(message, child.field)) return absl::OkStatus();
    return CheckStructure(*child.plan, reflection->GetMessage(message, child.field),
                          path.Field(Name(child.field)));
  }
  const int size = reflection->FieldSize(message, child.field);
  for (int i = 0; i < size; ++i) {
    MEROS_RETURN_IF_ERROR(CheckStructure(*child.plan,
                                         reflection->GetRepeatedMessage(message, child.field, i),
                                         path.Item(Name(child.field), i)));
  }
  return absl::OkStatus();
}

}  // namespace

const StructurePlan& StructurePlanFor(const Descriptor* descriptor) {
  static PlanBook* const book = new PlanBook();
  return book->For(descriptor);
}

absl::Status CheckStructure(const StructurePlan& plan, const Message& message,
                            const FieldPath& path) {
  const Reflection* reflection = message.GetReflection();
  for (const FieldDescriptor* field : plan.required) {
    if (!reflection->HasField(message, field)) return path.Field(Name(field)).Fault("must be set");
  }
  for (const FieldDescriptor* field : plan.text) {
    MEROS_RETURN_IF_ERROR(CheckText(message, field, path));
  }
  for (const StructurePlan::Child& child : plan.children) {
    MEROS_RETURN_IF_ERROR(CheckChild(message, child, path));
  }
  return absl::OkStatus();
}

bool IsUtf8(absl::string_view text) {
  while (text.size() >= sizeof(uint64_t)) {
    // Eight ASCII characters at a time: nearly all text is.
    uint64_t word = 0;
    std::memcpy(&word, text.data(), sizeof(word));
    if ((word & 0x8080808080808080u) != 0) break;
    text.remove_prefix(sizeof(word));
  }
  while (!text.empty()) {
    const size_t length = SequenceLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace meros::wire
