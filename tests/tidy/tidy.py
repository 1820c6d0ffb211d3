"""What the rules share: the files of the repository, C++ without comments and strings, findings,
ratchets.

A rule is a module with `check(tree) -> list[Finding]` and a call of `main(check)`. It runs against
the tree named by $MEROS_SOURCE_DIR, prints its findings and fails when there are any. The test of a
rule is `<rule>_test.py` beside it, with small trees made up by `FakeTree`.

A ratchet is a file under ratchets/ of today's exceptions, one `<key> <count>` a line. A count may
shrink, never grow; an entry that is no longer needed is a finding too. `RULE.py --shrink` lowers
the entries.
"""

import dataclasses
import functools
import os
import re
import subprocess
import sys

CPP = (".cc", ".h", ".c")


@dataclasses.dataclass(frozen=True, order=True)
class Finding:
    path: str
    line: int
    rule: str
    what: str
    fix: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.rule}: {self.what}; {self.fix}"


class Tree:
    """The files of a repository: what git tracks or would track."""

    def __init__(self, root):
        self.root = root

    @functools.cached_property
    def files(self):
        listed = subprocess.run(
            [
                "git",
                "-C",
                self.root,
                "-c",
                f"safe.directory={self.root}",
                "ls-files",
                "-co",
                "--exclude-standard",
                "-z",
            ],
            capture_output=True,
            check=False,
        )
        if listed.returncode == 0:
            names = listed.stdout.decode().split("\0")
            return sorted({n for n in names if n and os.path.isfile(os.path.join(self.root, n))})
        return sorted(self._walk())  # an unpacked release has no git

    def _walk(self):
        for directory, subdirectories, names in os.walk(self.root):
            subdirectories[:] = [d for d in subdirectories if d not in (".git", "build")]
            for name in names:
                yield os.path.relpath(os.path.join(directory, name), self.root)

    @functools.lru_cache(maxsize=None)
    def read(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8", errors="replace") as file:
            return file.read()

    @functools.lru_cache(maxsize=None)
    def code(self, path):
        """C++ with comments and literals blanked; lines keep their numbers."""
        return strip_cpp(self.read(path))

    def size(self, path):
        return os.path.getsize(os.path.join(self.root, path))

    def select(self, *endings, under=""):
        return [f for f in self.files if f.endswith(endings) and f.startswith(under)]


class FakeTree(Tree):
    """A tree from a dict of path to content, for tests of rules."""

    def __init__(self, contents):
        super().__init__("/nonexistent")
        self.contents = contents

    @property
    def files(self):
        return sorted(self.contents)

    def read(self, path):
        return self.contents[path]

    def code(self, path):
        return strip_cpp(self.contents[path])

    def size(self, path):
        return len(self.contents[path].encode())


_TOKEN = re.compile(
    r'(?P<raw>R"(?P<tag>[^()\s\\"]{0,16})\(.*?\)(?P=tag)")'
    r'|(?P<string>"(?:[^"\\\n]|\\.)*")'
    r"|(?P<char>(?<![0-9a-zA-Z_])'(?:[^'\\\n]|\\.)+')"
    r"|(?P<block>/\*.*?\*/)"
    r"|(?P<line>//[^\n]*)",
    re.DOTALL,
)


def strip_cpp(text):
    """Blanks comments, and literals except the paths of includes."""

    def blank(match):
        found = match.group(0)
        before = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
        if match.group("string") and re.match(r"\s*#\s*include\s*$", before):
            return found
        if match.group("string") or match.group("raw"):
            return '"' + re.sub(r"[^\n]", " ", found[1:-1]) + '"'
        if match.group("char"):
            return "'" + " " * (len(found) - 2) + "'"
        return re.sub(r"[^\n]", " ", found)

    return _TOKEN.sub(blank, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def is_test_code(path):
    """Files that only tests compile: tests, fuzzers, benchmarks and what serves them."""
    name = os.path.basename(path)
    return bool(
        re.search(r"_(test|fuzz|benchmark|test_util)\.(cc|h|py)$|^(fake|test)_", name)
        or re.search(r"(^|/)(tests|testing|testdata|fuzz)/", path)
    )


class Ratchet:
    """Today's exceptions of a rule, kept beside the rules."""

    def __init__(self, name, entries=None, root=None):
        self.name = name
        self.path = f"tests/tidy/ratchets/{name}.txt"
        self.entries = self._read(root) if entries is None else dict(entries)

    def _read(self, root):
        entries = {}
        path = os.path.join(root, self.path)
        if not os.path.exists(path):
            return entries
        with open(path, encoding="utf-8") as file:
            for line in file:
                if line.strip() and not line.startswith("#"):
                    key, count = line.rsplit(None, 1)
                    entries[key] = int(count)
        return entries

    def apply(self, counts, describe):
        """Findings for what exceeds its entry, by `describe(key, count)`, and for stale entries."""
        findings = []
        for key, count in sorted(counts.items()):
            if count > self.entries.get(key, 0):
                findings.extend(describe(key, count))
        for number, (key, allowed) in enumerate(sorted(self.entries.items()), start=1):
            if counts.get(key, 0) < allowed:
                findings.append(
                    Finding(
                        self.path,
                        number,
                        "ratchet",
                        f"'{key}' is allowed {allowed} but needs {counts.get(key, 0)}",
                        "lower or remove the entry (run the rule with --shrink)",
                    )
                )
        return findings

    def shrink(self, counts, root, seed=False):
        """Lowers entries to what is needed. With `seed` also adds new ones: for a new rule only."""
        entries = {}
        for key, count in counts.items():
            allowed = count if seed else min(count, self.entries.get(key, 0))
            if allowed > 0:
                entries[key] = allowed
        path = os.path.join(root, self.path)
        if not entries:
            if os.path.exists(path):
                os.remove(path)
            return
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"# Exceptions of {self.name}: may shrink, never grow (see README.md).\n")
            file.writelines(f"{key} {entries[key]}\n" for key in sorted(entries))


def source_root():
    here = os.path.dirname(os.path.abspath(__file__))
    return os.environ.get("MEROS_SOURCE_DIR", os.path.dirname(os.path.dirname(here)))


def main(check, measure=None):
    """`measure(tree)` gives {ratchet name: {key: count}} for rules that have ratchets."""
    if measure is not None and sys.argv[1:] in (["--shrink"], ["--seed"]):
        tree = Tree(source_root())
        for name, counts in measure(tree).items():
            Ratchet(name, root=tree.root).shrink(counts, tree.root, sys.argv[1] == "--seed")
        return
    findings = sorted(set(check(Tree(source_root()))))
    for finding in findings:
        print(finding)
    print(f"{len(findings)} findings" if findings else "ok")
    sys.exit(1 if findings else 0)
