// FlagSet: the settings of one program, declared once and read from four sources, later over
// earlier:
//
//   default  <  YAML file (--config)  <  environment (MEROS_<SERVICE>_<NAME>)  <  command line
//
//   struct Config {
//     std::string listen = "0.0.0.0:7050";
//     absl::Duration offer_timeout = absl::Minutes(5);
//   } config;
//   config::FlagSet flags("master", "Offers the cluster's resources to frameworks.");
//   flags.Add(&config.listen,
//             {.name = "listen", .help = "Address of the gRPC API.", .group = "Network"});
//   flags.Add(&config.offer_timeout, {.name = "offer_timeout",
//                                     .help = "Unused offers are rescinded after this.",
//                                     .constraint = config::AtLeast(absl::Seconds(1))});
//   config::ParseOrExit(argc, argv, &flags);
//
// The default is what the variable holds when it is added. YAML keys are flag names. Nothing is
// guessed: an unknown flag or key, a wrong type and a value out of range are errors that name
// source, key, what was found and what was expected, with the nearest known name. Unknown
// environment variables under our prefix only yield warnings, because Kubernetes invents such
// variables.
//
// Owner: main. Thread rule: thread-compatible; after Parse() it is only read.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "libs/config/constraint.h"
#include "libs/config/value_types.h"

namespace meros::config {

enum class Source { kDefault, kFile, kEnvironment, kCommandLine };
// "default", "file", "environment", "command line".
absl::string_view SourceName(Source source);

enum class Required { kNo, kYes };
enum class Secret { kNo, kYes };

template <typename T>
struct FlagSpec {
  std::string name;  // snake_case
  std::string help;  // a sentence; with the unit where the type has none
  std::string group = "General";
  Required required = Required::kNo;  // must come from a source other than the default
  Secret secret = Secret::kNo;        // never shown in dumps
  Constraint<T> constraint;
};

// One flag without its type. Made by FlagSet::Add.
struct Flag {
  std::string name;
  std::string help;
  std::string group;
  Required required = Required::kNo;
  Secret secret = Secret::kNo;
  ValueType type = ValueType::kString;
  std::string expected;      // "integer from 0 to 65535"
  std::string default_text;  // as it would be given on the command line
  Source source = Source::kDefault;

  // Sets the variable from its text form, or false.
  std::function<bool(absl::string_view text)> set;
  // Lists only: sets the variable from items that may hold commas, or false.
  std::function<bool(const StringList& items)> set_items;
  std::function<std::string()> print;
};

// What GetFlags answers: the value in force and where it came from.
struct EffectiveFlag {
  std::string name;
  std::string value;  // "<redacted>" for secrets
  std::string default_value;
  Source source = Source::kDefault;
};

struct Inputs {
  std::vector<std::string> arguments;              // without the program's name
  std::map<std::string, std::string> environment;  // all of it
};

struct Outcome {
  enum class Action { kRun, kPrintAndExit };
  Action action = Action::kRun;
  std::string output;                 // for kPrintAndExit: help or version
  std::vector<std::string> warnings;  // to be logged once logging runs
};

class FlagSet {
 public:
  // `service` as in "master": the program is meros-master, the environment prefix MEROS_MASTER_.
  FlagSet(absl::string_view service, absl::string_view description);
  FlagSet(const FlagSet&) = delete;
  FlagSet& operator=(const FlagSet&) = delete;

  // `value` holds the default and outlives the set. REQUIRES: a new snake_case name and a help
  // text.
  template <typename T>
  void Add(T* value, FlagSpec<T> spec);

  // Reads all sources. On success every added variable holds its value in force.
  // ERRORS: InvalidArgument (anything wrong in a source), NotFound (no such --config file). The
  // variables are then unspecified.
  absl::StatusOr<Outcome> Parse(const Inputs& inputs);

  // In the order of registration. Secrets are redacted.
  std::vector<EffectiveFlag> Effective() const;

  // For --help: groups in the order of registration.
  std::string Help() const;
  // For --help_markdown: the reference page's section of this program, which tidy compares.
  std::string HelpMarkdown() const;

  const std::string& service() const { return service_; }
  std::string EnvironmentName(absl::string_view flag_name) const;

 private:
  void AddFlag(Flag flag);
  Flag* Find(absl::string_view name);
  absl::Status Unknown(absl::string_view where, absl::string_view name) const;
  absl::Status Set(absl::string_view where, Source source, absl::string_view text, Flag* flag);

  struct Argument {
    Flag* flag = nullptr;
    std::string where;
    std::string text;
  };
  absl::StatusOr<std::vector<Argument>> ReadArguments(const std::vector<std::string>& arguments);
  absl::StatusOr<Argument> ReadArgument(const std::vector<std::string>& arguments, size_t* next);
  absl::Status ApplyFile(const std::string& path);
  absl::Status ApplyEnvironment(const std::map<std::string, std::string>& environment,
                                std::vector<std::string>* warnings);
  absl::Status CheckRequired() const;

  const std::string service_;
  const std::string description_;
  std::vector<std::unique_ptr<Flag>> flags_;  // order of registration
  // The flags that every program has, served by the set itself.
  std::string config_path_;
  bool wants_help_ = false;
  bool wants_help_markdown_ = false;
  bool wants_version_ = false;
};

// Parses the process's arguments and environment. Prints help or version and exits with 0, or
// prints one line about what is wrong and exits with 2. Returns warnings for the log.
std::vector<std::string> ParseOrExit(int argc, char** argv, FlagSet* flags);

// The version of this build, for example "0.1.0".
absl::string_view Version();

template <typename T>
void FlagSet::Add(T* value, FlagSpec<T> spec) {
  Flag flag;
  flag.type = TypeOf(*value);
  flag.expected = std::string(Describe(flag.type));
  if (!spec.constraint.expected.empty())
    absl::StrAppend(&flag.expected, " ", spec.constraint.expected);
  flag.name = std::move(spec.name);
  flag.help = std::move(spec.help);
  flag.group = std::move(spec.group);
  flag.required = spec.required;
  flag.secret = spec.secret;
  flag.default_text = PrintValue(*value);
  flag.print = [value] { return PrintValue(*value); };
  flag.set = [value, accept = spec.constraint.accept](absl::string_view text) {
    T parsed{};
    if (!ParseValue(text, &parsed) || (accept != nullptr && !accept(parsed))) return false;
    *value = std::move(parsed);
    return true;
  };
  if constexpr (std::is_same_v<T, StringList>) {
    flag.set_items = [value, accept = spec.constraint.accept](const StringList& items) {
      if (accept != nullptr && !accept(items)) return false;
      *value = items;
      return true;
    };
  }
  AddFlag(std::move(flag));
}

}  // namespace meros::config
