"""Walks over hash containers in cores are found; look-ups and ordered walks pass."""

import unittest

import hash_order
import tidy


def lines(body, header="", path="services/master/core/a.cc"):
    return [
        f.line
        for f in hash_order.check(tidy.FakeTree({path: body, "services/master/core/b.h": header}))
    ]


class HashOrderTest(unittest.TestCase):

    def test_members_of_other_headers_are_known(self):
        header = "absl::flat_hash_map<AgentId, std::vector<Offer>> offers_by_agent_;\n"
        self.assertEqual([1], lines("for (const auto& [id, o] : offers_by_agent_) {", header))
        self.assertEqual([1], lines("for (auto& x : this->offers_by_agent_) f(x);", header))
        self.assertEqual([1], lines("auto it = offers_by_agent_.begin();", header))

    def test_locals_aliases_and_arguments(self):
        self.assertEqual([2], lines("std::unordered_set<int> seen;\nfor (int x : seen) {"))
        self.assertEqual(
            [2], lines("void F(const absl::flat_hash_set<int>& ids) {\nfor (int x : ids) {")
        )
        self.assertEqual(
            [3], lines("using Ids = absl::flat_hash_set<int>;\nIds ids;\nfor (int x : ids) {")
        )

    def test_what_keeps_order_passes(self):
        header = "absl::flat_hash_map<int, int> map_;\nstd::map<int, int> sorted_;\n"
        self.assertEqual([], lines("for (auto& x : sorted_) {", header))
        self.assertEqual([], lines("auto it = map_.find(3); map_.erase(3);", header))
        self.assertEqual([], lines("std::vector<absl::flat_hash_set<int>> v;\nfor (auto& s : v) {"))
        self.assertEqual([], lines("for (auto& x : map_[3]) {", header))

    def test_names_of_locals_do_not_leak_into_other_files(self):
        self.assertEqual([], lines("for (int x : seen) {", "absl::flat_hash_set<int> seen;"))

    def test_shells_are_free(self):
        self.assertEqual(
            [],
            lines(
                "std::unordered_set<int> s;\nfor (int x : s) {", path="services/master/shell/a.cc"
            ),
        )


if __name__ == "__main__":
    unittest.main()
