"""What must hold between the charts, the reference page and a cluster that is being scraped.

Each check returns sentences that say what is wrong; none means all is well.
"""

import math
import re

import promql

_ROW = re.compile(
    r"^\| `(?P<name>[^`]+)` \| (?P<kind>\w+) \| (?P<labels>[\w, ]*) \| (?P<help>.+) \|$")
_EXPOSED = re.compile(
    r"""^(?P<name>[a-z0-9_]+)(?:\{(?P<labels>(?:[^"}]|"(?:[^"\\]|\\.)*")*)\})? """)
# The standard metrics of a process, which the page mentions as such.
_PROCESS = re.compile(r"process_[a-z_]+")


def check_names(expression, metric_names, label_names):
    """That every metric and label that the expression names exists."""
    found = promql.references(expression.text)
    wrong = []
    for selector in sorted(found.selectors, key=str):
        if selector.name and selector.name not in metric_names:
            wrong.append(f"{expression.where}: no service exposes {selector.name}")
        for label in sorted(selector.labels() - {"__name__"} - label_names):
            wrong.append(f"{expression.where}: {selector} names the unknown label {label}")
    for label in sorted(found.grouping_labels - label_names):
        wrong.append(f"{expression.where}: no series has the label {label}")
    return wrong


def check_selectors(expression, query, series_names):
    """That every selector selects something: a label value that nobody uses would make an alert
    that never fires. Metrics that are declared but have no series yet are passed over."""
    wrong = []
    for selector in sorted(promql.references(expression.text).selectors, key=str):
        if selector.name and selector.name not in series_names:
            continue
        if not query(f"count({selector})"):
            wrong.append(f"{expression.where}: {selector} selects nothing")
    return wrong


def check_data(expression, query):
    """That a panel's or a recording rule's expression yields a number."""
    values = query(expression.text)
    if not values:
        return [f"{expression.where}: no data: {expression.text}"]
    if all(math.isnan(value) for value in values):
        return [f"{expression.where}: nothing but NaN: {expression.text}"]
    return []


def documented(page, service):
    """{name: (kind, labels)} of the reference page for one service, such as "master"."""
    metrics = {}
    for line in page.splitlines():
        if match := _ROW.match(line):
            name = match["name"].replace("<service>", service)
            if name.startswith(f"meros_{service}_"):
                metrics[name] = (match["kind"], set(re.findall(r"\w+", match["labels"])))
    return metrics


def exposed(text):
    """{name: (kind, labels)} of a /metrics answer; the labels are those of the series it has."""
    kinds, labels = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            kinds[name] = kind
        elif match := _EXPOSED.match(line):
            name = match["name"]
            if name not in kinds:
                name = re.sub(r"_(bucket|sum|count)$", "", name)
            unquoted = re.sub(r'"(?:[^"\\]|\\.)*"', '""', match["labels"] or "")
            found = set(re.findall(r"(\w+)=", unquoted))
            labels.setdefault(name, set()).update(found - {"le"})
    return {name: (kind, labels.get(name, set())) for name, kind in kinds.items()}


def check_reference(page, service, metrics_text):
    """That the page describes what the service exposes, and nothing else."""
    described = documented(page, service)
    live = exposed(metrics_text)
    wrong = [f"meros-{service} does not expose {name}, which metrics.md describes"
             for name in sorted(set(described) - set(live))]
    for name, (kind, labels) in sorted(live.items()):
        if name not in described:
            if not _PROCESS.fullmatch(name):
                wrong.append(f"metrics.md does not describe {name} of meros-{service}")
            continue
        if described[name][0] != kind:
            wrong.append(f"metrics.md calls {name} a {described[name][0]}, it is a {kind}")
        if labels and labels != described[name][1]:
            wrong.append(f"metrics.md gives {name} the labels {sorted(described[name][1])}, "
                         f"it has {sorted(labels)}")
    return wrong
