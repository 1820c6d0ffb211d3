"""The layering rule finds each kind of wrong include and passes the right ones."""

import unittest

import layering
import tidy


def findings(path, *targets):
    text = "".join(f"#include {t}\n" for t in targets)
    return [f.what for f in layering.check(tidy.FakeTree({path: text}))]


class LayeringTest(unittest.TestCase):

    def test_core_may_use_base_resources_tick_and_messages(self):
        self.assertEqual(
            [],
            findings(
                "services/master/core/offers.cc",
                '"services/master/core/offers.h"',
                '"libs/base/ids.h"',
                '"libs/resources/resources.h"',
                '"libs/runtime/tick.h"',
                '"meros/v1/task.pb.h"',
                "<vector>",
                '"absl/time/time.h"',
            ),
        )

    def test_core_may_not_do_io(self):
        for target in (
            '"meros/v1/s.grpc.pb.h"',
            "<grpcpp/grpcpp.h>",
            "<thread>",
            "<mutex>",
            "<chrono>",
            "<fstream>",
            "<iostream>",
            "<random>",
            '"absl/time/clock.h"',
            '"absl/synchronization/mutex.h"',
            '"libs/telemetry/log.h"',
            '"libs/storage/store.h"',
            '"libs/linux/file.h"',
            '"libs/runtime/clock.h"',
            '"libs/wire/task.h"',
            '"libs/base/mutex.h"',
            '"services/master/shell/server.h"',
            '"services/agent/core/task.h"',
            "<spdlog/spdlog.h>",
        ):
            with self.subTest(target):
                self.assertEqual(1, len(findings("services/master/core/offers.cc", target)))

    def test_core_tests_may_read_files_but_not_start_threads(self):
        self.assertEqual(
            [],
            findings(
                "services/master/core/offers_test.cc",
                "<fstream>",
                "<gtest/gtest.h>",
                '"libs/testing/matchers.h"',
            ),
        )
        self.assertEqual(1, len(findings("services/master/core/offers_test.cc", "<thread>")))

    def test_libraries_look_down(self):
        self.assertEqual(
            [], findings("libs/wire/task.h", '"libs/resources/resources.h"', '"libs/base/ids.h"')
        )
        self.assertEqual(1, len(findings("libs/base/ids.h", '"libs/wire/task.h"')))
        self.assertEqual(1, len(findings("libs/base/ids.h", '"services/master/core/core.h"')))
        self.assertEqual(1, len(findings("libs/unheard/of.h", '"libs/base/ids.h"')))

    def test_services_do_not_meet(self):
        self.assertEqual(
            [],
            findings(
                "services/master/shell/a.cc",
                '"services/master/core/core.h"',
                '"libs/rpc/server.h"',
                '"libs/telemetry/log.h"',
            ),
        )
        self.assertEqual(
            1, len(findings("services/master/shell/a.cc", '"services/agent/core/core.h"'))
        )
        self.assertEqual(1, len(findings("services/master/main.cc", '"libs/testing/process.h"')))
        self.assertEqual(1, len(findings("cli/run.cc", '"services/master/core/core.h"')))

    def test_the_command_line_may_enter_a_room_that_needs_no_service(self):
        self.assertEqual([], findings("cli/registry.cc", '"services/registry/backup/backup.h"'))
        self.assertEqual(1, len(findings("cli/registry.cc", '"services/registry/core/lease.h"')))
        self.assertEqual(1, len(findings("sdk/cpp/a.cc", '"services/registry/backup/backup.h"')))
        self.assertEqual([], findings("cli/simulate.cc", '"services/allocator/whatif/what_if.h"'))
        self.assertEqual(1, len(findings("cli/simulate.cc", '"services/allocator/core/core.h"')))

    def test_third_party_headers_have_owners(self):
        self.assertEqual([], findings("libs/telemetry/log.cc", "<spdlog/spdlog.h>"))
        self.assertEqual(1, len(findings("libs/rpc/server.cc", "<spdlog/spdlog.h>")))
        self.assertEqual(1, len(findings("libs/rpc/server.cc", '"gtest/gtest.h"')))
        self.assertEqual(1, len(findings("services/registry/shell/a.cc", "<sqlite3.h>")))

    def test_comments_do_not_count(self):
        self.assertEqual(
            [], findings("services/master/core/a.cc", '"libs/base/ids.h"\n// #include <thread>')
        )


if __name__ == "__main__":
    unittest.main()
