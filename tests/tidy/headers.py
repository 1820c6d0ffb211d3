"""M4: every header compiles alone, with the flags that its neighbours are compiled with.

A header that compiled stays fine until it, what it includes or its flags change: their hashes are
kept in <build>/tidy_headers.json, so that only the first run takes minutes. A build without
precompiled headers proves the headers that a source includes first; those are not compiled again.

What a header includes anyway may as well be read before it, for it is compiled alone itself: a few
costly headers are precompiled, which saves some of the time (PRELOADS).
"""

import concurrent.futures
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import threading

import tidy

WORKERS = 2
# Lists of includes for the compiler, and headers of the C program that has its own flags.
EXEMPT = ("cmake/",)
# Costly headers that many others include, the costliest first. Only speed depends on this list.
PRELOADS = (
    "services/master/core/effects.h",
    "libs/resources/resources.h",
    "absl/status/statusor.h",
)
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)


def flags_of(command):
    """The flags of a compile command that decide how a header is read."""
    words = shlex.split(command)
    flags = []
    take_next = False
    for word in words[1:]:
        if take_next:
            flags.append(word)
            take_next = False
        elif word in ("-I", "-isystem", "-D", "-include"):
            flags.append(word)
            take_next = True
        elif word.startswith(("-I", "-isystem", "-D", "-std=", "-f")) and "prefix-map" not in word:
            if not word.startswith(("-fdiagnostics", "-fpch", "-fsanitize", "-fdebug")):
                flags.append(word)
    return without_pch(flags)


def without_pch(flags):
    """A precompiled header would hide a missing include."""
    kept = []
    words = iter(flags)
    for word in words:
        if word == "-include":
            next(words)
        else:
            kept.append(word)
    return kept


def sources_of(entry, root):
    """The C++ sources under `root` that a compile command compiles: several of a unity build."""
    path = os.path.join(entry["directory"], entry["file"])
    paths = [path]
    if path.endswith(".cxx") and os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            paths = re.findall(r'^#include "(.*)"', file.read(), re.MULTILINE)
    relative = [os.path.relpath(path, root) for path in paths]
    return [path for path in relative if path.endswith(".cc") and not path.startswith("..")]


def flags_by_folder(commands, root):
    """The flags of one source of each folder; of C++ sources only."""
    flags = {}
    for entry in commands:
        command = entry.get("command") or shlex.join(entry["arguments"])
        for folder in {os.path.dirname(path) for path in sources_of(entry, root)}:
            # Of several the one that sees most, which is that of a target with more dependencies.
            candidate = flags_of(command)
            if len(candidate) > len(flags.get(folder, [])):
                flags[folder] = candidate
    return flags


def flags_for(path, by_folder):
    """Of the folder, else of the nearest above, else of any: all include from the root."""
    folder = os.path.dirname(path)
    while folder:
        if folder in by_folder:
            return by_folder[folder]
        below = [f for f in by_folder if f.startswith(folder + "/")]
        if below:
            return by_folder[min(below)]
        folder = os.path.dirname(folder)
    return by_folder[min(by_folder)] if by_folder else []


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def run_compiler(root, arguments, text=""):
    """(error or None, files that were read under `root`). `text` is what "-" stands for."""
    with tempfile.NamedTemporaryFile("r", suffix=".d") as depends:
        result = subprocess.run(
            [os.environ.get("CXX", "c++"), "-w", "-MMD", "-MF", depends.name, *arguments],
            input=text,
            text=True,
            capture_output=True,
            cwd=root,
            check=False,
        )
        if result.returncode != 0:
            errors = [line for line in result.stderr.splitlines() if "error:" in line]
            return (errors or [result.stderr.strip() or "failed"])[0], []
        read = depends.read().replace("\\\n", " ").split()[1:]
    inside = [os.path.realpath(os.path.join(root, name)) for name in read if name != "-"]
    return None, sorted(name for name in inside if name.startswith(os.path.realpath(root) + os.sep))


class Preloads:
    """Precompiled headers in `directory`, each made when the first header can use it."""

    def __init__(self, root, directory, included, names=PRELOADS):
        self.root = root
        self.directory = directory
        self.included = included
        self.names = names
        self.made = {}
        self.lock = threading.Lock()

    def use(self, header, flags):
        """(flags that read it, files under `root` that it read) or ([], []) if none will do."""
        for name in self.names:
            if name in self.included.get(header, ()):
                with self.lock:
                    return self.make(name, flags)
        return [], []

    def make(self, name, flags):
        key = (name, *flags)
        if key not in self.made:
            stub = os.path.join(self.directory, f"preload{len(self.made)}.h")
            self.write(stub, f'#include "{name}"\n')
            output = ["-o", stub + ".gch"]
            error, read = run_compiler(self.root, [*flags, "-x", "c++-header", stub, *output])
            # Read only where the compiler does not take what it has precompiled.
            self.write(stub, "#error not precompiled\n")
            read = [name for name in read if name != os.path.realpath(stub)]
            # One that does not compile is found when it is compiled alone.
            self.made[key] = ([], []) if error else (["-include", stub], read)
        return self.made[key]

    @staticmethod
    def write(path, text):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def included_by(tree):
    """For each header the names that it includes, directly or by way of other headers of ours."""
    direct = {path: INCLUDE.findall(tree.code(path)) for path in tree.select(".h")}

    def walk(path, seen):
        for name in direct.get(path, ()):
            if name not in seen:
                seen.add(name)
                walk(name, seen)
        return seen

    return {path: walk(path, set()) for path in direct}


def compile_alone(root, header, flags, preloads):
    """(error or None, files that were read under `root`)."""
    preload, read_before = preloads.use(header, flags)
    arguments = [*flags, *preload, "-fsyntax-only", "-x", "c++", "-"]
    error, read = run_compiler(root, arguments, f'#include "{header}"\n')
    return error, sorted({*read, *read_before})


def is_known_good(entry, flags):
    return (
        entry is not None
        and entry["flags"] == flags
        and all(
            os.path.exists(name) and digest(name) == known for name, known in entry["read"].items()
        )
    )


def proven_by_build(tree, commands):
    """Headers that the build itself compiles alone: the first include of a source that is compiled
    without a precompiled header."""
    proven = set()
    for entry in commands:
        path = os.path.relpath(os.path.join(entry["directory"], entry["file"]), tree.root)
        command = entry.get("command") or " ".join(entry["arguments"])
        if path not in tree.files or "cmake_pch" in command:
            continue
        first = re.search(r"^\s*#\s*include\s*(\S+)", tree.code(path), re.MULTILINE)
        if first and first.group(1).startswith('"'):
            proven.add(first.group(1).strip('"'))
    return proven


class Cache:
    """What compiled before; kept on disk as it grows: a run that is stopped loses little."""

    def __init__(self, path):
        self.path = path
        self.entries = {}
        self.unsaved = 0
        if path and os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                self.entries = json.load(file)

    def set(self, header, entry):
        self.entries[header] = entry
        self.unsaved += 1
        if self.unsaved >= 10:
            self.save()

    def save(self):
        self.unsaved = 0
        if self.path:
            with open(self.path + ".new", "w", encoding="utf-8") as file:
                json.dump(self.entries, file)
            os.replace(self.path + ".new", self.path)


def check_headers(root, headers, by_folder, cache, preloads):
    findings = []

    def examine(header):
        flags = flags_for(header, by_folder)
        if is_known_good(cache.entries.get(header), flags):
            return header, None, None
        error, read = compile_alone(root, header, flags, preloads)
        return header, error, {"flags": flags, "read": {name: digest(name) for name in read}}

    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        for header, error, entry in pool.map(examine, headers):
            if error is not None:
                fix = "include what the header uses"
                findings.append(tidy.Finding(header, 1, "M4 self-contained", error, fix))
            elif entry is not None:
                cache.set(header, entry)
    cache.save()
    return findings


def check(tree):
    build = os.environ.get("MEROS_BUILD_DIR", "build/dev")
    database = os.path.join(build, "compile_commands.json")
    if not os.path.exists(database):
        sys.exit(f"{database} is missing: configure a build first, MEROS_BUILD_DIR names it")
    with open(database, encoding="utf-8") as file:
        commands = json.load(file)
    by_folder = flags_by_folder(commands, tree.root)
    proven = proven_by_build(tree, commands)
    headers = [h for h in tree.select(".h") if not h.startswith(EXEMPT) and h not in proven]
    print(f"{len(headers)} headers to compile alone, {len(proven)} proven by the build")
    cache = Cache(os.path.join(build, "tidy_headers.json"))
    with tempfile.TemporaryDirectory(dir=build) as directory:
        preloads = Preloads(tree.root, directory, included_by(tree))
        return check_headers(tree.root, headers, by_folder, cache, preloads)


if __name__ == "__main__":
    tidy.main(check)
