"""Goal: the checks of the live test find what they are there to find. Method: a made-up Prometheus.
"""

import unittest

import checks
import expressions

PAGE = """| metric | kind | label | meaning |
|---|---|---|---|
| `meros_master_offers_sent_total` | counter |  | Offers sent. |
| `meros_master_agents` | gauge | state | Agents by state. |
| `meros_<service>_bugs_total` | counter |  | Bugs. |
| `meros_master_task_ends_total` | counter | state, why | Ends. |
| `meros_agent_registered` | gauge |  | 1 while registered. |
"""
LIVE = """# HELP meros_master_offers_sent_total Offers sent.
# TYPE meros_master_offers_sent_total counter
meros_master_offers_sent_total 3
# TYPE meros_master_agents gauge
meros_master_agents{state="a{b}=c"} 1
# TYPE meros_master_bugs_total counter
meros_master_bugs_total 0
# TYPE meros_master_task_ends_total counter
meros_master_task_ends_total{state="lost",why=""} 1
# TYPE process_threads gauge
process_threads 5
"""
NAMES = {"meros_master_offers_sent_total", "meros_master_agents", "up"}
LABELS = {"job", "instance", "state"}


def panel(text):
    return expressions.Expression("overview.json: Offers (A)", "panel", "Offers", text)


class NamesTest(unittest.TestCase):
    def check(self, text):
        return checks.check_names(panel(text), NAMES, LABELS)

    def test_what_exists_is_accepted(self):
        self.assertEqual(self.check('sum by (job) (meros_master_agents{state="x"}) / up'), [])

    def test_a_wrong_metric_name_is_found(self):
        self.assertEqual(
            self.check("rate(meros_master_offers_send_total[1m])"),
            ["overview.json: Offers (A): no service exposes meros_master_offers_send_total"])

    def test_a_wrong_label_is_found(self):
        self.assertIn("no series has the label stat", self.check("sum by (stat) (up)")[0])
        self.assertIn("unknown label sate", self.check('meros_master_agents{sate="x"}')[0])


class SelectorsTest(unittest.TestCase):
    def test_a_label_value_that_nobody_uses_is_found(self):
        asked = []

        def query(text):
            asked.append(text)
            return [1.0] if "connected" in text else []

        names = {"meros_master_agents"}
        good = panel('meros_master_agents{state="connected"}')
        bad = panel('meros_master_agents{state="conected"} > 0')
        self.assertEqual(checks.check_selectors(good, query, names), [])
        self.assertIn("selects nothing", checks.check_selectors(bad, query, names)[0])
        self.assertEqual(asked[0], 'count(meros_master_agents{state="connected"})')

    def test_a_family_without_series_is_passed_over(self):
        rare = panel('meros_containerizer_container_destroy_errors_total')
        self.assertEqual(checks.check_selectors(rare, lambda _: [], set()), [])


class DataTest(unittest.TestCase):
    def test_nothing_and_nan_are_no_data(self):
        self.assertEqual(checks.check_data(panel("up"), lambda _: [0.0]), [])
        self.assertEqual(checks.check_data(panel("up"), lambda _: [float("nan"), 1.0]), [])
        self.assertIn("no data", checks.check_data(panel("up"), lambda _: [])[0])
        self.assertIn("NaN", checks.check_data(panel("up"), lambda _: [float("nan")])[0])


class ReferenceTest(unittest.TestCase):
    def test_a_page_that_fits(self):
        self.assertEqual(checks.check_reference(PAGE, "master", LIVE), [])

    def test_what_only_one_side_has_is_found(self):
        more = LIVE + "# TYPE meros_master_new gauge\n"
        self.assertEqual(checks.check_reference(PAGE, "master", more),
                         ["metrics.md does not describe meros_master_new of meros-master"])
        less = LIVE.replace("# TYPE meros_master_bugs_total counter\n", "")
        self.assertEqual(
            checks.check_reference(PAGE, "master", less),
            ["meros-master does not expose meros_master_bugs_total, which metrics.md describes"])

    def test_another_kind_and_another_label_are_found(self):
        self.assertIn("it is a counter", checks.check_reference(
            PAGE, "master", LIVE.replace("agents gauge", "agents counter"))[0])
        self.assertIn("it has ['role']", checks.check_reference(
            PAGE, "master", LIVE.replace("{state=", "{role="))[0])


if __name__ == "__main__":
    unittest.main()
