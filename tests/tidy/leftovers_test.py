"""Each kind of leftover is found, and look-alikes pass."""

import unittest

import leftovers
import tidy


def rules(text, path="a.cc"):
    return [f.rule for f in leftovers.check(tidy.FakeTree({path: text}))]


class LeftoversTest(unittest.TestCase):

    def test_todo_needs_an_issue(self):
        self.assertEqual(["M7 todo"], rules("// TODO: later"))
        self.assertEqual(["M7 todo"], rules("// FIXME"))
        self.assertEqual(["M7 todo"], rules("// TODO(ann): later"))
        self.assertEqual([], rules("// TODO(issue-12): later"))
        self.assertEqual([], rules('mktemp("a.XXXXXX"); TODOS'))
        self.assertEqual([], rules("No TODO without an issue.", "a.md"))

    def test_blobs_are_found(self):
        self.assertEqual(["M8 blob"], rules("x" * (256 * 1024 + 1), "a.bin"))
        self.assertEqual([], rules("x" * (256 * 1024), "a.bin"))

    def test_paths_of_a_machine_are_found(self):
        self.assertEqual(["M9 machine path"], rules("see /home/ann/src"))
        self.assertEqual(["M9 machine path"], rules("in /Users/ann"))
        self.assertEqual([], rules("/var/lib/meros/work/x libs/work/y"))

    def test_conflicts_and_spaces(self):
        self.assertEqual(["M9 conflict"], rules("a\n<<<<<<< mine\n"))
        self.assertEqual(["M9 space"], rules("int a; \n"))
        self.assertEqual([], rules("a  \n", "a.md"))


if __name__ == "__main__":
    unittest.main()
