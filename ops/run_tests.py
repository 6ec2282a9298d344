"""The runner behind ops/test: stages in order, one line of progress each, every single test counted.

A stage that ran no test has failed: silence proves nothing. Uses nothing but the standard library,
because the Python environment of the integration tests is made while the first stage builds.
"""
import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
LOGS = BUILD / "test-logs"
JOBS = int(os.environ.get("EM_JOBS") or os.cpu_count() or 1)
T0 = int(os.environ.get("EM_T0") or time.time())
CTEST_OUTPUT_MAX = 50_000_000
FUZZ_TOTAL_S = 60
children = set()


@dataclass
class Result:
    """Of a stage: tests passed, and what failed in words for a person."""
    passed: int = 0
    failures: list = field(default_factory=list)

    def add(self, other):
        self.passed += other.passed
        self.failures += other.failures
        return self


def say(text):
    print(f"[{int(time.time()) - T0:4d}s] {text}", flush=True)


def run(log, command, shell=False, env=None, append=True, cwd=ROOT):
    """Runs a command with its output in a log file; returns the exit status."""
    LOGS.mkdir(parents=True, exist_ok=True)
    with open(LOGS / log, "ab" if append else "wb") as out:
        out.write(f"$ {command if shell else ' '.join(map(str, command))}\n".encode())
        out.flush()
        child = subprocess.Popen(["bash", "-c", command] if shell else [str(c) for c in command],
                                 stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=cwd,
                                 env={**os.environ, **(env or {})}, start_new_session=True)
        children.add(child)
        try:
            return child.wait()
        finally:
            children.discard(child)


def end_children(*_):
    for child in list(children):
        try:
            os.killpg(child.pid, signal.SIGTERM)
        except ProcessLookupError:
            continue
    sys.exit(130)


def tail(log, lines=25):
    text = (LOGS / log).read_bytes()[-20000:].decode("utf-8", "replace")
    return "\n".join(text.splitlines()[-lines:])


def lib(command):
    return f". ops/lib.sh; set -e; {command}"


# ---- stages ------------------------------------------------------------------------------------

def build(preset, log, targets="", configure="-DEM_TESTS=ON"):
    """Counts as one test: it builds without a warning."""
    status = run(log, lib(f"build_preset {preset} {targets}"), shell=True,
                 env={"EM_CMAKE_ARGS": configure})
    if status == 0:
        return Result(passed=1)
    text = (LOGS / log).read_text(errors="replace").splitlines()
    errors = [line for line in text if not re.match(r"\[\d+/\d+\] |ccache |ops: failed", line)]
    return Result(failures=["\n".join([f"build {preset} (build/test-logs/{log}):", *errors[-25:]])])


def ctest(preset, log, *select):
    report = LOGS / f"{preset}.junit.xml"
    report.unlink(missing_ok=True)
    run(log, ["ctest", "--test-dir", BUILD / preset, "-j", JOBS, "--output-junit", report,
              "--test-output-size-passed", CTEST_OUTPUT_MAX,
              "--test-output-size-failed", CTEST_OUTPUT_MAX, "--timeout", "300", *select])
    if not report.exists():
        return Result(failures=[f"ctest {preset}:\n{tail(log)}"])
    result = Result()
    for case in ET.parse(report).getroot().iter("testcase"):
        result.add(count_case(case))
    if result == Result():
        result.failures.append(f"ctest {preset} {' '.join(select)}: not a single test ran")
    return result


def count_case(case):
    """A ctest test is a program of many tests: cmocka says which; others may say `N passed`."""
    output = case.findtext("system-out") or ""
    name, ok = case.get("name"), case.get("status") == "run"
    passed = len(re.findall(r"^\[ +OK \]", output, re.M))
    failed = sum(int(n) for n in re.findall(r"^\[ +FAILED +\] .*?(\d+) test\(s\)", output, re.M))
    stated = re.findall(r"^(\d+) passed, (\d+) failed$", output, re.M)
    if not passed and not failed and stated:
        passed, failed = map(int, stated[-1])
    if ok and not failed:
        return Result(passed=max(passed, 1))
    shown = "\n".join(output.splitlines()[-25:])
    return Result(passed, [f"{name}:\n{shown}"] + [f"{name} (more)"] * (max(failed, 1) - 1))


def stage_unit(_):
    result = build("dev", "unit.log")
    return result if result.failures else result.add(ctest("dev", "unit.log"))


def stage_clang(_):
    return build("clang", "clang.log")


def stage_release(_):
    result = build("release", "release.log", "enclave-producer enclave-aggregator")
    if result.failures:
        return result
    return result.add(ctest("release", "release.log", "-R", "^tidy"))


def stage_fuzz(options):
    result = build("fuzz", "fuzz.log")
    if result.failures:
        return result
    targets = sorted((BUILD / "fuzz" / "bin").glob("*_fuzz"))
    total_s = FUZZ_TOTAL_S * (10 if options.long else 1)
    seconds = max(2, min(30 if not options.long else 300, total_s * JOBS // max(len(targets), 1)))
    waiting, lock = list(targets), threading.Lock()

    def work():
        while True:
            with lock:
                if not waiting:
                    return
                target = waiting.pop(0)
            one = fuzz_one(target, seconds)
            with lock:
                result.add(one)

    workers = [threading.Thread(target=work) for _ in range(JOBS)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    if not targets:
        result.failures.append("no fuzz target was built")
    return result


def fuzz_one(target, seconds):
    subject = target.name.removesuffix("_fuzz")
    log = f"fuzz-{subject}.log"
    seeds = ROOT / "tests" / "fuzz" / "corpus" / subject
    found = BUILD / "fuzz" / "found" / subject
    found.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        status = run(log, [target, f"-max_total_time={seconds}", "-timeout=20",
                           "-rss_limit_mb=1024", "-print_final_stats=1", f"-artifact_prefix={found}/",
                           work, seeds], append=False)
    if status == 0:
        return Result(passed=1)
    return Result(failures=[f"fuzz {subject} (input kept in {found}):\n{tail(log)}"])


def stage_integration(options):
    prepared.join()
    if prepare_failed:
        return Result(failures=[f"preparing Kafka and Python:\n{tail('prepare.log')}"])
    result = build("dev", "integration-build.log", "enclave-producer enclave-aggregator")
    if result.failures:
        return result
    report = LOGS / "integration.junit.xml"
    report.unlink(missing_ok=True)
    python = subprocess.run(["bash", "-c", ". ops/lib.sh; echo $EM_VENV/bin/python"], cwd=ROOT,
                            capture_output=True, text=True, check=True).stdout.strip()
    command = [python, "-m", "pytest", "-p", "no:cacheprovider", "-v", "--tb=short",
               f"--junit-xml={report}", "tests/integration"]
    command += ["--long"] if options.long else []
    command += ["--seed", options.seed] if options.seed else []
    log = "integration.log"
    run(log, command, append=False, env={"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"})
    for line in re.findall(r"^(?:kills:|seed ).*$", (LOGS / log).read_text(errors="replace"), re.M):
        say(f"  {line}")
    if not report.exists():
        result.failures.append(f"pytest:\n{tail(log)}")
        return result
    for case in ET.parse(report).getroot().iter("testcase"):
        trouble = [e for kind in ("failure", "error") for e in case.findall(kind)]
        if trouble:
            result.failures.append(f"{case.get('classname')}.{case.get('name')}: "
                                   f"{trouble[0].get('message', '')[:600]}")
        elif case.find("skipped") is None:
            result.passed += 1
    return result


STAGES = {"unit": stage_unit, "clang": stage_clang, "release": stage_release, "fuzz": stage_fuzz,
          "integration": stage_integration}
prepare_failed = []


def prepare():
    if run("prepare.log", lib("need_venv; need_kafka"), shell=True, append=False) != 0:
        prepare_failed.append(True)


prepared = threading.Thread(target=prepare)


def main():
    parser = argparse.ArgumentParser(prog="ops/test")
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=", ".join(STAGES))
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--seed")
    options = parser.parse_args()
    unknown = [s for s in options.stages if s not in STAGES]
    if unknown:
        parser.error(f"no stage {unknown[0]}; stages: {', '.join(STAGES)}")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end_children)
    LOGS.mkdir(parents=True, exist_ok=True)
    for old in LOGS.iterdir():
        old.unlink()
    stages = options.stages or list(STAGES)
    if "integration" in stages:
        prepared.start()
    total = Result()
    for name in stages:
        say(f"{name} …")
        result = STAGES[name](options)
        if result.passed == 0 and not result.failures:
            result.failures.append(f"{name}: not a single test ran")
        for failure in result.failures:
            print(f"FAILED {failure}\n", flush=True)
        say(f"{name}: {result.passed} passed, {len(result.failures)} failed")
        total.add(result)
    print(f"logs: {LOGS}")
    print(f"{total.passed} passed, {len(total.failures)} failed", flush=True)
    return 1 if total.failures else 0


if __name__ == "__main__":
    sys.exit(main())
