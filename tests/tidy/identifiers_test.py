"""Each forbidden identifier is found where it is forbidden, and only there."""

import unittest

import identifiers
import tidy


def lines(path, text):
    return [
        f.line
        for f in identifiers.check(tidy.FakeTree({path: text}), tidy.Ratchet("identifiers", {}))
    ]


class IdentifiersTest(unittest.TestCase):

    def test_each_rule_bites(self):
        for text in (
            "absl::Now()",
            "std::chrono::steady_clock::now()",
            "absl::SleepFor(x)",
            "usleep(3)",
            "std::random_device d;",
            "rand()",
            "std::regex r;",
            "std::mutex m;",
            "std::lock_guard l(m);",
            "std::cout << 1;",
            "assert(x);",
            "LOG(FATAL)",
            "throw x;",
            "catch (...)",
            "FRIEND_TEST(a, b)",
            "#define private public",
            'system("ls")',
            "atoi(s)",
            "std::stoi(s)",
            "getenv(s)",
            "class A : public grpc::ServerBidiReactor<A, B> {",
            "goto out;",
            'for (auto& s : List("/proc").value()) {',
        ):
            with self.subTest(text):
                self.assertEqual([2], lines("services/master/shell/a.cc", f"\n{text}\n"))

    def test_look_alikes_pass(self):
        for text in (
            "clock.sleep(3)",
            "my_rand()",
            "// rand() is not used",
            '"std::cout"',
            "static_assert(x)",
            "task.throw_count",
            "FileSystem(x)",
            "backoff_rand(1)",
            "for (auto& s : names.value()) {",
        ):
            with self.subTest(text):
                self.assertEqual([], lines("services/master/shell/a.cc", text))

    def test_owners_and_tests_may(self):
        self.assertEqual([], lines("libs/runtime/clock.cc", "absl::Now()"))
        reactor = "grpc::ServerBidiReactor<A, B>"
        self.assertEqual([], lines("libs/rpc/a.h", f"class A : public {reactor} {{"))
        self.assertEqual([], lines("services/a/shell/s.h", f"{reactor}* Watch();"))
        self.assertEqual([], lines("services/master/core/a_test.cc", "std::stoi(s)"))

    def test_tests_of_units_do_not_sleep(self):
        self.assertEqual([1], lines("services/master/core/a_test.cc", "absl::SleepFor(x);"))
        self.assertEqual([], lines("tests/integration/a_test.cc", "absl::SleepFor(x);"))

    def test_cores_have_more_rules(self):
        for text in (
            "MEROS_LOG(INFO) << 1;",
            "std::atomic<int> a;",
            "grpc::Status s;",
            "telemetry::Counter c;",
        ):
            with self.subTest(text):
                self.assertEqual([1], lines("services/master/core/a.cc", text))
                self.assertEqual([], lines("services/master/shell/a.cc", text))


if __name__ == "__main__":
    unittest.main()
