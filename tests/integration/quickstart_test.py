#!/usr/bin/env python3
"""What a new user does with ./quickstart: start, start again, stop, and everything a bit wrong.

Runs the script as it is, with the programs of this build (MEROS_BIN_DIR) and its state in a
directory of the test's own, so that it installs nothing, builds nothing and stops only what it
started.
"""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("MEROS_BIN_DIR", SOURCE / "build/release/bin")).resolve()
NOBODY = 65534
LIMIT_SECONDS = 120


def processes_naming(text):
    """Pids of processes with `text` in an argument, but for this one."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if text.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            pass
    return found


def eventually(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


class Quickstart:
    """One state directory, whose path has a space, and the script run on it."""

    def __init__(self, script=SOURCE / "quickstart", binaries=BIN, user=None, become=None):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="meros quickstart "))
        self.state = self.directory / "state"
        self.script, self.binaries, self.become = script, binaries, become or []
        if user is not None:
            os.chown(self.directory, user, user)
            self.become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]

    def command(self, *arguments):
        return [*self.become, str(self.script), *arguments]

    def environment(self):
        return {**os.environ, "MEROS_QUICKSTART_DIR": str(self.state),
                "MEROS_BIN_DIR": str(self.binaries)}

    def run(self, *arguments):
        return subprocess.run(self.command(*arguments), env=self.environment(), cwd="/",
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=LIMIT_SECONDS, check=False)

    def start(self, *arguments):
        return subprocess.Popen(self.command(*arguments), env=self.environment(), cwd="/",
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def meros(self, *arguments):
        variables = dict(word.split("=", 1) for word in
                         (self.state / "env").read_text().removeprefix("export ").split())
        return [str(self.binaries / "meros"), *arguments], {**os.environ, **variables}

    def pids(self):
        return {file.name: file.read_text() for file in (self.state / "pids").glob("*")}

    def left(self):
        """What --stop should have removed."""
        cgroup = f"meros-quickstart-{self.cksum()}"
        groups = [str(path) for path in pathlib.Path("/sys/fs/cgroup").glob(f"**/{cgroup}*")]
        pids = [str(self.state / "pids")] if (self.state / "pids").exists() else []
        return processes_naming(str(self.state)) + groups + pids

    def cksum(self):
        done = subprocess.run(["cksum"], input=f"{self.state}\n", stdout=subprocess.PIPE, text=True,
                              check=True)
        return done.stdout.split()[0]

    def remove(self):
        self.run("--stop")
        shutil.rmtree(self.directory, ignore_errors=True)


class QuickstartTest(unittest.TestCase):
    def setUp(self):
        self.quickstart = Quickstart()
        self.addCleanup(self.quickstart.remove)

    def assert_ran(self, done, text="tick 3"):
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn(f"\n{text}\n", done.stdout)

    def assert_nothing_left(self, quickstart=None):
        quickstart = quickstart or self.quickstart
        self.assertTrue(eventually(lambda: not quickstart.left()), quickstart.left())

    def test_once_runs_a_task_and_leaves_nothing(self):
        self.assert_ran(self.quickstart.run("--once"))
        self.assert_nothing_left()

    def test_the_exit_code_is_the_tasks(self):
        done = self.quickstart.run("--once", "--command", 'echo "it\'s me"; exit 7')
        self.assertEqual(done.returncode, 7, done.stdout)
        self.assertIn("\nit's me\n", done.stdout)
        self.assertIn("Stopped.", done.stdout)
        self.assert_nothing_left()

    def test_a_second_start_changes_nothing_and_more_agents_join(self):
        self.assert_ran(self.quickstart.run())
        first = self.quickstart.pids()
        self.assert_ran(self.quickstart.run("--command=echo again"), "again")
        self.assertEqual(self.quickstart.pids(), first)
        self.assert_ran(self.quickstart.run("--agents", "2"))
        self.assertEqual(sorted(self.quickstart.pids().keys() - first.keys()),
                         ["agent-2", "containerizer-2"])
        refused = self.quickstart.run("--masters", "2")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("--stop", refused.stdout)
        self.assertLessEqual(first.items(), self.quickstart.pids().items())

    def long_task(self):
        """Starts a task that would run for an hour; its `meros run`, and its argument."""
        mark = f"sleep 3600.{self.quickstart.cksum()}"
        command, environment = self.quickstart.meros("run", "--command", mark, "--cpus", "0.1",
                                                     "--mem", "32")
        run = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
        self.addCleanup(run.wait)
        self.addCleanup(run.kill)
        self.assertTrue(eventually(lambda: len(processes_naming(mark.split()[1])) > 1))
        return run, mark.split()[1]

    def test_stop_ends_tasks_too(self):
        self.assert_ran(self.quickstart.run())
        run, mark = self.long_task()
        stopped = self.quickstart.run("--stop")
        self.assertEqual(stopped.returncode, 0, stopped.stdout)
        self.assertNotEqual(run.wait(LIMIT_SECONDS), 0)
        self.assertEqual(processes_naming(mark), [])
        self.assert_nothing_left()
        self.assertIn("No cluster", self.quickstart.run("--stop").stdout)

    def test_stop_ends_tasks_also_without_a_master(self):
        self.assert_ran(self.quickstart.run())
        run, mark = self.long_task()
        os.kill(int(self.quickstart.pids()["master-1"].split()[0]), signal.SIGKILL)
        run.kill()
        run.wait()
        self.quickstart.run("--stop")
        self.assertEqual(processes_naming(mark), [])
        self.assert_nothing_left()

    def test_what_was_killed_is_started_again_where_it_was(self):
        self.assert_ran(self.quickstart.run("--masters", "2"))
        before, masters = self.quickstart.pids(), (self.quickstart.state / "env").read_text()
        os.kill(int(before["master-1"].split()[0]), signal.SIGKILL)
        self.assert_ran(self.quickstart.run())
        after = self.quickstart.pids()
        self.assertNotEqual(after.pop("master-1"), before.pop("master-1"))
        self.assertEqual(after, before)
        self.assertEqual((self.quickstart.state / "env").read_text(), masters)

    def test_a_pid_of_somebody_else_is_left_alone(self):
        stranger = subprocess.Popen(["sleep", "600"])
        self.addCleanup(stranger.wait)
        self.addCleanup(stranger.kill)
        (self.quickstart.state / "pids").mkdir(parents=True)
        texts = {"master-1": f"{stranger.pid} 1\n", "agent-1": "", "agent-2": "x\n"}
        for name, text in texts.items():
            (self.quickstart.state / "pids" / name).write_text(text)
        self.assertIn("No cluster", self.quickstart.run("--stop").stdout)
        self.assertIsNone(stranger.poll())

    def test_two_at_the_same_time_share_a_cluster(self):
        both = [self.quickstart.start("--command", f"echo mine{i}") for i in range(2)]
        for i, process in enumerate(both):
            out, _ = process.communicate(timeout=LIMIT_SECONDS)
            self.assertEqual(process.returncode, 0, out)
            self.assertIn(f"\nmine{i}\n", out)
        self.assertEqual(len(self.quickstart.pids()), 5)

    def test_two_directories_are_two_clusters(self):
        other = Quickstart()
        self.addCleanup(other.remove)
        both = [self.quickstart.start("--once"), other.start("--once")]
        for process in both:
            out, _ = process.communicate(timeout=LIMIT_SECONDS)
            self.assertEqual(process.returncode, 0, out)
        self.assert_nothing_left()
        self.assert_nothing_left(other)

    def test_interrupting_once_stops_the_cluster(self):
        process = self.quickstart.start("--once", "--command", "sleep 3600")
        self.assertTrue(eventually(lambda: (self.quickstart.state / "env").exists()))
        process.send_signal(signal.SIGTERM)
        # The task is in the way of the signal's trap: only its end lets bash go on.
        stopped = self.quickstart.run("--stop")
        self.assertEqual(stopped.returncode, 0, stopped.stdout)
        process.communicate(timeout=LIMIT_SECONDS)
        self.assertNotEqual(process.returncode, 0)
        self.assert_nothing_left()

    def test_wrong_arguments_are_named(self):
        for arguments, named in {("--no-such",): "--no-such", ("--agents", "0"): "--agents",
                                 ("--agents",): "--agents", ("--masters", "x"): "--masters",
                                 ("--agents=1e3",): "1e3", ("--command",): "--command"}.items():
            done = self.quickstart.run(*arguments)
            self.assertEqual(done.returncode, 2, (arguments, done.stdout))
            self.assertIn(named, done.stdout)
        self.assertFalse(self.quickstart.state.exists())

    @unittest.skipIf(os.geteuid() != 0, "only root becomes another user; the rest ran as this one")
    def test_a_plain_user_runs_without_isolation_and_is_told(self):
        # A checkout that this user can read, wherever ours lies.
        copy = pathlib.Path(tempfile.mkdtemp(prefix="meros copy "))
        self.addCleanup(shutil.rmtree, copy)
        copy.chmod(0o755)
        shutil.copy(SOURCE / "quickstart", copy)
        (copy / "bin").mkdir()
        for name in ("meros", "meros-registry", "meros-allocator", "meros-master", "meros-agent",
                     "meros-containerizer", "meros-init"):
            shutil.copy(BIN / name, copy / "bin")
        plain = Quickstart(copy / "quickstart", copy / "bin", NOBODY)
        self.addCleanup(plain.remove)
        done = plain.run("--once", "--command", "id -u")
        self.assert_ran(done, str(NOBODY))
        self.assertIn("WITHOUT isolation", done.stdout)
        self.assert_nothing_left(plain)
        # And a state directory of somebody else's is named, not half used.
        self.quickstart.state.mkdir(mode=0o755)
        self.quickstart.directory.chmod(0o755)
        plain.state = self.quickstart.state
        refused = plain.run()
        self.assertEqual(refused.returncode, 1, refused.stdout)
        self.assertIn(str(plain.state), refused.stdout)

    @unittest.skipIf(os.geteuid() != 0, "only root has capabilities to give up")
    def test_root_that_may_not_isolate_is_told_too(self):
        limited = Quickstart(become=["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-all"])
        self.addCleanup(limited.remove)
        done = limited.run("--once")
        self.assert_ran(done)
        self.assertIn("CAP_SYS_ADMIN", done.stdout)
        self.assert_nothing_left(limited)


if __name__ == "__main__":
    sys.exit(unittest.main())
