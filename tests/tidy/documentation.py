"""M5: docs/reference lists every flag and every metric, as the programs themselves describe them,
and documents name no test, no metric and no flag that there is not.

    flags.md            what each built service prints for --help_markdown
    metrics.md          name, kind, label and help of every metric that the sources add
    mesos-checklist.md  written by hand; `Suite.Name` in it is a test of the sources
    mesos-flags.md      written by hand; `meros-SERVICE --FLAG` is a flag of it, (`...`) its default
    docs/**.md          `meros_...` is a metric

`documentation.py --write` writes the first two anew. Services that are not built are not looked at.
"""

import os
import re
import subprocess
import sys

import tidy

FLAGS_PAGE = "docs/reference/flags.md"
METRICS_PAGE = "docs/reference/metrics.md"
MAPPED_FLAGS_PAGE = "docs/reference/mesos-flags.md"
CHECKLIST_PAGE = "docs/reference/mesos-checklist.md"
SERVICES = ("master", "allocator", "registry", "agent", "containerizer")

FLAGS_HEAD = """# Flags

Each flag is also a key of the YAML file given as `--config` and an environment variable
`MEROS_<SERVICE>_<FLAG>`. The command line wins over the environment, the environment over the file.
Written by `tests/tidy/documentation.py --write` from what the programs print for `--help_markdown`.
"""
METRICS_HEAD = """# Metrics

Every service serves these at `http://HOST:METRICS_PORT/metrics`, and beside them the standard
`process_*` metrics of Prometheus. Metrics with `<service>` in their name exist in every service.
Written by `tests/tidy/documentation.py --write` from the sources.
"""

_ADD = re.compile(
    r"\bAdd(?P<callback>Callback)?(?P<kind>Counter|Gauge|Histogram)(?P<family>Family|Table)?"
    r"\s*\(\s*"
    r"(?P<name>(?:absl::StrCat\([^()]*\)|\"[^\"]*\"))\s*,\s*(?P<help>(?:\"(?:[^\"\\]|\\.)*\"\s*)+)"
)
# A row of a table of counters: their names alone end in _total.
_ROW = re.compile(
    r'(?P<name>"meros_[a-z0-9_]+_total")\s*,\s*(?P<help>(?:"(?:[^"\\]|\\.)*"\s*)+)\}')
_LABEL = re.compile(r"\.label\s*=\s*\"(\w+)\"")
_TABLE_LABELS = re.compile(r"\s*,\s*\{((?:\s*\"\w+\"\s*,?)+)\}")


def _literals(text):
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', text)).replace('\\"', '"')


def _labels(family, rest):
    """The labels of a metric, given what follows its help."""
    if family == "Table":
        names = _TABLE_LABELS.match(rest)
        return ", ".join(re.findall(r"\w+", names.group(1))) if names else ""
    label = _LABEL.search(rest.split(";")[0])
    return label.group(1) if family and label else ""


def metrics_in(text):
    """(name, kind, label, help) of each metric that a source adds. Parts of a name that are not
    literals are the service's: `absl::StrCat(prefix, "x")`."""
    found = []
    prefix = re.search(r'prefix\s*=\s*absl::StrCat\(("meros_"[^;]*)\);', text)
    for match in _ADD.finditer(text):
        name = match.group("name")
        if name.startswith("absl"):
            if prefix:
                name = re.sub(r"\bprefix\b", lambda _: prefix.group(1), name)
            name = re.sub(r"(?<=[(,])\s*[A-Za-z_][\w:.>()-]*\s*(?=[,)])", '"<service>"', name[12:])
        name = _literals(name)
        kind = match.group("kind").lower()
        labels = _labels(match.group("family"), text[match.end() : match.end() + 200])
        found.append((name, kind, labels, _literals(match.group("help"))))
    for match in _ROW.finditer(text):
        name, meaning = _literals(match.group("name")), _literals(match.group("help"))
        found.append((name, "counter", "", meaning))
    return found


def metrics(tree):
    found = set()
    for path in tree.select(".cc", ".h"):
        if path.startswith(("libs/", "services/")) and not tidy.is_test_code(path):
            found.update(
                m for m in metrics_in(strip_comments(tree.read(path))) if m[0].startswith("meros_")
            )
    return sorted(found)


def strip_comments(text):
    return re.sub(r'("(?:[^"\\\n]|\\.)*")|//[^\n]*', lambda m: m.group(1) or "", text)


def metrics_page(tree):
    lines = [METRICS_HEAD, "| metric | kind | label | meaning |", "|---|---|---|---|"]
    lines += [
        f"| `{name}` | {kind} | {label} | {text} |" for name, kind, label, text in metrics(tree)
    ]
    return "\n".join(lines) + "\n"


def service_sections(bin_dir):
    """{service: Markdown} of the services that are built."""
    sections = {}
    for service in SERVICES:
        program = os.path.join(bin_dir, f"meros-{service}")
        if os.path.exists(program):
            shown = subprocess.run(
                [program, "--help_markdown"],
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
            sections[service] = shown.stdout if shown.returncode == 0 else None
    return sections


def section_of(page, service):
    match = re.search(rf"^## meros-{service}\n.*?(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    return match.group(0).strip() if match else None


def metric_findings(tree):
    rewrite = "run tests/tidy/documentation.py --write"
    if METRICS_PAGE not in tree.files:
        return [tidy.Finding(METRICS_PAGE, 1, "M5 documentation", "the page is missing", rewrite)]
    page = set(tree.read(METRICS_PAGE).splitlines())
    wanted = set(metrics_page(tree).splitlines())
    findings = [
        tidy.Finding(METRICS_PAGE, 1, "M5 documentation", f"lacks {row}", rewrite)
        for row in sorted(wanted - page)
    ]
    return findings + [
        tidy.Finding(METRICS_PAGE, 1, "M5 documentation", f"no source has {row}", rewrite)
        for row in sorted(page - wanted)
        if row.startswith("| `")
    ]


def flag_findings(tree, sections):
    page = tree.read(FLAGS_PAGE) if FLAGS_PAGE in tree.files else ""
    rewrite = "run tests/tidy/documentation.py --write"
    findings = []
    for service, section in sections.items():
        if section is None:
            findings.append(
                tidy.Finding(
                    f"services/{service}/main.cc",
                    1,
                    "M5 documentation",
                    "does not print --help_markdown",
                    "use config::FlagSet",
                )
            )
        elif section_of(page, service) != section.strip():
            findings.append(
                tidy.Finding(
                    FLAGS_PAGE,
                    1,
                    "M5 documentation",
                    f"the section of meros-{service} is not what it prints",
                    rewrite,
                )
            )
    return findings


def tests_in(tree):
    """Suite.Name of every test of the sources."""
    found = set()
    for path in tree.select("_test.cc"):
        for suite, name in re.findall(r"\bTEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\)", tree.read(path)):
            found.add(f"{suite}.{name}")
    return found


def test_name_findings(tree):
    if CHECKLIST_PAGE not in tree.files:
        return []
    known = tests_in(tree)
    return [
        tidy.Finding(
            CHECKLIST_PAGE,
            number,
            "M5 documentation",
            f"there is no test {name}",
            "name the test that shows it",
        )
        for number, line in enumerate(tree.read(CHECKLIST_PAGE).splitlines(), 1)
        for name in re.findall(r"`([A-Z]\w*\.[A-Z]\w*)`", line)
        if name not in known
    ]


def metric_name_findings(tree):
    known = {
        name.replace("<service>", service) for name, *_ in metrics(tree) for service in SERVICES
    }
    return [
        tidy.Finding(path, number, "M5 documentation", f"there is no metric {name}", "name one")
        for path in tree.select(".md")
        if path.startswith("docs/") and path != METRICS_PAGE
        for number, line in enumerate(tree.read(path).splitlines(), 1)
        for name in re.findall(r"`(meros_[a-z0-9_]+)`", line)
        if name not in known
    ]


def flags_of(page):
    """{(service, flag): default} of the page of flags."""
    return {
        (service, flag): default
        for service in SERVICES
        for flag, default in re.findall(
            r"^\| `(--\w+)` \| .*? \| `(.*?)` \| ", section_of(page, service) or "", re.MULTILINE
        )
    }


def mapped_flag_findings(tree):
    if MAPPED_FLAGS_PAGE not in tree.files or FLAGS_PAGE not in tree.files:
        return []
    known = flags_of(tree.read(FLAGS_PAGE))
    findings = []
    for number, line in enumerate(tree.read(MAPPED_FLAGS_PAGE).splitlines(), 1):
        for service, flag, default in re.findall(
            r"`meros-(\w+) (--\w+)`(?: \(`([^`]*)`)?", line
        ):
            is_known = (service, flag) in known
            if is_known and default in ("", known[(service, flag)]):
                continue
            what = f"meros-{service} has no flag {flag}"
            if is_known:
                what = f"the default of {flag} is {known[(service, flag)]}, not {default}"
            findings.append(
                tidy.Finding(MAPPED_FLAGS_PAGE, number, "M5 documentation", what, FLAGS_PAGE)
            )
    return findings


def check(tree):
    bin_dir = os.environ.get("MEROS_BIN_DIR", "build/dev/bin")
    return (
        metric_findings(tree)
        + flag_findings(tree, service_sections(bin_dir))
        + test_name_findings(tree)
        + metric_name_findings(tree)
        + mapped_flag_findings(tree)
    )


def write():
    tree = tidy.Tree(tidy.source_root())
    sections = service_sections(os.environ.get("MEROS_BIN_DIR", "build/dev/bin"))
    path = os.path.join(tree.root, FLAGS_PAGE)
    old = tree.read(FLAGS_PAGE) if FLAGS_PAGE in tree.files else ""
    parts = [FLAGS_HEAD.strip()]
    for service in SERVICES:
        section = sections.get(service) or section_of(old, service)
        if section:
            parts.append(section.strip())
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n\n".join(parts) + "\n")
    with open(os.path.join(tree.root, METRICS_PAGE), "w", encoding="utf-8") as file:
        file.write(metrics_page(tree))


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write()
    else:
        tidy.main(check)
