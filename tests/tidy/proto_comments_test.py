"""Silent declarations of each kind are found, commented ones pass."""

import unittest

import proto_comments
import tidy


def silent(text):
    tree = tidy.FakeTree({"a.proto": text})
    return [f.what.split()[0] for f in proto_comments.check(tree)]


class ProtoCommentsTest(unittest.TestCase):

    def test_each_kind_is_found(self):
        self.assertEqual(
            ["M", "a", "b", "c", "o", "d", "E", "E_ONE", "S", "Get"],
            silent("""
syntax = "proto3";
message M {
  string a = 1;
  repeated foo.Bar b = 2 [packed = true];
  map<string, int32> c = 3;
  oneof o {
    string d = 4;
  }
  reserved 5;
  enum E {
    E_ONE = 1;
  }
}
service S {
  rpc Get(A) returns (B);
}
"""),
        )

    def test_comments_above_and_behind_count(self):
        self.assertEqual(
            [],
            silent("""
// A message.
message M {
  string a = 1;  // The name.
  /* The
     size. */
  int32 b = 2;
  // A long one.
  optional string c = 3
      [default = "x"];
  optional string d = 4
      [default = "x"];  // The end counts.
}
"""),
        )

    def test_a_comment_serves_one_declaration(self):
        self.assertEqual(
            ["b"], silent("// M.\nmessage M {\n  // A.\n  int32 a = 1;\n  int32 b = 2;\n}\n")
        )


if __name__ == "__main__":
    unittest.main()
