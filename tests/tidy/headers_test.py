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
        self.preloads = headers.Preloads(self.root, self.root, {})

    def tearDown(self):
        self.directory.cleanup()

    def write(self, name, text):
        with open(os.path.join(self.root, name), "w", encoding="utf-8") as file:
            file.write(text)

    def read(self, name):
        with open(os.path.join(self.root, name), encoding="utf-8") as file:
            return file.read()

    def check(self, *names):
        flags = {"": [f"-I{self.root}", "-std=c++20"]}
        findings = headers.check_headers(self.root, names, flags, self.cache, self.preloads)
        return [finding.path for finding in findings]

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

    def test_what_a_header_includes_is_read_before_it(self):
        self.write("costly.h", "#pragma once\nstruct Costly {};\n")
        self.write("by.h", '#pragma once\n#include "costly.h"\n')
        self.write("good.h", '#pragma once\n#include "by.h"\ninline Costly Make();\n')
        self.write("bad.h", "#pragma once\ninline Costly Make();\n")
        tree = tidy.FakeTree({n: self.read(n) for n in ("costly.h", "by.h", "good.h", "bad.h")})
        included = headers.included_by(tree)
        self.preloads = headers.Preloads(self.root, self.root, included, names=("costly.h",))

        self.assertEqual({"by.h", "costly.h"}, included["good.h"])
        self.assertEqual(["bad.h"], self.check("costly.h", "by.h", "good.h", "bad.h"))
        ((used, _),) = self.preloads.made.values()
        self.assertEqual("-include", used[0])
        read = headers.Cache(self.cache.path).entries["good.h"]["read"]
        self.assertIn(os.path.realpath(os.path.join(self.root, "costly.h")), read)

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

    def test_sources_that_are_compiled_as_one_have_its_flags(self):
        one = os.path.join(self.root, "unity_0_cxx.cxx")
        self.write("unity_0_cxx.cxx", f'#include "{self.root}/libs/a.cc"\n')
        commands = [
            {"directory": self.root, "file": one, "command": f"c++ -I/x -c {one}"},
            {"directory": self.root, "file": "/gen/b.pb.cc", "command": "c++ -I/y -c b.pb.cc"},
        ]
        self.assertEqual({"libs": ["-I/x"]}, headers.flags_by_folder(commands, self.root))

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
