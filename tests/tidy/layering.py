"""M1: dependencies point one way (ARCHITECTURE 5), and cores include nothing that does I/O.

main -> shell -> core -> resources -> base      shell -> wire -> protos
shell -> rpc, storage, coordination, http, telemetry, linux -> runtime -> base
"""

import re

import tidy

# What each library may include besides itself. A library that is not listed is a finding: say here
# what it stands on.
LIBRARIES = {
    "auth": {"base", "runtime"},
    "base": set(),
    "build_facts": set(),
    "config": {"base"},
    "coordination": {"base", "runtime"},
    "http": {"base", "runtime"},
    "json": {"base"},
    "linux": {"base", "runtime"},
    "oci": {"base", "http", "json", "linux", "runtime"},
    "resources": {"base"},
    "rpc": {"base", "config", "runtime"},
    "runtime": {"base"},
    "simulation": {"base", "config", "runtime", "storage"},
    "storage": {"base", "coordination", "runtime"},
    "tasks": set(),
    "telemetry": {"base", "build_facts", "runtime"},
    "testing": {"base", "resources", "runtime", "wire"},
    "wire": {"base", "resources"},
}
TEST_LIBRARIES = {"testing", "simulation"}
# What a core may include. Of runtime only the Tick input: the rest is threads and clocks.
CORE_LIBRARIES = {"base", "resources", "tasks"}
CORE_HEADERS = {"libs/runtime/tick.h"}
# Threads live behind some headers of base too.
CORE_BANNED_HEADERS = {"libs/base/mutex.h"}

CORE_BANNED_SYSTEM = {
    "thread",
    "mutex",
    "shared_mutex",
    "condition_variable",
    "future",
    "atomic",
    "chrono",
    "ctime",
    "time.h",
    "fstream",
    "iostream",
    "filesystem",
    "random",
    "cstdio",
    "stdio.h",
    "cstdlib",
    "stdlib.h",
    "unistd.h",
    "fcntl.h",
    "pthread.h",
    "sys/socket.h",
    "sys/stat.h",
    "sys/time.h",
    "dirent.h",
    "semaphore",
    "latch",
    "barrier",
    "stop_token",
    "iosfwd",
}
CORE_BANNED_PREFIXES = (
    "grpc",
    "spdlog",
    "prometheus",
    "sqlite3",
    "yaml-cpp",
    "boost/",
    "curl/",
    "zookeeper",
    "absl/synchronization",
    "absl/time/clock",
    "absl/random",
    "absl/flags",
    "nlohmann",
)
# In the tests of a core these are fine: scripts are read from testdata, lengths are printed.
CORE_TEST_SYSTEM = {
    "fstream",
    "iostream",
    "filesystem",
    "cstdlib",
    "stdlib.h",
    "cstdio",
    "stdio.h",
    "iosfwd",
}

# Third-party headers and the only places that may include them (a file or a folder).
OWNED = {
    "spdlog/": ["libs/telemetry/log.cc"],
    "civetweb.h": ["libs/telemetry/metrics_server.cc"],
    "prometheus/": ["libs/telemetry/"],
    "yaml-cpp/": ["libs/config/yaml_file.cc"],
    "sqlite3.h": ["libs/storage/"],
    "zookeeper/": ["libs/coordination/"],
    "boost/beast": ["libs/http/"],
    "CLI/": ["cli/", "tests/bench/"],
    "nlohmann/": [
        "libs/json/",
        "libs/resources/parse_json.cc",
        "libs/oci/",
        "libs/http/",
        "services/gateway/",
        "cli/",
        "tests/",
        "frameworks/",
    ],
    "gtest/": None,  # test code only
    "gmock/": None,
}

# Rooms of services that the command line may link: they need no service to run (docs/adr/0007).
CLI_ROOMS = ("services/allocator/whatif/", "services/registry/backup/")

_INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def includes(tree, path):
    """(line, target) of each include of a file."""
    code = tree.code(path)
    for match in _INCLUDE.finditer(code):
        yield tidy.line_of(code, match.start(2)), match.group(2)


def component(path):
    """("libs", "base"), ("services", "master"), ("cli", ""): the unit that layering is about."""
    parts = path.split("/")
    if parts[0] in ("libs", "services", "sdk", "frameworks") and len(parts) > 2:
        return parts[0], parts[1]
    return parts[0], ""


def is_core(path):
    return re.match(r"services/[^/]+/core/", path) is not None


def _library_problem(library, target, is_test):
    kind, name = component(target)
    if kind == "libs":
        if library not in LIBRARIES:
            return f"library '{library}' is not in LIBRARIES", "add it to tests/tidy/layering.py"
        allowed = LIBRARIES[library] | {library} | (TEST_LIBRARIES if is_test else set())
        if name in allowed:
            return None
        return (
            f"libs/{library} must not include libs/{name}",
            "move the code to the layer that may, or turn the dependency round",
        )
    if kind in ("services", "sdk", "cli", "frameworks", "tests"):
        return f"a library includes {kind}", "libraries know nothing above them"
    return None


def _core_problem(path, target, is_test):
    kind, name = component(target)
    service = component(path)[1]
    if kind == "services" and not target.startswith(f"services/{service}/core/"):
        return "a core includes what is outside it", "post an input or emit an effect instead"
    if kind == "libs":
        is_low = name in CORE_LIBRARIES and target not in CORE_BANNED_HEADERS
        if is_low or target in CORE_HEADERS or (is_test and name in TEST_LIBRARIES):
            return None
        return (
            f"a core includes {target}",
            "cores stand on libs/base, libs/resources, libs/tasks and libs/runtime/tick.h alone",
        )
    if target.endswith(".grpc.pb.h") or target.startswith(CORE_BANNED_PREFIXES):
        return f"a core includes {target}", "let the shell do it, on an effect"
    if target in CORE_BANNED_SYSTEM - (CORE_TEST_SYSTEM if is_test else set()):
        return (
            f"a core includes <{target}>",
            "time is an argument, randomness is meros::Rng, I/O is an effect",
        )
    return None


def _service_problem(path, target, is_test):
    kind, name = component(target)
    service = component(path)[1]
    if kind == "services" and name != service:
        return "a service includes another", "services meet in protos alone"
    if kind == "libs" and name in TEST_LIBRARIES and not is_test:
        return f"production code includes libs/{name}", "only tests may"
    if kind in ("sdk", "cli", "frameworks", "tests") and not is_test:
        return f"a service includes {kind}", "services know nothing above them"
    return None


def _upper_problem(path, target, is_test):
    """sdk, cli, frameworks."""
    kind, name = component(target)
    if kind == "services" and not (path.startswith("cli/") and target.startswith(CLI_ROOMS)):
        return f"{component(path)[0]} includes a service", "use the public API in protos/meros/v1"
    if kind == "libs" and name in TEST_LIBRARIES and not is_test:
        return f"production code includes libs/{name}", "only tests may"
    if kind in ("cli", "tests") and kind != component(path)[0] and not is_test:
        return f"{component(path)[0]} includes {kind}", "dependencies point the other way"
    return None


def _owned_problem(path, target, is_test):
    for prefix, owners in OWNED.items():
        if not target.startswith(prefix):
            continue
        if owners is None:
            allowed = is_test or path.startswith(("libs/testing/", "libs/simulation/"))
            owners = ["test code"]
        else:
            allowed = any(path.startswith(owner) for owner in owners)
        if not allowed:
            return f"{target} is included outside {', '.join(owners)}", "use its owner's facade"
    return None


def problem(path, target):
    is_test = tidy.is_test_code(path)
    kind = component(path)[0]
    found = None
    if is_core(path):
        found = _core_problem(path, target, is_test)
    elif kind == "libs":
        found = _library_problem(component(path)[1], target, is_test)
    elif kind == "services":
        found = _service_problem(path, target, is_test)
    elif kind in ("sdk", "cli", "frameworks"):
        found = _upper_problem(path, target, is_test)
    return found or _owned_problem(path, target, is_test)


def check(tree):
    findings = []
    for path in tree.select(".cc", ".h"):
        for line, target in includes(tree, path):
            found = problem(path, target)
            if found:
                findings.append(tidy.Finding(path, line, "M1 layering", *found))
    return findings


if __name__ == "__main__":
    tidy.main(check)
