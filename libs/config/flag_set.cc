#include "libs/config/flag_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "libs/base/check.h"
#include "libs/base/status_macros.h"
#include "libs/config/nearest.h"
#include "libs/config/yaml_file.h"

namespace meros::config {
namespace {

bool IsSnakeCase(absl::string_view name) {
  if (name.empty() || !absl::ascii_islower(name.front())) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_';
  });
}

absl::Status WrongValue(absl::string_view where, const Flag& flag, absl::string_view found) {
  const std::string shown =
      flag.secret == Secret::kYes ? "a secret value that is not" : absl::StrCat("'", found, "'");
  return absl::InvalidArgumentError(
      absl::StrCat(where, ": expected ", flag.expected, ", found ", shown));
}

// The password in a URL, "scheme://user:password@host", is nobody's business.
std::string WithoutPassword(std::string text) {
  const size_t scheme = text.find("://");
  if (scheme == std::string::npos) return text;
  const size_t user = scheme + 3;
  const size_t end = std::min(text.find('/', user), text.size());
  const size_t at = text.substr(0, end).rfind('@');
  const size_t colon = text.find(':', user);
  if (at == std::string::npos || at < user || colon > at) return text;
  return text.replace(colon + 1, at - colon - 1, "***");
}

// Says "string", "list" and so on for a YAML node, as errors do.
absl::string_view KindName(YamlValue::Kind kind) {
  switch (kind) {
    case YamlValue::Kind::kNull:
      return "nothing";
    case YamlValue::Kind::kPlain:
      return "value";
    case YamlValue::Kind::kQuoted:
      return "quoted string";
    case YamlValue::Kind::kList:
      return "list";
    case YamlValue::Kind::kOther:
      return "nested structure";
  }
  return "value";
}

// A quoted scalar is a string; the types that have units in their text are strings in YAML too.
bool TakesQuoted(ValueType type) {
  return type == ValueType::kString || type == ValueType::kDuration || type == ValueType::kBytes;
}

}  // namespace

absl::string_view SourceName(Source source) {
  switch (source) {
    case Source::kDefault:
      return "default";
    case Source::kFile:
      return "file";
    case Source::kEnvironment:
      return "environment";
    case Source::kCommandLine:
      return "command line";
  }
  return "unknown";
}

FlagSet::FlagSet(absl::string_view service, absl::string_view description)
    : service_(service), description_(description) {
  Add(&config_path_, {.name = "config", .help = "YAML file whose keys are the names of flags."});
  Add(&wants_help_, {.name = "help", .help = "Print this text and exit."});
  Add(&wants_help_markdown_,
      {.name = "help_markdown", .help = "Print the flags as Markdown and exit."});
  Add(&wants_version_, {.name = "version", .help = "Print the version and exit."});
}

void FlagSet::AddFlag(Flag flag) {
  MEROS_CHECK(IsSnakeCase(flag.name)) << "flag '" << flag.name << "' is not snake_case";
  MEROS_CHECK(absl::EndsWith(flag.help, ".")) << "flag " << flag.name << " needs a help sentence";
  MEROS_CHECK(Find(flag.name) == nullptr) << "flag " << flag.name << " exists";
  flags_.push_back(std::make_unique<Flag>(std::move(flag)));
}

Flag* FlagSet::Find(absl::string_view name) {
  for (const auto& flag : flags_) {
    if (flag->name == name) return flag.get();
  }
  return nullptr;
}

std::string FlagSet::EnvironmentName(absl::string_view flag_name) const {
  return absl::AsciiStrToUpper(absl::StrCat("MEROS_", service_, "_", flag_name));
}

absl::Status FlagSet::Unknown(absl::string_view where, absl::string_view name) const {
  std::vector<std::string> known;
  for (const auto& flag : flags_) known.push_back(flag->name);
  const std::string nearest = NearestName(name, known);
  return absl::InvalidArgumentError(absl::StrCat(
      where, ": unknown", nearest.empty() ? "" : absl::StrCat(", did you mean ", nearest, "?")));
}

absl::Status FlagSet::Set(absl::string_view where, Source source, absl::string_view text,
                          Flag* flag) {
  if (!flag->set(text)) return WrongValue(where, *flag, text);
  flag->source = source;
  return absl::OkStatus();
}

// Reads one flag, which takes the next argument too when its value follows a blank.
absl::StatusOr<FlagSet::Argument> FlagSet::ReadArgument(const std::vector<std::string>& arguments,
                                                        size_t* next) {
  absl::string_view text = arguments[(*next)++];
  if (!absl::ConsumePrefix(&text, "--")) {
    return absl::InvalidArgumentError(
        absl::StrCat("command line: unexpected argument '", text, "', flags start with --"));
  }
  const size_t equals = text.find('=');
  const absl::string_view name = text.substr(0, equals);
  Argument argument = {
      .flag = Find(name), .where = absl::StrCat("command line: --", name), .text = ""};
  if (argument.flag != nullptr && equals != absl::string_view::npos) {
    argument.text = std::string(text.substr(equals + 1));
    return argument;
  }
  if (argument.flag != nullptr && argument.flag->type == ValueType::kBoolean) {
    argument.text = "true";
    return argument;
  }
  if (argument.flag != nullptr) {
    if (*next >= arguments.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat(argument.where, ": expected ", argument.flag->expected, ", found nothing"));
    }
    argument.text = arguments[(*next)++];
    return argument;
  }
  absl::string_view positive = name;
  if (absl::ConsumePrefix(&positive, "no-") && equals == absl::string_view::npos) {
    argument.flag = Find(positive);
    argument.text = "false";
    if (argument.flag != nullptr && argument.flag->type == ValueType::kBoolean) return argument;
  }
  return Unknown(argument.where, positive);
}

absl::StatusOr<std::vector<FlagSet::Argument>> FlagSet::ReadArguments(
    const std::vector<std::string>& arguments) {
  std::vector<Argument> read;
  for (size_t next = 0; next < arguments.size();) {
    MEROS_ASSIGN_OR_RETURN(Argument argument, ReadArgument(arguments, &next));
    read.push_back(std::move(argument));
  }
  return read;
}

absl::Status FlagSet::ApplyFile(const std::string& path) {
  MEROS_ASSIGN_OR_RETURN(const std::vector<YamlEntry> entries, ReadYamlFile(path));
  for (const YamlEntry& entry : entries) {
    const std::string where = absl::StrCat(path, ":", entry.line, ": key '", entry.key, "'");
    Flag* const flag = Find(entry.key);
    if (flag == nullptr) return Unknown(where, entry.key);
    const YamlValue& value = entry.value;
    const bool is_list = flag->type == ValueType::kList;
    const bool fits = is_list
                          ? value.kind == YamlValue::Kind::kList
                          : value.kind == YamlValue::Kind::kPlain ||
                                (value.kind == YamlValue::Kind::kQuoted && TakesQuoted(flag->type));
    if (!fits) {
      return absl::InvalidArgumentError(
          absl::StrCat(where, ": expected ", flag->expected, ", found ", KindName(value.kind)));
    }
    if (is_list ? !flag->set_items(value.items) : !flag->set(value.text)) {
      return WrongValue(where, *flag, is_list ? PrintValue(value.items) : value.text);
    }
    flag->source = Source::kFile;
  }
  return absl::OkStatus();
}

absl::Status FlagSet::ApplyEnvironment(const std::map<std::string, std::string>& environment,
                                       std::vector<std::string>* warnings) {
  const std::string prefix = EnvironmentName("");
  for (auto it = environment.lower_bound(prefix); it != environment.end(); ++it) {
    if (!absl::StartsWith(it->first, prefix)) break;
    const std::string name = absl::AsciiStrToLower(it->first.substr(prefix.size()));
    const std::string where = absl::StrCat("environment: ", it->first);
    if (Flag* const flag = Find(name)) {
      MEROS_RETURN_IF_ERROR(Set(where, Source::kEnvironment, it->second, flag));
    } else {
      warnings->push_back(std::string(Unknown(where, name).message()));
    }
  }
  return absl::OkStatus();
}

absl::Status FlagSet::CheckRequired() const {
  for (const auto& flag : flags_) {
    if (flag->required == Required::kNo || flag->source != Source::kDefault) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("flag --", flag->name, " is required: give it on the command line, as key '",
                     flag->name, "' in the --config file or as ", EnvironmentName(flag->name),
                     "; expected ", flag->expected));
  }
  return absl::OkStatus();
}

absl::StatusOr<Outcome> FlagSet::Parse(const Inputs& inputs) {
  MEROS_ASSIGN_OR_RETURN(const std::vector<Argument> arguments, ReadArguments(inputs.arguments));
  const auto apply_arguments = [&arguments, this]() -> absl::Status {
    for (const Argument& argument : arguments) {
      MEROS_RETURN_IF_ERROR(
          Set(argument.where, Source::kCommandLine, argument.text, argument.flag));
    }
    return absl::OkStatus();
  };

  // The first round finds --config and --help; the others then apply in the order of precedence.
  Outcome outcome;
  MEROS_RETURN_IF_ERROR(apply_arguments());
  if (wants_help_ || wants_help_markdown_ || wants_version_) {
    outcome.action = Outcome::Action::kPrintAndExit;
    outcome.output = wants_help_ ? Help()
                     : wants_help_markdown_
                         ? HelpMarkdown()
                         : absl::StrCat("meros-", service_, " ", Version(), "\n");
    return outcome;
  }
  const auto path = inputs.environment.find(EnvironmentName("config"));
  if (config_path_.empty() && path != inputs.environment.end()) config_path_ = path->second;
  if (!config_path_.empty()) MEROS_RETURN_IF_ERROR(ApplyFile(std::string(config_path_)));
  MEROS_RETURN_IF_ERROR(ApplyEnvironment(inputs.environment, &outcome.warnings));
  MEROS_RETURN_IF_ERROR(apply_arguments());
  MEROS_RETURN_IF_ERROR(CheckRequired());
  return outcome;
}

std::vector<EffectiveFlag> FlagSet::Effective() const {
  std::vector<EffectiveFlag> effective;
  for (const auto& flag : flags_) {
    const bool is_secret = flag->secret == Secret::kYes;
    effective.push_back({.name = flag->name,
                         .value = is_secret ? "<redacted>" : WithoutPassword(flag->print()),
                         .default_value = is_secret ? "<redacted>" : flag->default_text,
                         .source = flag->source});
  }
  return effective;
}

std::vector<std::string> ParseOrExit(int argc, char** argv, FlagSet* flags) {
  Inputs inputs;
  for (int i = 1; i < argc; ++i) inputs.arguments.emplace_back(argv[i]);
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    const absl::string_view text = *variable;
    const size_t equals = text.find('=');
    if (equals == absl::string_view::npos) continue;
    inputs.environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  absl::StatusOr<Outcome> outcome = flags->Parse(inputs);
  if (!outcome.ok()) {
    fprintf(stderr, "meros-%s: %s\n", flags->service().c_str(),
            std::string(outcome.status().message()).c_str());
    exit(2);
  }
  if (outcome->action == Outcome::Action::kPrintAndExit) {
    fputs(outcome->output.c_str(), stdout);
    exit(0);
  }
  return std::move(outcome->warnings);
}

absl::string_view Version() { return MEROS_VERSION; }

}  // namespace meros::config
