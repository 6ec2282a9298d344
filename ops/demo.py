"""What ops/demo does once everything is built: three hosts, one Kafka, one aggregator, one hour.

The recorded logs of tests/data/nitro-cli-logs are moved as a whole into the last full UTC hour; the
policy's settle time is chosen such that this hour closes a few seconds after the aggregator started,
where in production it closes two minutes after the hour's end. With --live the hosts go on.
"""
import argparse
import csv
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from nitro_log import SAMPLES
from shift_log import shifted_logs
from testbed import ROOT, Failed, Kafka, Program, create_topics, free_port, wait_for

HOUR_MS = 3_600_000
BIN = ROOT / "build" / "release" / "bin"
TOPIC = "enclave.lifecycle"
CLOSES_AFTER_S = 15
# What each parent instance recorded; see tests/data/nitro-cli-logs/INDEX.md.
HOSTS = {
    "i-0de300000000000a1": ("b_two", "c_all"),
    "i-0de300000000000b2": ("e_crash", "d_name"),
    "i-0de300000000000c3": ("h_boot", "f_sigterm"),
}
ANCHOR = SAMPLES / "b_two" / "nitro_enclaves.log"
AT_MINUTE = 20
NO_END = "(no end seen)"


def say(text):
    print(f"[{time.monotonic() - T0:4.0f}s] {text}", flush=True)


T0 = time.monotonic() - (time.time() - float(os.environ.get("EM_T0") or time.time()))


class Interrupted(Exception):
    pass


def interrupted(*_):
    raise Interrupted


def utc(ms, form="%Y-%m-%d %H:%M"):
    return time.strftime(form, time.gmtime(ms // 1000))


def now_ms():
    return time.time_ns() // 1_000_000


# ---- the pieces --------------------------------------------------------------------------------

class Demo:
    """Everything that runs, in order of its start; stop() ends it in reverse order."""

    def __init__(self, live, output):
        self.live = live
        self.output = output
        self.work = Path(tempfile.mkdtemp(prefix="enclave-demo-"))
        self.sink = output / "sink"
        self.logs = output / "logs"
        self.hour = now_ms() // HOUR_MS * HOUR_MS - HOUR_MS
        self.http_port = free_port()
        self.running = []
        self.bootstrap = None

    def start(self, program):
        self.running.append(program)
        program.start()
        return program

    def stop(self):
        """True if everything ended when it was asked to."""
        clean = True
        for program in reversed(self.running):
            try:
                program.stop()
            except Failed as e:
                print(e, file=sys.stderr)
                clean = False
        shutil.rmtree(self.work, ignore_errors=True)
        return clean

    def check(self):
        return all(program.check() for program in self.running)

    def start_kafka(self):
        """Our own broker, or the one that EM_KAFKA_BOOTSTRAP names."""
        self.bootstrap = os.environ.get("EM_KAFKA_BOOTSTRAP")
        if not self.bootstrap:
            say("Starting Apache Kafka (one node, its data in a temporary directory)")
            kafka = Kafka(self.work / "kafka")
            self.running.append(kafka.program)
            self.bootstrap = kafka.start().bootstrap
        create_topics(self.bootstrap)
        say(f"Kafka answers on {self.bootstrap}; the topics of schemas/topics.yaml are there")

    def host_log(self, instance):
        return self.work / instance / "nitro_enclaves.log"

    def start_hosts(self):
        start_ms = self.hour + AT_MINUTE * 60_000
        for instance, folders in HOSTS.items():
            log = self.host_log(instance)
            log.parent.mkdir(parents=True)
            log.write_bytes(shifted_logs([SAMPLES / f / "nitro_enclaves.log" for f in folders],
                                         ANCHOR, start_ms, instance))
            self.start(Program(f"producer of {instance}", [
                BIN / "enclave-producer", "run", *set_args({
                    "instance.id": instance, "instance.type": "m5.2xlarge",
                    "instance.region": "eu-central-1", "log.path": log,
                    "journal.dir": log.parent / "journal", "topic": TOPIC,
                    "kafka.bootstrap.servers": self.bootstrap,
                    "heartbeat_interval": "5s"})], self.logs / f"producer-{instance}.log"))

    def start_aggregator(self):
        settle_s = (now_ms() - self.hour - HOUR_MS) // 1000 + CLOSES_AFTER_S
        self.closes_at = self.hour + HOUR_MS + settle_s * 1000
        self.start(Program("aggregator", [
            BIN / "enclave-aggregator", "run", *set_args({
                "sink": f"file://{self.sink}", "tenants": ROOT / "ops" / "demo-tenants.yaml",
                "topic": TOPIC, "kafka.bootstrap.servers": self.bootstrap,
                "kafka.group.id": "enclave-aggregator",
                "era.first_hour": utc(self.hour, "%Y-%m-%dT%H:00:00Z"),
                "policy.version": 1, "policy.settle": f"{settle_s}s",
                "policy.grace": f"{settle_s + 300}s", "policy.revision_interval": "30s",
                "policy.tick_interval": "1s", "checkpoint.interval": "5s",
                "http.listen": f"127.0.0.1:{self.http_port}", "seal.interval": "1s",
                "check.waive": "replication"})], self.logs / "aggregator.log"))

    def rollup(self):
        """The newest committed revision of the demo's hour that knows all hosts, or None. (On a slow
        machine the first one may come before their records have.)"""
        below = self.sink / "rollup" / utc(self.hour, "dt=%Y-%m-%d/hour=%H")
        committed = sorted(below.glob("rev=*/manifest.json"))
        if not committed:
            return None
        lines = read_csv(committed[-1].parent / "enclaves.csv")
        return committed[-1].parent if {r["instance_id"] for r in lines} == set(HOSTS) else None


def set_args(options):
    return [word for k, v in options.items() for word in ("--set", f"{k}={v}")]


# ---- the topic, read by an independent client -----------------------------------------------------

class Topic:
    """Decoded lifecycle events as they arrive (confluent-kafka, fastavro)."""

    def __init__(self, bootstrap):
        import fastavro
        from confluent_kafka import Consumer, TopicPartition
        self.fastavro = fastavro
        schema = json.loads((ROOT / "schemas" / "lifecycle_event.avsc").read_text())
        self.schema = fastavro.parse_schema(schema)
        self.consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "ops-demo",
                                  "enable.auto.commit": False, "auto.offset.reset": "earliest"})
        found = self.consumer.list_topics(TOPIC, timeout=10).topics[TOPIC].partitions
        self.partitions_n = len(found)
        self.policies_n = 0
        self.consumer.assign([TopicPartition(TOPIC, p, 0) for p in found])

    def poll(self, timeout_s):
        import io
        events = []
        for message in self.consumer.consume(1000, timeout_s):
            if message.error() is None:
                body = io.BytesIO(message.value()[10:])
                events.append(self.fastavro.schemaless_reader(body, self.schema))
        self.policies_n += sum(e["type"] == "POLICY" for e in events)
        return events

    def policies(self):
        """How many partitions have been told the policy (the aggregator tells each once)."""
        self.poll(0.1)
        return self.policies_n

    def close(self):
        self.consumer.close()


def wait_for_hosts(demo, topic):
    """Until every host's log has been told in full: its records have stopped coming."""
    seen, last, heard = set(), time.monotonic(), 0

    def quiet():
        nonlocal last, heard
        demo.check()
        told = [e for e in topic.poll(0.2) if e["type"] not in ("HEARTBEAT", "TICK", "POLICY")]
        if told:
            last = time.monotonic()
            heard += len(told)
            seen.update(e["instance_id"] for e in told)
        return len(seen) == len(HOSTS) and time.monotonic() - last > 1.0

    wait_for("records of all three hosts in Kafka", quiet, 60, 0)
    return heard


# ---- what a person sees ----------------------------------------------------------------------------

def table(rows, columns):
    """Columns: (title, key or function, align)."""
    cells = [[str(c(r) if callable(c) else r[c]) for _, c, _ in columns] for r in rows]
    widths = [max(len(title), *(len(row[i]) for row in cells), 0) if cells else len(title)
              for i, (title, _, _) in enumerate(columns)]
    for row in [[title for title, _, _ in columns], ["-" * w for w in widths], *cells]:
        print("  " + "  ".join(f"{cell:{align}{w}}" for cell, w, (_, _, align)
                               in zip(row, widths, columns)).rstrip())
    print(flush=True)


def shown(path):
    """Relative to the repository when it lies there."""
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def seconds(key):
    return lambda row: f"{int(row[key]) / 1000:.3f}"


def read_csv(path):
    with open(path, newline="", encoding="utf-8") as f:
        return list(csv.DictReader(f))


def show_rollup(demo, rollup):
    print(f"\nUsage per tenant, {utc(demo.hour)} – {utc(demo.hour + HOUR_MS, '%H:%M')} UTC"
          f"  ({shown(rollup)}/tenants.csv)\n")
    table(read_csv(rollup / "tenants.csv"), [
        ("tenant", "tenant", "<"), ("enclaves", "enclaves", ">"),
        ("held s", seconds("held_ms"), ">"), ("running s", seconds("running_ms"), ">"),
        ("vCPU·s", seconds("vcpu_ms"), ">"), ("MiB·s", seconds("mib_ms"), ">"),
        ("status", "status", "<"), ("complete", "complete", "<")])
    print("Its enclaves\n")
    table(read_csv(rollup / "enclaves.csv"), [
        ("tenant", "tenant", "<"), ("instance", "instance_id", "<"), ("name", "name", "<"),
        ("vCPUs", "vcpus", ">"), ("MiB", "memory_mib", ">"), ("held s", seconds("held_ms"), ">"),
        ("running s", seconds("running_ms"), ">"),
        ("ended by", lambda r: r["end_cause"] if r["end_time"] else NO_END, "<")])
    if any(not r["end_time"] for r in read_csv(rollup / "enclaves.csv")):
        print(f"  {NO_END}: killed without a line in the log, so held as far as the log can tell.\n")


def show_files(demo, rollup):
    print("Files\n")
    for path in sorted(p for p in demo.sink.rglob("*") if p.is_file()):
        name = path.relative_to(demo.sink)
        if name.parts[0] != "state" and not name.parts[0].startswith("."):
            print(f"  {path.stat().st_size:8d}  {name}")
    sink, here = shown(demo.sink), shown(rollup)
    a_part = max((p for p in demo.sink.glob("usage/**/*.avro")),
                 key=lambda p: p.stat().st_size).relative_to(demo.sink)
    print(f"""
Look next
  every file's sha256, the parts it came from, the link to the hour before:
      {here}/manifest.json
  all hashes, links and sums checked again:
      build/release/bin/enclave-aggregator verify file://{demo.sink}
  a part as JSON lines:
      build/release/bin/enclave-aggregator dump {sink}/{a_part}
  a log as events, without any broker:
      build/release/bin/enclave-producer parse tests/data/nitro-cli-logs/b_two/nitro_enclaves.log
  the same with a fleet that goes on:
      ops/demo --live
""", flush=True)


# ---- --live ------------------------------------------------------------------------------------------

def get_json(demo, path):
    """The aggregator's answer, or None while there is none."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{demo.http_port}{path}", timeout=2) as reply:
            return json.load(reply)
    except (urllib.error.URLError, TimeoutError, ConnectionError, json.JSONDecodeError):
        return None


def describe(e):
    name = e["name"] or e["enclave_id"] or e["run_id"]
    size = f"{e['vcpus']} vCPUs, {e['memory_mib']} MiB"
    if e["type"] == "ALLOCATED":
        return f"{name:22} takes {size}"
    if e["type"] == "RUNNING":
        return f"{name:22} runs"
    held = (e["event_time"] - e["allocated_time"]) / 1000 if e["allocated_time"] else 0
    detail = f" {e['end_detail']}" if e["end_detail"] else ""
    return f"{name:22} {e['end_cause'].lower()}{detail} after {held:.1f} s"


def millis(event):
    return {k: round(v.timestamp() * 1000) if hasattr(v, "timestamp") else v
            for k, v in event.items()}


def show_usage(demo):
    """One line per tenant of the hour that is running now, from the aggregator's own view."""
    hour = utc(now_ms(), "%Y-%m-%dT%H:00:00Z")
    usage = get_json(demo, f"/v1/usage?hour={hour}")
    rows = usage.get("tenants") if usage else None
    if rows:
        print(f"\n  usage per tenant since {utc(now_ms(), '%H:00')} UTC, provisional")
        table(rows, [("tenant", "tenant", "<"), ("enclaves", "enclaves", ">"),
                     ("held s", seconds("held_ms"), ">"), ("vCPU·s", seconds("vcpu_ms"), ">"),
                     ("MiB·s", seconds("mib_ms"), ">")])


def go_live(demo, topic):
    say("The fleet goes on: usage and ends appear as they happen. Ctrl-C stops everything.")
    began = now_ms()
    demo.start(Program("fleet", [sys.executable, ROOT / "ops" / "live_fleet.py", *[
        word for instance in HOSTS for word in ("--log", f"{instance}={demo.host_log(instance)}")]],
        demo.logs / "fleet.log"))
    next_summary = time.monotonic() + 10
    while True:
        demo.check()
        for e in map(millis, topic.poll(0.3)):
            if e["type"] in ("ALLOCATED", "RUNNING", "ENDED", "FAILED") and e["event_time"] >= began:
                print(f"  {utc(e['event_time'], '%H:%M:%S')}  {e['instance_id']}  {describe(e)}",
                      flush=True)
        if time.monotonic() >= next_summary:
            show_usage(demo)
            next_summary += 10


# ---- the order of things ----------------------------------------------------------------------------

def fresh_output(demo):
    """Empties the output directory of an earlier demo, and nobody else's."""
    mark = demo.output / "made-by-ops-demo"
    demo.output.mkdir(parents=True, exist_ok=True)
    if any(demo.output.iterdir()) and not mark.exists():
        raise Failed(f"{demo.output} holds files that are not this demo's: move them away")
    for directory in (demo.sink, demo.logs):
        shutil.rmtree(directory, ignore_errors=True)
    mark.touch()


def play(demo):
    fresh_output(demo)
    demo.start_kafka()
    topic = Topic(demo.bootstrap)
    try:
        demo.start_aggregator()
        wait_for("the aggregator's policy in every partition",
                 lambda: demo.check() and topic.policies() == topic.partitions_n, 60, 0)
        say("The aggregator owns all partitions and has written its policy into them")
        demo.start_hosts()
        say(f"Three producers read the nitro-cli logs of {', '.join(HOSTS)}")
        heard = wait_for_hosts(demo, topic)
        say(f"{heard} lifecycle events are in Kafka")
        say(f"Waiting for the hour {utc(demo.hour)} UTC to be closed"
            f" (at {utc(demo.closes_at, '%H:%M:%S')})")
        wait_for("a committed rollup with all three hosts",
                 lambda: demo.check() and demo.rollup(), 120)
        say("The hour is sealed")
        show_rollup(demo, demo.rollup())
        show_files(demo, demo.rollup())
        if demo.live:
            go_live(demo, topic)
    finally:
        topic.close()


def main():
    parser = argparse.ArgumentParser(prog="ops/demo", description=__doc__.splitlines()[0])
    parser.add_argument("--live", action="store_true")
    parser.add_argument("--output", type=Path, default=ROOT / "demo-output")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    demo = Demo(options.live, options.output.resolve())
    status = 0
    try:
        play(demo)
    except Interrupted:
        print()
        say("Interrupted")
    except Failed as e:
        print(f"\nops/demo: {e}\nAll output of the programs: {demo.logs}", file=sys.stderr)
        status = 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    finally:
        clean = stop_everything(demo)
    return status if clean else 1


def stop_everything(demo):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    say("Stopping everything")
    clean = demo.stop()
    say(f"Nothing is left running. The files stay in {shown(demo.output)}/")
    return clean


if __name__ == "__main__":
    sys.exit(main())
