"""Debian's Prometheus as a child process, and the few calls of its HTTP API that the tests need."""

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import yaml

import expressions


class QueryError(Exception):
    """Prometheus refused a query; the text says why."""


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write_config(path, targets):
    """The example configuration with real addresses, and everything once a second.

    `targets` holds "host:port" lists by job. Every job of the example has some."""
    with open(os.path.join(expressions.charts_root(), "prometheus.yaml"), encoding="utf-8") as file:
        config = yaml.safe_load(file)
    config["global"].update(scrape_interval="1s", scrape_timeout="1s", evaluation_interval="1s")
    config["rule_files"] = expressions.rule_files(expressions.charts_root())
    for job in config["scrape_configs"]:
        job["static_configs"] = [{"targets": targets[job["job_name"]]}]
    with open(path, "w", encoding="utf-8") as file:
        yaml.safe_dump(config, file)


class Prometheus:
    """Runs from __enter__ to __exit__, with its data and log in `directory`."""

    def __init__(self, directory, targets):
        self._directory = directory
        self._targets = targets
        self._process = None
        self._url = ""

    def __enter__(self):
        config = os.path.join(self._directory, "prometheus.yaml")
        write_config(config, self._targets)
        log_path = os.path.join(self._directory, "prometheus.log")
        for _ in range(5):  # another process may take the port between the probe and the start
            port = _free_port()
            with open(log_path, "ab") as log:
                self._process = subprocess.Popen(
                    ["prometheus", f"--config.file={config}",
                     f"--storage.tsdb.path={self._directory}/data",
                     f"--web.listen-address=127.0.0.1:{port}"],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            self._url = f"http://127.0.0.1:{port}"
            if self._wait_ready():
                return self
            self.__exit__()
        with open(log_path, encoding="utf-8") as log:
            raise RuntimeError("prometheus does not start:\n" + log.read()[-2000:])

    def __exit__(self, *_):
        self._process.terminate()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _wait_ready(self):
        for _ in range(300):
            if self._process.poll() is not None:
                return False
            try:
                with urllib.request.urlopen(self._url + "/-/ready", timeout=5):
                    return True
            except OSError:
                time.sleep(0.1)
        return False

    def get(self, path, **parameters):
        """The `data` of an answer."""
        url = f"{self._url}/api/v1/{path}?{urllib.parse.urlencode(parameters, doseq=True)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise QueryError(json.load(error).get("error", str(error))) from error

    def query(self, expression):
        """Values of an instant query's series. Raises QueryError."""
        result = self.get("query", query=expression)
        if result["resultType"] != "vector":
            return [float(result["result"][1])]
        return [float(series["value"][1]) for series in result["result"]]

    def metric_names(self):
        """What the services expose, whether it has series yet or not, and what rules record."""
        names = set(self.get("label/__name__/values"))
        for name, entries in self.get("metadata").items():
            names.add(name)
            if entries[0]["type"] == "histogram":
                names.update(name + suffix for suffix in ("_bucket", "_sum", "_count"))
        return names

    def label_names(self):
        return set(self.get("labels"))

    def alerts(self):
        """{name: state} of alerts that are pending or firing."""
        alerts = self.get("alerts")["alerts"]
        return {alert["labels"]["alertname"]: alert["state"] for alert in alerts}

    def rule_errors(self):
        return [f"{rule['name']}: {rule['lastError']}" for group in self.get("rules")["groups"]
                for rule in group["rules"] if rule.get("lastError")]
