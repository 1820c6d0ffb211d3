// meros completion SHELL: prints a completion script, made from the verbs and options that exist.
#include <cstdio>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/verbs.h"

namespace meros::cli {
namespace {

std::string OptionNames(const CLI::App& app) {
  std::string names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) absl::StrAppend(&names, " --", name);
  }
  return names;
}

// Options of the verb and, of a verb of verbs, the names and options of those.
std::string Words(const CLI::App& verb) {
  std::string words = OptionNames(verb);
  for (const CLI::App* sub : verb.get_subcommands([](const CLI::App*) { return true; })) {
    absl::StrAppend(&words, " ", sub->get_name(), OptionNames(*sub));
  }
  return words;
}

// Verbs that take a task id as their first argument.
bool TakesTask(const std::string& verb) {
  return verb == "task" || verb == "logs" || verb == "kill";
}

std::string BashScript(const CLI::App& root) {
  std::string verbs, cases;
  for (const CLI::App* verb : root.get_subcommands([](const CLI::App*) { return true; })) {
    absl::StrAppend(&verbs, " ", verb->get_name());
    absl::StrAppend(&cases, "    ", verb->get_name(), ") words=\"", Words(*verb), "\"",
                    TakesTask(verb->get_name()) ? "; ids=yes" : "", " ;;\n");
  }
  return absl::StrCat(
      R"bash(# bash completion of meros; load it with: eval "$(meros completion bash)"
_meros() {
  local word=${COMP_WORDS[COMP_CWORD]} verb= words= ids= i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case " )bash",
      verbs, R"bash( " in *" ${COMP_WORDS[i]} "*) verb=${COMP_WORDS[i]}; break ;; esac
  done
  case $verb in
    "") words=")bash",
      verbs, R"bash(" ;;
)bash",
      cases, R"bash(  esac
  if [ -n "$ids" ] && [[ $word != -* ]]; then
    words=$(meros ps --timeout 1 2>/dev/null | awk 'NR > 1 {print $1}')
  elif [[ $word == -* ]]; then
    words="$words )bash",
      OptionNames(root), R"bash("
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -F _meros meros
)bash");
}

std::string ZshScript(const CLI::App& root) {
  // zsh runs bash completions through its own compatibility layer.
  return absl::StrCat(
      "# zsh completion of meros; load it with: eval \"$(meros completion zsh)\"\n"
      "autoload -Uz compinit && compinit -u\n"
      "autoload -Uz bashcompinit && bashcompinit\n",
      BashScript(root));
}

}  // namespace

void AddCompletion(CLI::App* app, Common* common) {
  auto shell = std::make_shared<std::string>();
  CLI::App* verb = app->add_subcommand("completion", "Prints a completion script");
  verb->add_option("shell", *shell, "bash or zsh")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh"}));
  verb->callback([=] {
    common->chosen = [=] {
      std::fputs((*shell == "bash" ? BashScript(*app) : ZshScript(*app)).c_str(), stdout);
      return 0;
    };
  });
}

}  // namespace meros::cli
