"""What the integration tests share: programs on a topic of their own, hosts with logs that grow, and
readers of what the aggregator wrote. Times are Unix ms; everything ends with the test.
"""
import csv
import hashlib
import json
import os
import random
import re
import subprocess
import time
from collections import defaultdict
from pathlib import Path

import fastavro

from independent import HOUR_MS, Decoder, Partition, Usage, read_topic
from nitro_log import Host
from testbed import Program, create_topics

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("EM_BIN") or ROOT / "build" / "dev" / "bin")
TOPIC = "enclave.lifecycle"
# Seconds where production has minutes, so that hours of the past close while a test looks on.
QUICK_POLICY = {"policy.version": 1, "policy.settle": "2s", "policy.grace": "4s",
                "policy.revision_interval": "2s", "policy.tick_interval": "1s"}
SANITIZERS = {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=1:verify_asan_link_order=0",
              "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"}


def now_ms():
    return time.time_ns() // 1_000_000


def this_hour():
    return now_ms() // HOUR_MS * HOUR_MS


def set_args(options):
    return [word for k, v in options.items() for word in ("--set", f"{k}={v}")]


def run_once(program, *args, timeout_s=60, stdin=None):
    """Runs a command to its end: (exit status, stdout, stderr) as text."""
    done = subprocess.run([str(BIN / program), *map(str, args)], capture_output=True,
                          timeout=timeout_s, stdin=stdin or subprocess.DEVNULL, check=False,
                          env={**os.environ, **SANITIZERS})
    return done.returncode, done.stdout.decode("utf-8", "replace"), \
        done.stderr.decode("utf-8", "replace")


class HostUnderTest(Host):
    """A parent instance with a log file on disk and the options of its producer."""

    def __init__(self, bench, instance, **options):
        super().__init__(instance, bench.rng.randrange(1 << 30))
        self.directory = bench.directory / "hosts" / instance
        self.log = self.directory / "nitro_enclaves.log"
        self.directory.mkdir(parents=True)
        self.log.touch()
        self.options = {
            "instance.id": instance, "log.path": self.log,
            "journal.dir": self.directory / "journal", "topic": bench.topic,
            "kafka.bootstrap.servers": bench.kafka.bootstrap, "heartbeat_interval": "1s",
            "log.poll_interval": "20ms", "check.waive": "replication,min_insync",
            **options}
        self.producer = Program(f"producer {instance}", [
            BIN / "enclave-producer", "run", "--log-format", "json", *set_args(self.options)],
            self.directory / "producer.log", env={**SANITIZERS, **bench.host_env})
        bench.programs.append(self.producer)

    def append(self, content):
        with open(self.log, "ab") as f:
            f.write(content)

    def append_records(self, records):
        self.append(b"".join(r.bytes() for r in records))

    def journal_holds(self, text):
        """Something with this text has been committed and not been trimmed yet."""
        return any(text.encode() in p.read_bytes()
                   for p in Path(self.options["journal.dir"]).glob("*") if p.is_file())


class Bench:
    """One test's topic, hosts, aggregators and sinks."""

    def __init__(self, kafka, directory, seed, booted_long_ago=True):
        self.kafka = kafka
        self.directory = Path(directory)
        self.rng = random.Random(seed)
        self.topic = f"lifecycle-{hashlib.sha256(str(directory).encode()).hexdigest()[:12]}"
        self.programs = []
        self.decoder = Decoder()
        self.host_env = {"LD_PRELOAD": long_booted(directory)} if booted_long_ago else {}

    def make_topic(self, partitions=3, **config):
        create_topics(self.kafka.bootstrap, partitions, [TOPIC], {TOPIC: self.topic}, config)

    def host(self, number, **options):
        return HostUnderTest(self, f"i-{number:017x}", **options)

    def aggregator_options(self, sink, first_hour, **options):
        return {
            "sink": f"file://{sink}", "topic": self.topic,
            "kafka.bootstrap.servers": self.kafka.bootstrap, "kafka.group.id": self.topic,
            "kafka.session.timeout.ms": 2000, "kafka.heartbeat.interval.ms": 300,
            "era.first_hour": iso_hour(first_hour), "checkpoint.interval": "1s",
            "check.waive": "replication", "http.listen": "off", "seal.interval": "1s",
            **QUICK_POLICY, **options}

    def aggregator(self, name, sink, first_hour, **options):
        program = Program(name, [
            BIN / "enclave-aggregator", "run", "--log-format", "json",
            *set_args(self.aggregator_options(sink, first_hour, **options))],
            self.directory / f"{name}.log", env=SANITIZERS)
        self.programs.append(program)
        return program

    def partitions(self):
        """The topic as the independent computation sees it: {number: Partition}."""
        return {p: Partition(records, self.decoder) for p, records in
                read_topic(self.kafka.bootstrap, self.topic).items()}

    def close(self):
        for program in self.programs:
            if program.running():
                program.kill()


def long_booted(directory):
    """Compiles long_booted.c; returns the library's path."""
    library = Path(directory) / "long_booted.so"
    source = Path(__file__).with_name("long_booted.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", source, "-o", library], check=True)
    return str(library)


def iso_hour(ms):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ms // 1000))


# ---- what lies in a sink -------------------------------------------------------------------------

HOUR_PATH = re.compile(r"dt=(\d{4}-\d\d-\d\d)/hour=(\d\d)/(?:p=(\d+)/)?rev=(\d+)")


def hour_of_path(path):
    m = HOUR_PATH.search(str(path))
    return int(time.mktime(time.strptime(f"{m[1]} {m[2]} UTC", "%Y-%m-%d %H %Z")) -
               time.timezone) * 1000, int(m[3]) if m[3] else None, int(m[4])


class Sink:
    """A file:// sink, read by fastavro, csv and json: independent of the programs."""

    def __init__(self, directory):
        self.directory = Path(directory)

    def files(self, pattern="**/*"):
        """Names (relative) of objects; files that are being written have other names."""
        return sorted(str(p.relative_to(self.directory)) for p in self.directory.glob(pattern)
                      if p.is_file() and not p.name.startswith("."))

    def read(self, name):
        return (self.directory / name).read_bytes()

    def parts(self):
        """{(hour, partition): [(revision, statement, rows)]}, revisions ascending."""
        found = defaultdict(list)
        for name in self.files("usage/**/rev=*.avro"):
            hour, partition, revision = hour_of_path(name)
            with open(self.directory / name, "rb") as f:
                reader = fastavro.reader(f)
                statement = json.loads(reader.metadata["enclave.part"])
                found[(hour, partition)].append((revision, statement, list(reader)))
        return {k: sorted(v, key=lambda part: part[0]) for k, v in found.items()}

    def committed(self):
        """{hour: newest committed revision}."""
        newest = {}
        for name in self.files("rollup/**/manifest.json"):
            hour, _, revision = hour_of_path(name)
            newest[hour] = max(newest.get(hour, 0), revision)
        return newest

    def rollup_dir(self, hour, revision):
        t = time.gmtime(hour // 1000)
        return self.directory / time.strftime(
            f"rollup/dt=%Y-%m-%d/hour=%H/rev={revision:04d}", t)

    def csv(self, hour, revision, name):
        with open(self.rollup_dir(hour, revision) / name, newline="", encoding="utf-8") as f:
            return list(csv.DictReader(f))

    def avro(self, hour, revision, name):
        with open(self.rollup_dir(hour, revision) / name, "rb") as f:
            return list(fastavro.reader(f))

    def manifest(self, hour, revision):
        return json.loads((self.rollup_dir(hour, revision) / "manifest.json").read_text())


def fold(revisions, upto=None):
    """R10: a line of a later revision replaces the line of the same run. Zeros are no usage."""
    lines = {}
    for revision, _, rows in revisions:
        if upto is None or revision <= upto:
            for row in rows:
                if row["line_kind"] == "USAGE":
                    lines[(row["instance_id"], row["run_id"])] = Usage.of(row)
    return nonzero(lines)


def nonzero(usage):
    return {k: u for k, u in usage.items() if u != Usage()}


def difference(expected, got):
    """A difference that a person can read; empty when equal."""
    return [f"{k}: expected {expected.get(k)}, got {got.get(k)}"
            for k in sorted({*expected, *got}) if expected.get(k) != got.get(k)]


def check_revisions(sink, partitions):
    """Every revision says what the records below its own next offset say. Returns how many."""
    checked = 0
    for (hour, p), revisions in sink.parts().items():
        for revision, statement, _ in revisions:
            expected = nonzero(partitions[p].usage(hour, statement["offset_next"]))
            wrong = difference(expected, fold(revisions, revision))
            assert not wrong, f"p={p} {iso_hour(hour)} rev {revision}:\n" + "\n".join(wrong)
            checked += 1
    return checked


def settled(sink, partitions, hours):
    """Differences between what all records say and the fold of all parts; empty when there are none."""
    parts = sink.parts()
    wrong = []
    for hour in hours:
        for p, partition in partitions.items():
            wrong += [f"p={p} {iso_hour(hour)} {line}" for line in difference(
                nonzero(partition.usage(hour)), fold(parts.get((hour, p), [])))]
    return wrong


def rollup_usage(rows):
    return nonzero({(r["instance_id"], r["run_id"]): Usage.of(r) for r in rows
                    if r["kind"] == "USAGE"})
