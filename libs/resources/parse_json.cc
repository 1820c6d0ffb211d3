// The JSON form of resources. The only file here that knows the JSON library.
#include <functional>
#include <initializer_list>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/resources/parse.h"
#include "libs/resources/reservation_formats.h"
#include "libs/resources/roles.h"
#include "libs/resources/validation.h"

namespace meros::resources {
namespace {

using Json = nlohmann::json;

// A place in the document: its value and its path, such as "[2].disk.persistence".
class Node {
 public:
  Node(const Json* value, std::string path) : value_(value), path_(std::move(path)) {}

  template <typename... Args>
  absl::Status Fault(const Args&... args) const {
    return absl::InvalidArgumentError(absl::StrCat(path_, ": ", args...));
  }

  // An object with no other fields than `names`.
  absl::Status ExpectObject(std::initializer_list<absl::string_view> names) const {
    if (!value_->is_object()) return Fault("must be an object");
    for (auto field = value_->begin(); field != value_->end(); ++field) {
      if (std::find(names.begin(), names.end(), absl::string_view(field.key())) == names.end()) {
        return Fault("has the unknown field '", absl::CHexEscape(field.key()), "'");
      }
    }
    return absl::OkStatus();
  }

  // REQUIRES: an object.
  bool Has(const char* name) const { return value_->contains(name); }
  // Missing fields read as null, which is of no type that is ever expected.
  Node Field(const char* name) const {
    static const Json* const null = new Json();
    const auto found = value_->find(name);
    return Node(found == value_->end() ? null : &*found, absl::StrCat(path_, ".", name));
  }

  absl::StatusOr<std::string> Text() const {
    if (!value_->is_string()) return Fault("must be a string");
    return value_->get<std::string>();
  }
  absl::StatusOr<std::optional<std::string>> OptionalText(const char* name) const {
    if (!Has(name)) return std::optional<std::string>();
    MEROS_ASSIGN_OR_RETURN(std::string text, Field(name).Text());
    return std::optional<std::string>(std::move(text));
  }
  absl::StatusOr<double> Number() const {
    if (!value_->is_number()) return Fault("must be a number");
    return value_->get<double>();
  }
  // As a number, or as a string of digits, which is how protobuf's JSON writes 64-bit numbers.
  absl::StatusOr<uint64_t> Whole() const {
    uint64_t number = 0;
    if (value_->is_number_unsigned()) return value_->get<uint64_t>();
    if (value_->is_string() && absl::SimpleAtoi(value_->get_ref<const std::string&>(), &number)) {
      return number;
    }
    return Fault("must be a whole number >= 0");
  }
  // Calls `visit` with each item of an array until one fails.
  absl::Status ForEach(size_t max, const std::function<absl::Status(const Node&)>& visit) const {
    if (!value_->is_array()) return Fault("must be an array");
    if (value_->size() > max) {
      return Fault("has ", value_->size(), " items, at most ", max, " are accepted");
    }
    for (size_t i = 0; i < value_->size(); ++i) {
      MEROS_RETURN_IF_ERROR(visit(Node(&(*value_)[i], absl::StrCat(path_, "[", i, "]"))));
    }
    return absl::OkStatus();
  }

 private:
  const Json* value_;
  std::string path_;
};

absl::StatusOr<Value> ReadScalar(const Node& node) {
  MEROS_RETURN_IF_ERROR(node.ExpectObject({"value"}));
  MEROS_ASSIGN_OR_RETURN(const double number, node.Field("value").Number());
  const absl::StatusOr<Scalar> scalar = Scalar::FromDouble(number);
  if (!scalar.ok()) return node.Field("value").Fault(scalar.status().message());
  return Value(*scalar);
}

absl::StatusOr<Value> ReadRanges(const Node& node) {
  MEROS_RETURN_IF_ERROR(node.ExpectObject({"range"}));
  std::vector<Range> ranges;
  MEROS_RETURN_IF_ERROR(node.Field("range").ForEach(kMaxRanges, [&](const Node& item) {
    MEROS_RETURN_IF_ERROR(item.ExpectObject({"begin", "end"}));
    Range range;
    MEROS_ASSIGN_OR_RETURN(range.begin, item.Field("begin").Whole());
    MEROS_ASSIGN_OR_RETURN(range.end, item.Field("end").Whole());
    ranges.push_back(range);
    return absl::OkStatus();
  }));
  absl::StatusOr<Ranges> value = Ranges::FromDisjoint(ranges);
  if (!value.ok()) return node.Fault(value.status().message());
  return Value(*std::move(value));
}

absl::StatusOr<Value> ReadSet(const Node& node) {
  MEROS_RETURN_IF_ERROR(node.ExpectObject({"item"}));
  std::vector<std::string> items;
  MEROS_RETURN_IF_ERROR(node.Field("item").ForEach(kMaxSetItems, [&](const Node& item) {
    MEROS_ASSIGN_OR_RETURN(std::string text, item.Text());
    items.push_back(std::move(text));
    return absl::OkStatus();
  }));
  absl::StatusOr<StringSet> value = StringSet::FromUnique(std::move(items));
  if (!value.ok()) return node.Fault(value.status().message());
  return Value(*std::move(value));
}

absl::StatusOr<Value> ReadValue(const Node& node) {
  MEROS_ASSIGN_OR_RETURN(const std::string type, node.Field("type").Text());
  const int members =
      (node.Has("scalar") ? 1 : 0) + (node.Has("ranges") ? 1 : 0) + (node.Has("set") ? 1 : 0);
  if (members != 1) return node.Fault("must have exactly one of scalar, ranges and set");
  if (type == "SCALAR") return ReadScalar(node.Field("scalar"));
  if (type == "RANGES") return ReadRanges(node.Field("ranges"));
  if (type == "SET") return ReadSet(node.Field("set"));
  return node.Field("type").Fault("must be SCALAR, RANGES or SET, got '", absl::CHexEscape(type),
                                  "'");
}

absl::StatusOr<std::vector<Label>> ReadLabels(const Node& node) {
  MEROS_RETURN_IF_ERROR(node.ExpectObject({"labels"}));
  std::vector<Label> labels;
  MEROS_RETURN_IF_ERROR(node.Field("labels").ForEach(kMaxLabels, [&](const Node& item) {
    MEROS_RETURN_IF_ERROR(item.ExpectObject({"key", "value"}));
    Label label;
    MEROS_ASSIGN_OR_RETURN(label.key, item.Field("key").Text());
    MEROS_ASSIGN_OR_RETURN(label.value, item.OptionalText("value"));
    labels.push_back(std::move(label));
    return absl::OkStatus();
  }));
  return labels;
}

// A level of a stack. Within the older format kind and role are implied and must be absent.
absl::StatusOr<Reservation> ReadReservation(const Node& node, bool is_older_format) {
  MEROS_RETURN_IF_ERROR(node.ExpectObject({"type", "role", "principal", "labels"}));
  Reservation level;
  if (!is_older_format) {
    MEROS_ASSIGN_OR_RETURN(const std::string type, node.Field("type").Text());
    if (type != "STATIC" && type != "DYNAMIC") {
      return node.Field("type").Fault("must be STATIC or DYNAMIC");
    }
    level.kind = type == "STATIC" ? Reservation::Kind::kStatic : Reservation::Kind::kDynamic;
    MEROS_ASSIGN_OR_RETURN(level.role, node.Field("role").Text());
  } else if (node.Has("type") || node.Has("role")) {
    return node.Fault("must not have type or role; 'reservations' has");
  }
  MEROS_ASSIGN_OR_RETURN(level.principal, node.OptionalText("principal"));
  if (node.Has("labels")) {
    MEROS_ASSIGN_OR_RETURN(level.labels, ReadLabels(node.Field("labels")));
  }
  return level;
}

absl::StatusOr<std::vector<Reservation>> ReadStack(const Node& node,
                                                   absl::string_view default_role) {
  ReservationFields fields;
  MEROS_ASSIGN_OR_RETURN(fields.role, node.OptionalText("role"));
  if (node.Has("reservation")) {
    MEROS_ASSIGN_OR_RETURN(fields.reservation, ReadReservation(node.Field("reservation"), true));
  }
  if (node.Has("reservations")) {
    MEROS_RETURN_IF_ERROR(
        node.Field("reservations").ForEach(kMaxReservationDepth, [&](const Node& item) {
          MEROS_ASSIGN_OR_RETURN(Reservation level, ReadReservation(item, false));
          fields.reservations.push_back(std::move(level));
          return absl::OkStatus();
        }));
  }
  if (!fields.role && fields.reservations.empty()) fields.role = std::string(default_role);
  absl::StatusOr<std::vector<Reservation>> stack = ToStack(std::move(fields));
  if (!stack.ok()) return node.Fault(stack.status().message());
  return stack;
}

absl::StatusOr<std::string> ReadRoot(const Node& node) {
  MEROS_RETURN_IF_ERROR(node.ExpectObject({"root"}));
  return node.Field("root").Text();
}

absl::StatusOr<DiskSource> ReadSource(const Node& node) {
  MEROS_RETURN_IF_ERROR(
      node.ExpectObject({"type", "path", "mount", "vendor", "id", "metadata", "profile"}));
  static constexpr std::pair<absl::string_view, DiskSource::Kind> kKinds[] = {
      {"PATH", DiskSource::Kind::kPath},
      {"MOUNT", DiskSource::Kind::kMount},
      {"BLOCK", DiskSource::Kind::kBlock},
      {"RAW", DiskSource::Kind::kRaw}};
  MEROS_ASSIGN_OR_RETURN(const std::string type, node.Field("type").Text());
  const auto* kind = std::find_if(std::begin(kKinds), std::end(kKinds),
                                  [&](const auto& entry) { return entry.first == type; });
  if (kind == std::end(kKinds)) {
    return node.Field("type").Fault("must be PATH, MOUNT, BLOCK or RAW");
  }
  DiskSource source;
  source.kind = kind->second;
  if ((node.Has("path") && source.kind != DiskSource::Kind::kPath) ||
      (node.Has("mount") && source.kind != DiskSource::Kind::kMount)) {
    return node.Fault("has a path or mount that does not match its type ", type);
  }
  if (node.Has("path")) {
    MEROS_ASSIGN_OR_RETURN(source.root, ReadRoot(node.Field("path")));
  }
  if (node.Has("mount")) {
    MEROS_ASSIGN_OR_RETURN(source.root, ReadRoot(node.Field("mount")));
  }
  MEROS_ASSIGN_OR_RETURN(source.vendor, node.OptionalText("vendor"));
  MEROS_ASSIGN_OR_RETURN(source.id, node.OptionalText("id"));
  MEROS_ASSIGN_OR_RETURN(source.profile, node.OptionalText("profile"));
  if (node.Has("metadata")) {
    MEROS_ASSIGN_OR_RETURN(source.metadata, ReadLabels(node.Field("metadata")));
  }
  return source;
}

absl::StatusOr<Disk> ReadDisk(const Node& node) {
  MEROS_RETURN_IF_ERROR(node.ExpectObject({"persistence", "volume", "source"}));
  Disk disk;
  if (node.Has("persistence")) {
    const Node persistence = node.Field("persistence");
    MEROS_RETURN_IF_ERROR(persistence.ExpectObject({"id", "principal"}));
    disk.persistence.emplace();
    MEROS_ASSIGN_OR_RETURN(disk.persistence->id, persistence.Field("id").Text());
    MEROS_ASSIGN_OR_RETURN(disk.persistence->principal, persistence.OptionalText("principal"));
  }
  if (node.Has("volume")) {
    const Node volume = node.Field("volume");
    MEROS_RETURN_IF_ERROR(volume.ExpectObject({"container_path", "mode"}));
    disk.volume.emplace();
    MEROS_ASSIGN_OR_RETURN(disk.volume->container_path, volume.Field("container_path").Text());
    MEROS_ASSIGN_OR_RETURN(const std::string mode, volume.Field("mode").Text());
    if (mode != "RW" && mode != "RO") return volume.Field("mode").Fault("must be RW or RO");
    disk.volume->read_only = mode == "RO";
  }
  if (node.Has("source")) {
    MEROS_ASSIGN_OR_RETURN(disk.source, ReadSource(node.Field("source")));
  }
  return disk;
}

absl::StatusOr<Metadata> ReadMetadata(const Node& node, absl::string_view default_role) {
  Metadata metadata;
  MEROS_ASSIGN_OR_RETURN(metadata.reservations, ReadStack(node, default_role));
  if (node.Has("allocation_info")) {
    const Node allocation = node.Field("allocation_info");
    MEROS_RETURN_IF_ERROR(allocation.ExpectObject({"role"}));
    MEROS_ASSIGN_OR_RETURN(metadata.allocation_role, allocation.Field("role").Text());
  }
  if (node.Has("disk")) {
    MEROS_ASSIGN_OR_RETURN(metadata.disk, ReadDisk(node.Field("disk")));
  }
  for (const char* marker : {"revocable", "shared"}) {
    if (node.Has(marker)) MEROS_RETURN_IF_ERROR(node.Field(marker).ExpectObject({}));
  }
  metadata.revocable = node.Has("revocable");
  metadata.shared = node.Has("shared");
  if (node.Has("provider_id")) {
    const Node provider = node.Field("provider_id");
    MEROS_RETURN_IF_ERROR(provider.ExpectObject({"value"}));
    MEROS_ASSIGN_OR_RETURN(metadata.provider_id, provider.Field("value").Text());
  }
  return metadata;
}

absl::StatusOr<Resource> ReadResource(const Node& node, absl::string_view default_role) {
  MEROS_RETURN_IF_ERROR(node.ExpectObject({"name", "type", "scalar", "ranges", "set", "role",
                                           "reservation", "reservations", "allocation_info", "disk",
                                           "revocable", "shared", "provider_id"}));
  MEROS_ASSIGN_OR_RETURN(const std::string name, node.Field("name").Text());
  MEROS_ASSIGN_OR_RETURN(Value value, ReadValue(node));
  MEROS_ASSIGN_OR_RETURN(Metadata metadata, ReadMetadata(node, default_role));
  Resource resource(ResourceName(name), std::move(value), MetadataRef(std::move(metadata)));
  const absl::Status valid = ValidateResource(resource);
  if (!valid.ok()) return node.Fault(valid.message());
  return resource;
}

Json WriteLabels(const std::vector<Label>& labels) {
  Json list = Json::array();
  for (const Label& label : labels) {
    Json item = {{"key", label.key}};
    if (label.value) item["value"] = *label.value;
    list.push_back(std::move(item));
  }
  return Json{{"labels", std::move(list)}};
}

Json WriteReservation(const Reservation& level) {
  const bool is_static = level.kind == Reservation::Kind::kStatic;
  Json json = {{"type", is_static ? "STATIC" : "DYNAMIC"}, {"role", level.role}};
  if (level.principal) json["principal"] = *level.principal;
  if (!level.labels.empty()) json["labels"] = WriteLabels(level.labels);
  return json;
}

Json WriteSource(const DiskSource& source) {
  static constexpr const char* kKinds[] = {"PATH", "MOUNT", "BLOCK", "RAW"};
  Json json = {{"type", kKinds[static_cast<size_t>(source.kind)]}};
  if (source.root) {
    json[source.kind == DiskSource::Kind::kPath ? "path" : "mount"] = {{"root", *source.root}};
  }
  if (source.vendor) json["vendor"] = *source.vendor;
  if (source.id) json["id"] = *source.id;
  if (source.profile) json["profile"] = *source.profile;
  if (!source.metadata.empty()) json["metadata"] = WriteLabels(source.metadata);
  return json;
}

Json WriteDisk(const Disk& disk) {
  Json json = Json::object();
  if (disk.persistence) {
    json["persistence"] = {{"id", disk.persistence->id}};
    if (disk.persistence->principal)
      json["persistence"]["principal"] = *disk.persistence->principal;
  }
  if (disk.volume) {
    json["volume"] = {{"container_path", disk.volume->container_path},
                      {"mode", disk.volume->read_only ? "RO" : "RW"}};
  }
  if (disk.source) json["source"] = WriteSource(*disk.source);
  return json;
}

void WriteValue(const Value& value, Json* json) {
  if (const Scalar* scalar = std::get_if<Scalar>(&value)) {
    (*json)["type"] = "SCALAR";
    (*json)["scalar"] = {{"value", scalar->ToDouble()}};
  } else if (const Ranges* ranges = std::get_if<Ranges>(&value)) {
    Json list = Json::array();
    for (const Range& range : *ranges) list.push_back({{"begin", range.begin}, {"end", range.end}});
    (*json)["type"] = "RANGES";
    (*json)["ranges"] = {{"range", std::move(list)}};
  } else {
    (*json)["type"] = "SET";
    (*json)["set"] = {{"item", std::get<StringSet>(value).items()}};
  }
}

Json WriteResource(const Resource& resource) {
  const Metadata& metadata = *resource.metadata();
  Json json = {{"name", std::string(resource.name().text())}};
  WriteValue(resource.value(), &json);
  for (const Reservation& level : metadata.reservations) {
    json["reservations"].push_back(WriteReservation(level));
  }
  if (!metadata.allocation_role.empty()) {
    json["allocation_info"] = {{"role", metadata.allocation_role}};
  }
  if (metadata.disk) json["disk"] = WriteDisk(*metadata.disk);
  if (metadata.revocable) json["revocable"] = Json::object();
  if (metadata.shared) json["shared"] = Json::object();
  if (metadata.provider_id) json["provider_id"] = {{"value", *metadata.provider_id}};
  return json;
}

}  // namespace

absl::StatusOr<Resources> ParseResourcesJson(absl::string_view json,
                                             absl::string_view default_role) {
  if (json.size() > kMaxInputBytes) {
    return absl::InvalidArgumentError(absl::StrCat("input has ", json.size(), " bytes, at most ",
                                                   kMaxInputBytes, " are accepted"));
  }
  const Json document = Json::parse(json.begin(), json.end(), nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded()) return absl::InvalidArgumentError("resources: not valid JSON");
  std::vector<Resource> list;
  MEROS_RETURN_IF_ERROR(Node(&document, "resources").ForEach(kMaxObjects, [&](const Node& item) {
    MEROS_ASSIGN_OR_RETURN(Resource resource, ReadResource(item, default_role));
    list.push_back(std::move(resource));
    return absl::OkStatus();
  }));
  Resources result(list);
  MEROS_RETURN_IF_ERROR(ValidateTotals(result));
  return result;
}

std::string PrintResourcesJson(const Resources& resources) {
  Json list = Json::array();
  for (const Resource& resource : resources) {
    const Json json = WriteResource(resource);
    for (uint32_t i = 0; i < resource.shares(); ++i) list.push_back(json);
  }
  // Bytes that are not UTF-8 cannot be JSON; they are replaced rather than refused.
  return list.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace meros::resources
