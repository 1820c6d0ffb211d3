# Writes OUT, the source file that defines ThisBuild(). Without git, or outside of a checkout, what
# git would have said is empty. SOURCE_DATE_EPOCH, if set, is the time of the build.
function(ask_git variable)
  set(answer)
  if(GIT)
    execute_process(COMMAND ${GIT} ${ARGN} WORKING_DIRECTORY ${SOURCE} OUTPUT_VARIABLE answer
      OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  endif()
  set(${variable} "${answer}" PARENT_SCOPE)
endfunction()

ask_git(sha rev-parse HEAD)
ask_git(branch symbolic-ref --short --quiet HEAD)
ask_git(tag describe --exact-match --tags HEAD)
string(TIMESTAMP seconds "%s" UTC)
execute_process(COMMAND id -un OUTPUT_VARIABLE user OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)

file(WRITE ${OUT} "#include \"libs/build_facts/build_facts.h\"

namespace meros {

const BuildFacts& ThisBuild() {
  static const BuildFacts* const facts =
      new BuildFacts{.version = R\"(${VERSION})\",
                     .built = absl::FromUnixSeconds(${seconds}),
                     .user = R\"(${user})\",
                     .git_sha = R\"(${sha})\",
                     .git_branch = R\"(${branch})\",
                     .git_tag = R\"(${tag})\"};
  return *facts;
}

}  // namespace meros
")
