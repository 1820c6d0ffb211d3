// The texts of --help and --help_markdown.
#include <algorithm>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "libs/config/flag_set.h"

namespace meros::config {
namespace {

constexpr size_t kHelpWidth = 96;

// `text` in lines of at most kHelpWidth, each after `indent`.
std::string Wrap(absl::string_view text, absl::string_view indent) {
  std::string wrapped;
  std::string line(indent);
  for (absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    if (line.size() > indent.size() && line.size() + 1 + word.size() > kHelpWidth) {
      absl::StrAppend(&wrapped, line, "\n");
      line = std::string(indent);
    }
    if (line.size() > indent.size()) line.push_back(' ');
    absl::StrAppend(&line, word);
  }
  absl::StrAppend(&wrapped, line, "\n");
  return wrapped;
}

std::vector<std::string> GroupsInOrder(const std::vector<std::unique_ptr<Flag>>& flags) {
  std::vector<std::string> groups;
  for (const auto& flag : flags) {
    if (std::find(groups.begin(), groups.end(), flag->group) == groups.end())
      groups.push_back(flag->group);
  }
  return groups;
}

std::string DefaultOf(const Flag& flag) {
  if (flag.required == Required::kYes) return "required";
  if (flag.secret == Secret::kYes) return "none";
  return flag.default_text.empty() ? "empty" : flag.default_text;
}

}  // namespace

std::string FlagSet::Help() const {
  std::string help = absl::StrFormat("meros-%s: %s\n\nUsage: meros-%s [--FLAG=VALUE]...\n",
                                     service_, description_, service_);
  absl::StrAppend(&help, "\nEach flag is also a key of the --config file and a variable ",
                  EnvironmentName(""),
                  "<FLAG>.\nThe command line wins over the environment, that over the file.\n");
  for (const std::string& group : GroupsInOrder(flags_)) {
    absl::StrAppend(&help, "\n", group, "\n");
    for (const auto& flag : flags_) {
      if (flag->group != group) continue;
      absl::StrAppend(
          &help, "  --", flag->name, "\n", Wrap(flag->help, "      "),
          Wrap(absl::StrCat(flag->expected, "; default: ", DefaultOf(*flag)), "      "));
    }
  }
  return help;
}

std::string FlagSet::HelpMarkdown() const {
  std::string page = absl::StrFormat("## meros-%s\n\n%s\n", service_, description_);
  for (const std::string& group : GroupsInOrder(flags_)) {
    absl::StrAppend(&page, "\n### ", group,
                    "\n\n| flag | value | default | meaning |\n|---|---|---|---|\n");
    for (const auto& flag : flags_) {
      if (flag->group != group) continue;
      const std::string row = absl::StrFormat("| `--%s` | %s | `%s` | %s |", flag->name,
                                              flag->expected, DefaultOf(*flag), flag->help);
      absl::StrAppend(&page, row, "\n");
    }
  }
  return page;
}

}  // namespace meros::config
