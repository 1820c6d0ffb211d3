"""Forgotten sources, tests and headers are found; listed ones pass, also through loops."""

import unittest

import registration
import tidy


def findings(contents):
    return [
        (f.path, f.rule)
        for f in registration.check(tidy.FakeTree(contents), tidy.Ratchet("orphans", {}))
    ]


class RegistrationTest(unittest.TestCase):

    def test_listed_files_pass(self):
        self.assertEqual(
            [],
            findings(
                {
                    "libs/a/CMakeLists.txt": (
                        "meros_library(NAME a SRCS x.cc sub/y.cc)\n"
                        "meros_test(NAME x_test SRCS x_test.cc DEPS a)\n"
                    ),
                    "libs/a/x.cc": '#include "libs/a/x.h"',
                    "libs/a/x.h": "",
                    "libs/a/sub/y.cc": "",
                    "libs/a/x_test.cc": "",
                }
            ),
        )

    def test_an_orphan_is_found(self):
        self.assertEqual(
            [("libs/a/z.cc", "M5 orphan")],
            findings(
                {
                    "libs/a/CMakeLists.txt": "meros_library(NAME a SRCS xz.cc)",
                    "libs/a/xz.cc": "",
                    "libs/a/z.cc": "",
                }
            ),
        )

    def test_a_comment_does_not_register(self):
        self.assertEqual(
            [("libs/a/x_test.cc", "M5 unregistered")],
            findings(
                {
                    "libs/a/CMakeLists.txt": "# meros_test(NAME x SRCS x_test.cc)\n",
                    "libs/a/x_test.cc": "",
                }
            ),
        )

    def test_a_test_in_a_library_is_not_registered(self):
        self.assertEqual(
            [("libs/a/x_test.cc", "M5 unregistered")],
            findings(
                {
                    "libs/a/CMakeLists.txt": "meros_library(NAME a SRCS x_test.cc)",
                    "libs/a/x_test.cc": "",
                }
            ),
        )

    def test_a_loop_registers_its_words_only(self):
        cmake = (
            "foreach(t one two)\n  meros_test(NAME a_${t}_test SRCS ${t}_test.cc)\nendforeach()\n"
        )
        self.assertEqual(
            [("libs/a/three_test.cc", "M5 orphan")],
            findings(
                {
                    "libs/a/CMakeLists.txt": cmake,
                    "libs/a/one_test.cc": "",
                    "libs/a/two_test.cc": "",
                    "libs/a/three_test.cc": "",
                }
            ),
        )

    def test_a_header_that_nobody_includes_is_found(self):
        self.assertEqual([("libs/a/x.h", "M5 orphan")], findings({"libs/a/x.h": ""}))

    def test_python_tests_are_named_or_discovered(self):
        self.assertEqual(
            [("tests/b/x_test.py", "M5 unregistered")],
            findings(
                {
                    "tests/a/CMakeLists.txt": (
                        "meros_script_test(COMMAND python3 -m unittest discover)"
                    ),
                    "tests/a/x_test.py": "",
                    "tests/b/x_test.py": "",
                }
            ),
        )


if __name__ == "__main__":
    unittest.main()
