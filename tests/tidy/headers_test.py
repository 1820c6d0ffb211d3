"""A header that needs another is found, and the cache notices changes in what a header includes."""

import os
import tempfile
import unittest

import headers
import tidy


class HeadersTest(unittest.TestCase):

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.root = self.directory.name
        self.cache = headers.Cache(os.path.join(self.root, "cache.json"))

    def tearDown(self):
        self.directory.cleanup()

    def write(self, name, text):
        with open(os.path.join(self.root, name), "w", encoding="utf-8") as file:
            file.write(text)

    def check(self, *names):
        flags = {"": [f"-I{self.root}", "-std=c++20"]}
        return [f.path for f in headers.check_headers(self.root, names, flags, self.cache)]

    def test_a_header_that_needs_another_is_found(self):
        self.write("good.h", "#pragma once\n#include <cstdint>\ninline int64_t F() { return 1; }\n")
        self.write("bad.h", "#pragma once\ninline std::string F();\n")
        self.assertEqual(["bad.h"], self.check("good.h", "bad.h"))

    def test_a_change_in_an_included_file_is_noticed(self):
        self.write("a.h", "#pragma once\nstruct A {};\n")
        self.write("b.h", '#pragma once\n#include "a.h"\ninline A Make();\n')
        self.assertEqual([], self.check("b.h"))
        entry = headers.Cache(self.cache.path).entries["b.h"]
        self.assertTrue(headers.is_known_good(entry, entry["flags"]))

        self.write("a.h", "#pragma once\nstruct B {};\n")
        self.assertEqual(["b.h"], self.check("b.h"))

    def test_flags_are_those_that_matter(self):
        self.assertEqual(
            ["-I/x", "-DA=1", "-std=c++20", "-fPIC"],
            headers.flags_of(
                "c++ -I/x -DA=1 -O2 -std=c++20 -fPIC -include pch.h -Wall -c a.cc -o a.o"
            ),
        )

    def test_flags_come_from_the_nearest_folder(self):
        flags = {"libs/a": ["-DA"], "libs/b/core": ["-DB"]}
        self.assertEqual(["-DA"], headers.flags_for("libs/a/sub/x.h", flags))
        self.assertEqual(["-DB"], headers.flags_for("libs/b/x.h", flags))

    def test_a_build_without_precompiled_headers_proves_first_includes(self):
        tree = tidy.FakeTree(
            {"a.cc": '#include "a.h"\n#include "b.h"\n', "c.cc": '#include "c.h"\n'}
        )
        commands = [
            {"directory": tree.root, "file": "a.cc", "command": "c++ -c a.cc"},
            {
                "directory": tree.root,
                "file": "c.cc",
                "command": "c++ -include cmake_pch.hxx -c c.cc",
            },
        ]
        self.assertEqual({"a.h"}, headers.proven_by_build(tree, commands))


if __name__ == "__main__":
    unittest.main()
