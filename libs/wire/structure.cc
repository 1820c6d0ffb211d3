#include "libs/wire/structure.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

#include "libs/base/mutex.h"
#include "libs/base/status_macros.h"
#include "meros/v1/annotations.pb.h"
#include "meros/v1/ids.pb.h"
#include "meros/v1/resource.pb.h"

namespace meros::wire {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MessageFactory;
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

// Accepts a message at a glance. False means "look closer", not "wrong".
using Shortcut = bool (*)(const Message& message);

template <typename Id>
bool IsPlainId(const Message& message) {
  const Id& id = static_cast<const Id&>(message);
  return id.has_value() && IsUtf8(id.value());
}

// A resource without disk, dynamic reservation and provider: nearly all of them.
bool IsPlainResource(const Message& message) {
  const auto& resource = static_cast<const meros::v1::Resource&>(message);
  const auto is_whole = [](const meros::v1::Value::Range& range) {
    return range.has_begin() && range.has_end();
  };
  return resource.has_name() && IsUtf8(resource.name()) && resource.has_type() &&
         !resource.has_disk() && !resource.has_reservation() && !resource.has_provider_id() &&
         !resource.has_set() && resource.reservations().empty() && IsUtf8(resource.role()) &&
         IsUtf8(resource.allocation_info().role()) &&
         (!resource.has_scalar() || resource.scalar().has_value()) &&
         std::all_of(resource.ranges().range().begin(), resource.ranges().range().end(), is_whole);
}

// Shortcuts for the messages that calls consist of mostly. Reflection costs about 0.1 us a message,
// and a launch holds more than a dozen of these.
Shortcut ShortcutFor(const Descriptor* descriptor) {
  static const auto* const shortcuts = new std::map<const Descriptor*, Shortcut>{
      {meros::v1::FrameworkID::descriptor(), IsPlainId<meros::v1::FrameworkID>},
      {meros::v1::AgentID::descriptor(), IsPlainId<meros::v1::AgentID>},
      {meros::v1::TaskID::descriptor(), IsPlainId<meros::v1::TaskID>},
      {meros::v1::OfferID::descriptor(), IsPlainId<meros::v1::OfferID>},
      {meros::v1::ExecutorID::descriptor(), IsPlainId<meros::v1::ExecutorID>},
      {meros::v1::Resource::descriptor(), IsPlainResource},
  };
  const auto found = shortcuts->find(descriptor);
  return found == shortcuts->end() ? nullptr : found->second;
}

}  // namespace

// What to do with a field that is set.
struct FieldPlan {
  bool required = false;
  bool text = false;
  const StructurePlan* message = nullptr;  // The plan of its type; null if nothing in it can fail.
};

class StructurePlan {
 public:
  std::vector<FieldPlan> fields;  // By index in the descriptor.
  std::vector<const FieldDescriptor*> required;
  Shortcut shortcut = nullptr;
  // Kept here because asking each message for its own costs more than using it.
  const Reflection* reflection = nullptr;
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
    plan->shortcut = ShortcutFor(descriptor);
    plan->reflection =
        MessageFactory::generated_factory()->GetPrototype(descriptor)->GetReflection();
    for (int i = 0; i < descriptor->field_count(); ++i) {
      const FieldDescriptor* field = descriptor->field(i);
      FieldPlan entry;
      entry.required = field->options().GetExtension(meros::v1::required);
      entry.text = field->type() == FieldDescriptor::TYPE_STRING;
      // A type without fields has nothing to check.
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
          field->message_type()->field_count() > 0) {
        entry.message = &Plan(field->message_type());
      }
      if (entry.required) plan->required.push_back(field);
      plan->fields.push_back(entry);
    }
    return *plan;
  }

  Mutex mutex_;
  std::map<const Descriptor*, std::unique_ptr<StructurePlan>> plans_ MEROS_GUARDED_BY(mutex_);
};

// Walks one message. Asking protobuf for the list of fields that are set costs a third of asking
// for each field; the lists of all levels share one buffer.
class Walk {
 public:
  absl::Status Check(const StructurePlan& plan, const Message& message, const FieldPath& path) {
    if (plan.shortcut != nullptr && plan.shortcut(message)) return absl::OkStatus();
    plan.reflection->ListFields(message, &set_);
    const size_t begin = stack_.size();
    size_t required_left = plan.required.size();
    for (const FieldDescriptor* field : set_) {
      if (field->is_extension()) continue;
      const FieldPlan& entry = plan.fields[static_cast<size_t>(field->index())];
      if (entry.required) --required_left;
      if (entry.text) MEROS_RETURN_IF_ERROR(CheckText(*plan.reflection, message, field, path));
      if (entry.message != nullptr) stack_.push_back(field);
    }
    if (required_left > 0) return Missing(plan, message, path);
    const size_t end = stack_.size();
    for (size_t i = begin; i < end; ++i) {
      const FieldDescriptor* field = stack_[i];
      MEROS_RETURN_IF_ERROR(CheckChild(plan, message, field, path));
    }
    stack_.resize(begin);
    return absl::OkStatus();
  }

 private:
  static absl::Status Missing(const StructurePlan& plan, const Message& message,
                              const FieldPath& path) {
    for (const FieldDescriptor* field : plan.required) {
      if (!plan.reflection->HasField(message, field)) {
        return path.Field(Name(field)).Fault("must be set");
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckChild(const StructurePlan& plan, const Message& message,
                          const FieldDescriptor* field, const FieldPath& path) {
    const StructurePlan& child = *plan.fields[static_cast<size_t>(field->index())].message;
    const Reflection& reflection = *plan.reflection;
    if (!field->is_repeated()) {
      return Check(child, reflection.GetMessage(message, field), path.Field(Name(field)));
    }
    const int size = reflection.FieldSize(message, field);
    for (int i = 0; i < size; ++i) {
      MEROS_RETURN_IF_ERROR(Check(child, reflection.GetRepeatedMessage(message, field, i),
                                  path.Item(Name(field), i)));
    }
    return absl::OkStatus();
  }

  absl::Status CheckText(const Reflection& reflection, const Message& message,
                         const FieldDescriptor* field, const FieldPath& path) {
    if (!field->is_repeated()) {
      const std::string& text = reflection.GetStringReference(message, field, &scratch_);
      return IsUtf8(text) ? absl::OkStatus() : path.Field(Name(field)).Fault("must be UTF-8");
    }
    const int size = reflection.FieldSize(message, field);
    for (int i = 0; i < size; ++i) {
      if (!IsUtf8(reflection.GetRepeatedStringReference(message, field, i, &scratch_))) {
        return path.Item(Name(field), i).Fault("must be UTF-8");
      }
    }
    return absl::OkStatus();
  }

  std::vector<const FieldDescriptor*> set_;    // Of the message at hand.
  std::vector<const FieldDescriptor*> stack_;  // Messages still to visit, of all levels.
  std::string scratch_;
};

}  // namespace

const StructurePlan& StructurePlanFor(const Descriptor* descriptor) {
  static PlanBook* const book = new PlanBook();
  return book->For(descriptor);
}

absl::Status CheckStructure(const StructurePlan& plan, const Message& message,
                            const FieldPath& path) {
  return Walk().Check(plan, message, path);
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
