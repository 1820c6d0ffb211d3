"""M7, M8 and what else must not be left lying about: TODO without an issue, blobs over 256 KB,
paths of somebody's machine, trailing space, conflict marks.
"""

import re

import tidy

BLOB_MAX = 256 * 1024
TEXTS = (
    ".cc",
    ".h",
    ".c",
    ".py",
    ".proto",
    ".cmake",
    ".txt",
    ".md",
    ".sh",
    ".json",
    ".yaml",
    ".yml",
    ".tsv",
    "check",
    "quickstart",
    "run",
    "build",
)
# Made-up trees for the tests of this rule.
EXEMPT = ("tests/tidy/leftovers",)

_TODO = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b(?!\(issue-\d+\))")
# The home folder of a person or a checkout; what a test makes up for a container is not meant.
_MACHINE = re.compile(r"(?<![\w/.])/(work|Users|home/(?!meros\b|user\b|app\b)\w+)/[\w.-]+")
_CONFLICT = re.compile(r"^(<{7}|>{7}) ", re.MULTILINE)


def check(tree):
    findings = []

    def add(path, text, offset, rule, what, fix):
        findings.append(tidy.Finding(path, tidy.line_of(text, offset), rule, what, fix))

    for path in tree.files:
        if tree.size(path) > BLOB_MAX:
            findings.append(
                tidy.Finding(
                    path,
                    1,
                    "M8 blob",
                    f"{tree.size(path)} bytes, at most {BLOB_MAX}",
                    "generate it, or keep it out of the repository",
                )
            )
            continue
        if not path.endswith(TEXTS) or path.startswith(EXEMPT):
            continue
        text = tree.read(path)
        for match in _TODO.finditer(text):
            if path.endswith(".md"):
                break  # documents speak about the rule
            add(
                path,
                text,
                match.start(),
                "M7 todo",
                f"{match.group(1)} without an issue",
                "do it, or write TODO(issue-N)",
            )
        for match in _MACHINE.finditer(text):
            add(
                path,
                text,
                match.start(),
                "M9 machine path",
                match.group(0),
                "say it without the machine",
            )
        for match in _CONFLICT.finditer(text):
            add(path, text, match.start(), "M9 conflict", "a conflict mark", "finish the merge")
        if path.endswith((".cc", ".h", ".py", ".proto")):
            for match in re.finditer(r"[ \t]+$", text, re.MULTILINE):
                add(
                    path,
                    text,
                    match.start(),
                    "M9 space",
                    "trailing space",
                    "remove it (clang-format -i)",
                )
    return findings


if __name__ == "__main__":
    tidy.main(check)
