"""M5: no file is forgotten. Every source is named by the CMakeLists.txt of its folder or one above,
every test by meros_test, every benchmark and fuzz target likewise, and every header is included.
"""

import os
import re

import tidy

# Which function a source with this ending must be named in.
KINDS = {
    "_test.cc": "meros_test",
    "_benchmark.cc": "meros_benchmark",
    "_fuzz.cc": "meros_fuzz_target",
}
# Read by CMake itself, not by a target.
EXEMPT = ("cmake/",)


def calls(cmake, function):
    """The argument texts of all calls of a CMake function."""
    cmake = re.sub(r"#[^\n]*", "", cmake)
    return re.findall(rf"\b{function}\s*\(([^()]*)\)", cmake)


def names(text, source):
    """Whether CMake text names `source`, itself or by a foreach over stems: `${stem}_test.cc`."""
    text = text.replace("${CMAKE_CURRENT_SOURCE_DIR}/", "")
    if re.search(rf"(?<![\w./-]){re.escape(source)}(?![\w.])", text):
        return True
    for pattern in re.findall(r"[\w./-]*\$\{\w+\}[\w./-]*", text):
        regex = re.escape(re.sub(r"\$\{\w+\}", "\0", pattern)).replace("\0", r"([\w./-]+)")
        matched = re.fullmatch(regex, source)
        if matched and re.search(rf"(?<![\w./-]){re.escape(matched.group(1))}(?![\w./-])", text):
            return True
    return False


def owners(tree, path):
    """(CMake text, path relative to it) for the folder of `path` and those above, nearest first."""
    directory = os.path.dirname(path)
    while True:
        listing = os.path.join(directory, "CMakeLists.txt")
        if listing in tree.files:
            yield tree.read(listing), os.path.relpath(path, directory or ".")
        if not directory:
            return
        directory = os.path.dirname(directory)


def source_findings(tree):
    findings = []
    for path in tree.select(".cc", ".c"):
        if path.startswith(EXEMPT):
            continue
        found = [(text, relative) for text, relative in owners(tree, path) if names(text, relative)]
        if not found:
            findings.append(
                tidy.Finding(
                    path,
                    1,
                    "M5 orphan",
                    "no CMakeLists.txt names this source",
                    "add it to a target or delete it",
                )
            )
            continue
        text, relative = found[0]
        for ending, function in KINDS.items():
            if not path.endswith(ending):
                continue
            by_call = any(names(call, relative) for call in calls(text, function))
            by_loop = "${" in text and f"{function}(" in text
            if not by_call and not by_loop:
                findings.append(
                    tidy.Finding(
                        path,
                        1,
                        "M5 unregistered",
                        f"no {function} has this source",
                        f"add {function}(NAME ... SRCS {relative})",
                    )
                )
    return findings


def header_findings(tree):
    included = set()
    for path in tree.select(".cc", ".h", ".c"):
        included.update(re.findall(r'^\s*#\s*include\s*"([^"]+)"', tree.read(path), re.MULTILINE))
    return [
        tidy.Finding(path, 1, "M5 orphan", "no file includes this header", "delete it")
        for path in tree.select(".h")
        if path not in included
        and os.path.basename(path) not in included
        and not path.startswith(EXEMPT)
    ]


def script_findings(tree):
    """Python tests run by name or by unittest's discovery in their folder."""
    findings = []
    for path in tree.select("_test.py"):
        if not any(
            names(text, relative) or (os.path.dirname(relative) == "" and "discover" in text)
            for text, relative in owners(tree, path)
        ):
            findings.append(
                tidy.Finding(
                    path,
                    1,
                    "M5 unregistered",
                    "nothing runs this test",
                    "name it in a meros_script_test",
                )
            )
    return findings


def find(tree):
    return source_findings(tree) + header_findings(tree) + script_findings(tree)


def measure(tree):
    return {"orphans": {finding.path: 1 for finding in find(tree)}}


def check(tree, ratchet=None):
    found = {finding.path: finding for finding in find(tree)}
    ratchet = ratchet or tidy.Ratchet("orphans", root=tree.root)
    return ratchet.apply({path: 1 for path in found}, lambda path, _: [found[path]])


if __name__ == "__main__":
    tidy.main(check, measure)
