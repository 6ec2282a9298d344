"""ops/demo as a person runs it: it shows what it promises, and leaves nothing running however it ends."""
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from testbed import ROOT, wait_for


class DemoRun:
    """ops/demo with temporary files of its own, by which its processes are found again."""

    def __init__(self, directory, *args, **environment):
        self.directory = directory
        self.said = directory / "said.txt"
        environment = {**os.environ, "TMPDIR": str(directory), **environment}
        with open(self.said, "wb") as out:
            self.process = subprocess.Popen(
                [ROOT / "ops" / "demo", *args, "--output", directory / "out"], stdout=out,
                stderr=out, stdin=subprocess.DEVNULL, env=environment, start_new_session=True)

    def text(self):
        return self.said.read_text(errors="replace")

    def wait_for_text(self, pattern, timeout_s):
        def found():
            assert self.process.poll() is None, self.text()[-3000:]
            return re.search(pattern, self.text())

        return wait_for(f"ops/demo to say {pattern}", found, timeout_s)

    def end(self, timeout_s=60):
        return self.process.wait(timeout_s)

    def left_running(self):
        """Command lines of processes that mention this run's directory."""
        found = []
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                command = entry.read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if str(self.directory).encode() in command:
                found.append(command.replace(b"\0", b" ").decode())
        return found


@pytest.fixture
def demo(tmp_path):
    started = []

    def start(*args, **environment):
        started.append(DemoRun(tmp_path, *args, **environment))
        return started[-1]

    yield start
    for run in started:
        if run.process.poll() is None:
            run.process.terminate()
            run.end()


def test_the_live_demo_shows_usage_starts_and_ends_until_ctrl_c_and_leaves_nothing(demo):
    """Without --live it does the same up to the table and ends by itself: see test_compose."""
    run = demo("--live")
    run.wait_for_text(r"takes \d+ vCPUs", 400)
    for tenant in ("alpha-bank", "web-shop", "unattributed"):
        assert re.search(rf"^  {tenant} +\d+ +[\d.]+ ", run.text(), re.M), run.text()[-3000:]
    assert "manifest.json" in run.text()
    run.wait_for_text(r"(terminated|exited|signalled).* after [\d.]+ s", 90)
    os.kill(run.process.pid, signal.SIGINT)
    assert run.end() == 0, run.text()[-3000:]
    assert "Nothing is left running" in run.text()
    assert not run.left_running()


@pytest.mark.parametrize("moment", ["Starting Apache Kafka", "Three producers read",
                                    "Waiting for the hour"])
def test_ctrl_c_leaves_nothing_running_whenever_it_comes(demo, moment):
    run = demo()
    run.wait_for_text(moment, 400)
    assert run.left_running()
    os.kill(run.process.pid, signal.SIGINT)
    assert run.end() == 0, run.text()[-3000:]
    assert not run.left_running()


def test_a_killed_demo_takes_its_programs_with_it(demo):
    run = demo()
    run.wait_for_text("Waiting for the hour", 400)
    os.kill(run.process.pid, signal.SIGKILL)
    run.end()
    wait_for("all programs to be gone", lambda: not run.left_running(), 60,
             explain=run.left_running)


def test_an_error_is_told_and_leaves_nothing_running(demo):
    run = demo(EM_KAFKA_BOOTSTRAP="127.0.0.1:1")
    assert run.end(400) == 1
    assert "ops/demo: " in run.text()
    assert not run.left_running()
