"""Goal: dashboards can be read and laid out, alerts tell people what to do, every rule is tested,
and nothing refers to a metric that metrics.md does not describe. Method: the files alone, no
cluster.
"""

import collections
import os
import re
import subprocess
import unittest

import yaml

import checks
import expressions
import promql

ROOT = expressions.charts_root()
DOCS = os.path.join(os.path.dirname(ROOT), "docs")
SERVICES = ("master", "allocator", "registry", "agent", "containerizer")
# Made by Prometheus itself.
BUILT_IN = {"up", "ALERTS"}


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def cells(panel):
    box = panel["gridPos"]
    return {(x, y) for x in range(box["x"], box["x"] + box["w"])
            for y in range(box["y"], box["y"] + box["h"])}


class DashboardsTest(unittest.TestCase):
    def test_panels_have_title_description_unit_and_the_chosen_data_source(self):
        for name, dashboard in expressions.dashboards(ROOT):
            for panel in expressions.panels(dashboard):
                with self.subTest(dashboard=name, panel=panel["title"]):
                    self.assertRegex(panel["description"], r"\w.*\.$")
                    self.assertTrue(panel["fieldConfig"]["defaults"]["unit"])
                    self.assertEqual(panel["datasource"]["uid"], "${datasource}")
                    for target in panel["targets"]:
                        self.assertEqual(target["datasource"]["uid"], "${datasource}")

    def test_ids_and_titles_are_unique(self):
        for name, dashboard in expressions.dashboards(ROOT):
            for what in ("id", "title"):
                counts = collections.Counter(p[what] for p in dashboard["panels"])
                self.assertEqual([v for v, n in counts.items() if n > 1], [], f"{name}: {what}")

    def test_panels_lie_on_the_grid_and_not_upon_each_other(self):
        for _, dashboard in expressions.dashboards(ROOT):
            taken = {}
            for panel in dashboard["panels"]:
                box = panel["gridPos"]
                self.assertLessEqual(box["x"] + box["w"], 24, panel["title"])
                for cell in cells(panel):
                    self.assertNotIn(cell, taken, f"{panel['title']} lies on {taken.get(cell)}")
                    taken[cell] = panel["title"]


class RulesTest(unittest.TestCase):
    def test_alerts_say_what_is_wrong_and_what_to_do(self):
        guide = read(DOCS, "operating", "failures.md")
        chapters = set(re.findall(r"^## (.+)$", guide, re.MULTILINE))
        for _, rule in expressions.rules(ROOT):
            if "alert" not in rule:
                continue
            with self.subTest(alert=rule["alert"]):
                self.assertRegex(rule["alert"], r"^Meros[A-Z]\w+$")
                self.assertIn(rule["labels"]["severity"], ("critical", "warning"))
                for text in ("summary", "description", "runbook"):
                    self.assertIn(text, rule["annotations"])
                runbook = rule["annotations"]["runbook"]
                for page in re.findall(r"docs/operating/(\w+\.md)", runbook):
                    self.assertTrue(os.path.exists(os.path.join(DOCS, "operating", page)), page)
                named = re.search(r"failures\.md, (.+)\.$", runbook)
                for chapter in named.group(1).split(" and ") if named else []:
                    self.assertIn(chapter, chapters)

    def test_every_rule_is_in_a_rule_test(self):
        tests = read(ROOT, "rules", "rules_test.yaml")
        for _, rule in expressions.rules(ROOT):
            name = rule.get("alert") or rule["record"]
            self.assertIn(f'alertname="{name}"' if "alert" in rule else name, tests)

    def test_promtool_accepts_and_tests_the_rules(self):
        for arguments in (["check", "rules", *expressions.rule_files(ROOT)],
                          ["check", "config", os.path.join(ROOT, "prometheus.yaml")],
                          ["test", "rules", os.path.join(ROOT, "rules", "rules_test.yaml")]):
            done = subprocess.run(["promtool", *arguments], capture_output=True, text=True,
                                  check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_jobs_of_the_example_are_those_of_the_services(self):
        config = yaml.safe_load(read(ROOT, "prometheus.yaml"))
        jobs = {job["job_name"] for job in config["scrape_configs"]}
        self.assertEqual(jobs, {f"meros-{service}" for service in SERVICES})


class NamesTest(unittest.TestCase):
    def test_every_metric_is_in_the_reference(self):
        page = read(DOCS, "reference", "metrics.md")
        known = set(BUILT_IN)
        for service in SERVICES:
            for name, (kind, _) in checks.documented(page, service).items():
                suffixes = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
                known.update(name + suffix for suffix in suffixes)
        known.update(rule["record"] for _, rule in expressions.rules(ROOT) if "record" in rule)
        for expression in expressions.all_expressions(ROOT):
            for selector in promql.references(expression.text).selectors:
                if selector.name and not selector.name.startswith("process_"):
                    self.assertIn(selector.name, known, expression.where)


if __name__ == "__main__":
    unittest.main()
