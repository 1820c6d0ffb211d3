"""M2: identifiers that we do not use, each with what to use instead and where it is at home.

What stands today is in ratchets/identifiers.txt; `identifiers.py --shrink` lowers the entries.
"""

import dataclasses
import re

import tidy

# Tests here watch real processes, sockets and the kernel, so they may wait and read the clock.
REAL_TESTS = (
    "tests/",
    "libs/linux/",
    "libs/rpc/",
    "libs/testing/",
    "services/containerizer/init/",
    "services/containerizer/tests/",
)
# A command-line program has no strand: it waits where it stands.
COMMANDS = ("cli/",)


@dataclasses.dataclass(frozen=True)
class Rule:
    pattern: str
    instead: str
    homes: tuple = ()  # paths that may
    tests: tuple = ()  # paths whose tests may too; ("",) for all


CLOCK = "time as an argument or a runtime::Clock"
RULES = (
    Rule(r"\babsl::Now\s*\(", CLOCK, ("libs/runtime/",), REAL_TESTS),
    # gRPC counts deadlines on the system clock.
    Rule(
        r"\b(system|steady|high_resolution)_clock::now\b",
        CLOCK,
        ("libs/runtime/", "libs/telemetry/log.cc", "libs/rpc/") + COMMANDS,
        ("",),
    ),
    # The kernel frees a cgroup in its own time; meros-init has no library under it.
    Rule(
        r"\babsl::SleepFor\b|\bsleep_(for|until)\b|(?<![\w.>:])(u|nano)?sleep\s*\(",
        "a condition with a deadline (CondVar, testing::Eventually)",
        (
            "libs/runtime/",
            "libs/testing/",
            "libs/linux/",
            "libs/telemetry/metrics_server.cc",
            "services/containerizer/init/",
        )
        + COMMANDS,
        REAL_TESTS,
    ),
    Rule(
        r"\brandom_device\b|\bmt19937|(?<![\w.>:])s?rand\s*\(|\brandom_shuffle\b|\babsl::BitGen\b",
        "meros::Rng, seeded by its owner",
        ("libs/runtime/",),
    ),
    Rule(r"\bstd::(basic_)?regex\b", "RE2"),
    Rule(
        r"\bstd::(shared_|recursive_|timed_)?mutex\b|\babsl::Mutex\b"
        r"|\bstd::(lock_guard|unique_lock|scoped_lock)\b",
        "meros::Mutex and MutexLock of libs/base/mutex.h",
        ("libs/base/mutex.h",),
    ),
    Rule(
        r"\bstd::(cout|cerr|clog)\b",
        "MEROS_LOG, or stdio where a program prints its result",
        ("sdk/",) + COMMANDS,
        ("",),
    ),
    Rule(r"(?<![\w.>:])assert\s*\(", "MEROS_CHECK (fatal) or MEROS_BUG (survived)"),
    Rule(r"\bLOG\s*\(\s*(FATAL|INFO|ERROR|WARNING)\s*\)", "MEROS_LOG or MEROS_CHECK"),
    Rule(
        r"(?<![\w.>:])throw\b(?!\s*\()|\bcatch\s*\(",
        "absl::Status; a library that throws is wrapped in one file",
        ("libs/config/yaml_file.cc", "libs/json/", "libs/http/", "libs/oci/", "cli/main.cc"),
    ),
    Rule(
        r"\bFRIEND_TEST\b|#\s*define\s+(private|protected)\b", "tests through the public contract"
    ),
    Rule(
        r"(?<![\w.>:])(system|popen)\s*\(",
        "libs/linux to start processes, without a shell",
        (),
        ("",),
    ),
    Rule(
        r"(?<![\w.>:])(strcpy|strcat|sprintf|vsprintf|gets|strtok|ato[ilf]|strto(ul|l|d))\s*\("
        r"|\bstd::sto[a-z]+\s*\(",
        "absl::StrFormat, absl::StrSplit, absl::SimpleAtoi",
        (),
        ("",),
    ),
    Rule(
        r"(?<![\w.>])getenv\s*\(",
        "libs/config, which reads the environment",
        ("libs/config/", "libs/testing/", "libs/base/check.cc", "sdk/") + COMMANDS,
        ("",),
    ),
    Rule(
        r"\b(public|private)\s+(::)?grpc::(Server|Client)(Bidi|Read|Write|Unary)Reactor\b",
        "the reactors of libs/rpc",
        ("libs/rpc/",),
        ("",),
    ),
    # Until C++23 only the outermost temporary of a range lives as long as the loop.
    Rule(
        r"\bfor\s*\([^;:()]*:[^;()]*\([^()]*\)\.value\(\)\)",
        "a name for what is iterated: the StatusOr dies before the loop begins",
    ),
    # Between clone and exec there is no stack to return to.
    Rule(r"\bgoto\b", "a helper function that returns", ("libs/linux/clone.cc",)),
)
# In cores these are forbidden even where the rest of the code may use them.
CORE_RULES = (
    Rule(r"\bMEROS_LOG\b|\bspdlog\b", "an effect that says what happened; the shell logs it"),
    Rule(
        r"\bstd::(thread|jthread|atomic|condition_variable|future|async)\b",
        "the strand; cores are one thread",
    ),
    Rule(r"\bstd::(ifstream|ofstream|fstream|filesystem)\b", "an effect"),
    Rule(r"\bgrpc::", "an effect that names a stream"),
    Rule(r"\btelemetry::", "an effect that says what happened; the shell counts it"),
)


def is_in_core(path):
    return re.match(r"services/[^/]+/core/", path) is not None


def binds(rule, path):
    if rule.homes and path.startswith(rule.homes):
        return False
    is_test = tidy.is_test_code(path)
    if is_test and rule in CORE_RULES:
        return False
    return not (is_test and rule.tests and path.startswith(rule.tests))


def find(tree):
    """All occurrences, by path."""
    found = {}
    for path in tree.select(".cc", ".h"):
        code = tree.code(path)
        for rule in RULES + (CORE_RULES if is_in_core(path) else ()):
            if not binds(rule, path):
                continue
            for match in re.finditer(rule.pattern, code):
                found.setdefault(path, []).append(
                    tidy.Finding(
                        path,
                        tidy.line_of(code, match.start()),
                        "M2 identifier",
                        f"'{match.group(0).strip()}'",
                        f"use {rule.instead}",
                    )
                )
    return found


def measure(tree):
    return {"identifiers": {path: len(found) for path, found in find(tree).items()}}


def check(tree, ratchet=None):
    found = find(tree)
    ratchet = ratchet or tidy.Ratchet("identifiers", root=tree.root)
    counts = {path: len(findings) for path, findings in found.items()}
    return ratchet.apply(counts, lambda path, _: found[path])


if __name__ == "__main__":
    tidy.main(check, measure)
