"""Metrics are read from sources as they are written there, and pages that lag are found."""

import unittest

import documentation
import tidy

SOURCE = """
  sent_ = metrics->AddCounter("meros_a_sent_total", "Offers \\"sent\\", to "
                                                     "frameworks.");
  // metrics->AddGauge("meros_a_old", "Gone.");
  refused_ = metrics->AddCounterFamily(
      "meros_a_refused_total", "Refused.", {.label = "reason"});
  ends_ = registry->AddCounterTable("meros_a_ends_total", "Ends.", {"state", "why"});
  const std::string prefix = absl::StrCat("meros_", registry->service(), "_strand_");
  queued_ = registry->AddGauge(absl::StrCat(prefix, "queued_inputs"), "Waiting.");
  constexpr Row kRows[] = {{Counter::kLost, "meros_a_lost_total",
                            "Tasks that "
                            "are lost."}};
"""
ROWS = [
    ("meros_<service>_strand_queued_inputs", "gauge", "", "Waiting."),
    ("meros_a_ends_total", "counter", "state, why", "Ends."),
    ("meros_a_lost_total", "counter", "", "Tasks that are lost."),
    ("meros_a_refused_total", "counter", "reason", "Refused."),
    ("meros_a_sent_total", "counter", "", 'Offers "sent", to frameworks.'),
]


class MetricsTest(unittest.TestCase):

    def tree(self, page):
        contents = {"services/a/shell/m.cc": SOURCE}
        if page is not None:
            contents[documentation.METRICS_PAGE] = page
        return tidy.FakeTree(contents)

    def test_sources_are_read(self):
        self.assertEqual(ROWS, documentation.metrics(self.tree(None)))

    def test_the_written_page_passes(self):
        page = documentation.metrics_page(self.tree(None))
        self.assertEqual([], documentation.metric_findings(self.tree(page)))

    def test_missing_and_surplus_rows_are_found(self):
        self.assertEqual(1, len(documentation.metric_findings(self.tree(None))))
        page = documentation.metrics_page(self.tree(None))
        lacking = page.replace("Refused.", "Declined.")
        found = documentation.metric_findings(self.tree(lacking))
        self.assertEqual(2, len(found))


class FlagsTest(unittest.TestCase):

    def findings(self, page, sections):
        return documentation.flag_findings(
            tidy.FakeTree({documentation.FLAGS_PAGE: page}), sections
        )

    def test_a_section_must_be_what_the_program_prints(self):
        page = "# Flags\n\n## meros-a\n\n| x |\n\n## meros-b\n\n| y |\n"
        self.assertEqual(
            [], self.findings(page, {"a": "## meros-a\n\n| x |\n", "b": "## meros-b\n\n| y |\n"})
        )
        self.assertEqual(1, len(self.findings(page, {"a": "## meros-a\n\n| z |\n"})))
        self.assertEqual(1, len(self.findings(page, {"c": "## meros-c\n"})))
        self.assertEqual(1, len(self.findings(page, {"a": None})))


class MappedFlagsTest(unittest.TestCase):

    def findings(self, mapping):
        flags = (
            "# Flags\n\n## meros-master\n\n| `--a` | string | `x` | A. |\n\n"
            "## meros-agent\n\n| `--b` | string | `empty` | B. |\n"
        )
        return [
            finding.what
            for finding in documentation.mapped_flag_findings(
                tidy.FakeTree(
                    {documentation.FLAGS_PAGE: flags, documentation.MAPPED_FLAGS_PAGE: mapping}
                )
            )
        ]

    def test_flags_and_their_defaults_are_those_of_the_service(self):
        self.assertEqual([], self.findings("| `a` | `meros-master --a` (`x`), `meros-agent --b` |"))
        self.assertEqual(["meros-master has no flag --b"], self.findings("`meros-master --b`"))
        self.assertEqual(
            ["the default of --a is x, not y"], self.findings("`meros-master --a` (`y`, not z)")
        )


class TestNamesTest(unittest.TestCase):

    def test_only_tests_that_exist_may_be_named(self):
        tree = tidy.FakeTree(
            {
                "libs/a/a_test.cc": "TEST_F(Offers, AreMade) {}\nTEST(Offers,\n     End) {}",
                documentation.CHECKLIST_PAGE: "| `Offers.AreMade` `Offers.End` |\n| `Offers.Fly` |",
            }
        )
        findings = documentation.test_name_findings(tree)
        self.assertEqual([2], [finding.line for finding in findings])
        self.assertIn("Offers.Fly", findings[0].what)


class MetricNamesTest(unittest.TestCase):

    def test_only_metrics_that_exist_may_be_named(self):
        tree = tidy.FakeTree(
            {
                "services/a/shell/m.cc": SOURCE,
                "docs/operating/a.md": "`meros_a_sent_total`, `meros_master_strand_queued_inputs`\n"
                "and `meros_a_flown_total`",
            }
        )
        findings = documentation.metric_name_findings(tree)
        self.assertEqual([2], [finding.line for finding in findings])
        self.assertIn("meros_a_flown_total", findings[0].what)


if __name__ == "__main__":
    unittest.main()
