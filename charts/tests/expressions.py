"""The expressions of the dashboards and the rules, each with the place it comes from."""

import dataclasses
import glob
import json
import os

import yaml

# What stands for Grafana's variables when an expression is run outside of Grafana.
VARIABLES = {"$__rate_interval": "1m", "$__range": "5m", "$__interval": "10s", "$job": "meros-.+"}


@dataclasses.dataclass(frozen=True)
class Expression:
    where: str  # "overview.json: Tasks by state (A)"
    kind: str   # "panel", "record" or "alert"
    name: str   # of the panel, the recorded series or the alert
    text: str


def charts_root():
    return os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def panels(dashboard):
    """All panels, also those that collapsed rows hold; rows themselves are not panels here."""
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            yield from panel.get("panels", [])
        else:
            yield panel


def dashboards(root):
    for path in sorted(glob.glob(os.path.join(root, "dashboards", "*.json"))):
        with open(path, encoding="utf-8") as file:
            yield os.path.basename(path), json.load(file)


def rule_files(root):
    paths = sorted(glob.glob(os.path.join(root, "rules", "*.yaml")))
    return [path for path in paths if not path.endswith("_test.yaml")]


def rules(root):
    """(file name, rule) of every recording and alerting rule."""
    for path in rule_files(root):
        with open(path, encoding="utf-8") as file:
            for group in yaml.safe_load(file)["groups"]:
                for rule in group["rules"]:
                    yield os.path.basename(path), rule


def substitute(text):
    for variable, value in VARIABLES.items():
        text = text.replace(variable, value)
    return text


def all_expressions(root):
    found = []
    for name, dashboard in dashboards(root):
        for panel in panels(dashboard):
            for target in panel.get("targets", []):
                found.append(Expression(f"{name}: {panel['title']} ({target['refId']})", "panel",
                                        panel["title"], substitute(target["expr"])))
    for name, rule in rules(root):
        kind = "alert" if "alert" in rule else "record"
        found.append(Expression(f"{name}: {rule[kind]}", kind, rule[kind], rule["expr"]))
    return found
