"""Sizes are measured right, and ratchets only shrink."""

import unittest

import sizes
import tidy


def lengths(text):
    return [(name, length) for name, _, length in sizes.cpp_functions(tidy.strip_cpp(text))]


def empty():
    names = ("line_width", "function_length", "file_length")
    return {name: tidy.Ratchet(name, {}) for name in names}


class FunctionLengthTest(unittest.TestCase):

    def test_functions_methods_and_constructors(self):
        text = """namespace a {
class B : public C {
 public:
  B(int x) : x_{x}, y_(2) {
    one();
  }
  int Get() const { return x_; }
};
absl::Status B::Run(const std::vector<int>& v) {
  for (int i : v) {
    if (i) { two(); }
  }
  auto f = [&] { return 3; };
}
bool operator==(const B& a, const B& b) {
  return true;
}
constexpr int kTable[] = {
  1,
};
}  // namespace a
"""
        self.assertEqual(
            [("B", 1), ("constructor", 3), ("Get", 1), ("B::Run", 6), ("operator==", 3)],
            lengths(text),
        )

    def test_a_test_body_is_a_function(self):
        self.assertEqual([("A.B", 3)], lengths("TEST(A, B) {\n  x();\n}\n"))

    def test_a_function_that_returns_a_struct(self):
        self.assertEqual([("Make", 3)], lengths("struct stat Make(int x) {\n  x();\n}\n"))

    def test_braces_in_literals_and_arguments(self):
        self.assertEqual([("F", 3)], lengths("void F(A a = {}) {\n  g('{', \"}\");  // {\n}\n"))

    def test_long_functions_are_found(self):
        text = "void F() {\n" + "  x();\n" * 80 + "}\n"
        found = sizes.check(tidy.FakeTree({"a.cc": text}), empty())
        self.assertEqual(["F has 82 lines, at most 70"], [f.what for f in found])

    def test_python_functions_too(self):
        text = "def f():\n" + "    x()\n" * 80
        self.assertEqual(1, len(sizes.check(tidy.FakeTree({"a.py": text}), empty())))


class WidthAndFileTest(unittest.TestCase):

    def test_width_counts_characters_and_spares_links(self):
        text = "// " + "é" * 97 + "\n// " + "x" * 98 + "\n// https://" + "y" * 100 + "\n"
        found = sizes.check(tidy.FakeTree({"a.h": text}), empty())
        self.assertEqual([("a.h", 2)], [(f.path, f.line) for f in found])

    def test_long_files_are_found(self):
        self.assertEqual(1, len(sizes.check(tidy.FakeTree({"a.h": "\n" * 501}), empty())))
        self.assertEqual([], sizes.check(tidy.FakeTree({"a.h": "\n" * 500}), empty()))


class RatchetTest(unittest.TestCase):

    def check(self, lines, allowed):
        ratchets = empty()
        ratchets["file_length"] = tidy.Ratchet("file_length", {"a.h": allowed})
        return [f.what for f in sizes.check(tidy.FakeTree({"a.h": "\n" * lines}), ratchets)]

    def test_an_entry_allows_its_count(self):
        self.assertEqual([], self.check(600, 600))

    def test_growth_is_a_finding(self):
        self.assertEqual(["601 lines, at most 500"], self.check(601, 600))

    def test_a_stale_entry_is_a_finding(self):
        self.assertEqual(["'a.h' is allowed 600 but needs 599"], self.check(599, 600))
        self.assertEqual(["'a.h' is allowed 600 but needs 0"], self.check(10, 600))


if __name__ == "__main__":
    unittest.main()
