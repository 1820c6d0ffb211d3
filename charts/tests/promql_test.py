"""Goal: every selector and label of an expression is found, and nothing else. Method: expressions.
"""

import unittest

import promql


def selectors(expression):
    return sorted(map(str, promql.references(expression).selectors))


class SelectorsTest(unittest.TestCase):
    def test_a_metric_with_and_without_matchers(self):
        self.assertEqual(selectors("meros_a"), ["meros_a"])
        self.assertEqual(selectors('rate(meros_a_total{job="x", state=~"a|b"}[5m])'),
                         ['meros_a_total{job="x",state=~"a|b"}'])
        self.assertEqual(selectors('{__name__=~"meros_.+_bugs_total"} > 0'),
                         ['{__name__=~"meros_.+_bugs_total"}'])

    def test_functions_keywords_numbers_and_strings_are_no_metrics(self):
        self.assertEqual(
            selectors('sum by (job) (a) / on (job) group_left (x) b{c="d e"} '
                      'unless f offset 5m > 1e3'),
            ["a", 'b{c="d e"}', "f"])
        self.assertEqual(selectors('label_replace(vector(0), "l", "$1", "m", "(.*)") or NaN'), [])
        self.assertEqual(selectors("histogram_quantile(0.99, sum(rate(x_bucket[1m])) by (le))"),
                         ["x_bucket"])
        self.assertEqual(selectors("max_over_time(x[5m:10s]) and y == bool 1  # z"), ["x", "y"])

    def test_recorded_names_hold_colons(self):
        self.assertEqual(selectors("instance:meros_x:max > 2"), ["instance:meros_x:max"])

    def test_labels_of_groupings_and_of_matchers(self):
        found = promql.references('sum by (job, le) (a{state!="x",use=~"y=z"}) + ignoring(b) c')
        self.assertEqual(found.grouping_labels, {"job", "le", "b"})
        labels = set().union(*(selector.labels() for selector in found.selectors))
        self.assertEqual(labels, {"state", "use"})


if __name__ == "__main__":
    unittest.main()
