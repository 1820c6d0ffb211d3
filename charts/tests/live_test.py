"""Goal: the dashboard and the rules work against a real cluster, and metrics.md describes it.
Method: all services, real tasks, Debian's Prometheus scraping each of them once a second; then
every expression is run through its HTTP API.
"""

import json
import os
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.request

import checks
import expressions
from prometheus import Prometheus, QueryError

SOURCE = os.environ.get("MEROS_SOURCE_DIR", os.path.dirname(expressions.charts_root()))
BIN = os.environ.get("MEROS_BIN_DIR", os.path.join(SOURCE, "build/release/bin"))
DATA_LIMIT_S = 60  # for all panels to have data


class Cluster:
    """meros-local-cluster as a child process."""

    def __init__(self, directory):
        self._process = subprocess.Popen(
            [os.path.join(BIN, "meros-local-cluster"), f"--directory={directory}"],
            env={**os.environ, "MEROS_BIN_DIR": BIN}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the cluster does not start; its log is above")
        description = json.loads(line)
        self._masters = description["masters"]
        self.services = description["services"]

    def stop(self):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(timeout=60)

    def targets(self):
        targets = {}
        for service in self.services:
            targets.setdefault(service["job"], []).append(f"127.0.0.1:{service['metrics_port']}")
        return targets

    def metrics_of(self, service):
        url = f"http://127.0.0.1:{service['metrics_port']}/metrics"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read().decode()

    def cli(self, *arguments):
        done = subprocess.run(
            [os.path.join(BIN, "meros"), *arguments, "--insecure", f"--master={self._masters}"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, done.stdout, done.stderr


def wait_for(condition, what, limit_s=60):
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, f"not within {limit_s} s: {what}"
        time.sleep(0.2)


def run_tasks(cluster):
    """An ordinary day: tasks that end well, fail and are killed, and one that goes on."""
    for command, code in (("true", 0), ("echo hello", 0), ("exit 3", 3)):
        found = cluster.cli("run", "--cpus", "0.1", "--mem", "32", "--command", command)
        assert found[0] == code, found
    for command in ("sleep 600", "sleep 601"):
        found = cluster.cli("run", "--detach", "--cpus", "0.1", "--mem", "32", "--command", command)
        assert found[0] == 0, found
    task = found[1].strip()
    found = cluster.cli("kill", task)
    assert found[0] == 0, found
    wait_for(lambda: "KILLED" in cluster.cli("task", task)[1], "the killed task has ended")


class LiveTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="meros-charts-")
        cls.addClassCleanup(cls.directory.cleanup)
        cls.cluster = Cluster(cls.directory.name)
        cls.addClassCleanup(cls.cluster.stop)
        cls.prometheus = Prometheus(cls.directory.name, cls.cluster.targets())
        cls.enterClassContext(cls.prometheus)
        wait_for(lambda: len(cls.prometheus.query('up{job=~"meros-.+"} == 1')) ==
                 len(cls.cluster.services), "all services are scraped")
        cls.wait_for_scrapes()  # counters that start at 0 have been seen at 0
        run_tasks(cls.cluster)
        cls.wait_for_scrapes()  # and what the tasks counted has been scraped

    @classmethod
    def wait_for_scrapes(cls):
        """Until every service has been scraped after this moment."""
        again = f'count(timestamp(process_start_time_seconds{{job=~"meros-.+"}}) > {time.time()})'
        wait_for(lambda: cls.prometheus.query(again) == [len(cls.cluster.services)],
                 "all services are scraped again")

    def assert_nothing_wrong(self, wrong):
        self.assertFalse(wrong, "\n" + "\n".join(wrong))

    def test_every_expression_is_valid_and_names_what_exists(self):
        names, labels = self.prometheus.metric_names(), self.prometheus.label_names()
        series_names = set(self.prometheus.get("label/__name__/values"))
        found = expressions.all_expressions(expressions.charts_root())
        self.assertGreater(len(found), 50)
        wrong = []
        for expression in found:
            try:
                self.prometheus.query(expression.text)
            except QueryError as error:
                wrong.append(f"{expression.where}: {error}")
                continue
            wrong += checks.check_names(expression, names, labels)
            wrong += checks.check_selectors(expression, self.prometheus.query, series_names)
        self.assert_nothing_wrong(wrong)

    def test_every_panel_and_recording_rule_has_data(self):
        waiting = [e for e in expressions.all_expressions(expressions.charts_root())
                   if e.kind != "alert"]
        end = time.monotonic() + DATA_LIMIT_S
        while True:
            wrong = [(e, checks.check_data(e, self.prometheus.query)) for e in waiting]
            waiting = [expression for expression, why in wrong if why]
            if not waiting or time.monotonic() > end:
                break
            time.sleep(1)
        self.assert_nothing_wrong([line for _, why in wrong for line in why])

    def test_a_wrong_name_is_found_by_the_live_check(self):
        wrong = expressions.Expression("a panel", "panel", "x", "meros_master_no_such_metric")
        self.assertTrue(checks.check_names(wrong, self.prometheus.metric_names(), set()))
        self.assertTrue(checks.check_data(wrong, self.prometheus.query))
        with self.assertRaises(QueryError):
            self.prometheus.query("sum(")

    def test_rules_evaluate_and_no_alert_fires_in_a_healthy_cluster(self):
        self.assertEqual(self.prometheus.rule_errors(), [])
        self.assertEqual(self.prometheus.alerts(), {})

    def test_metrics_pass_promtool(self):
        for service in self.cluster.services:
            done = subprocess.run(["promtool", "check", "metrics"], text=True, capture_output=True,
                                  input=self.cluster.metrics_of(service), check=False)
            self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""), service["name"])

    def test_metrics_are_those_of_the_reference_page(self):
        with open(os.path.join(SOURCE, "docs/reference/metrics.md"), encoding="utf-8") as file:
            page = file.read()
        wrong = []
        for service in self.cluster.services:
            name = service["job"].removeprefix("meros-")
            self.assertGreater(len(checks.documented(page, name)), 10, name)
            wrong += checks.check_reference(page, name, self.cluster.metrics_of(service))
        self.assert_nothing_wrong(sorted(set(wrong)))

    def test_zz_an_outage_is_noticed(self):
        """Last, because it breaks the cluster: without its allocator no offers are made."""
        allocator = next(s for s in self.cluster.services if s["job"] == "meros-allocator")
        os.kill(allocator["pid"], signal.SIGKILL)
        expected = {"MerosServiceDown", "MerosAllocatorNotConnected"}
        wait_for(lambda: expected <= set(self.prometheus.alerts()), f"{expected} are pending")


if __name__ == "__main__":
    unittest.main(verbosity=2)
