"""Usage computed a second time, from SEMANTICS.md (R1–R4, R6, R8, R10) and in plain Python.

Shares no code with the programs: records come through confluent-kafka and fastavro, log lines through
the regular expressions below. Two ways lead to the same numbers and are compared with what the
aggregator wrote: from the records of the topic, and from the input logs themselves. Slow and simple on
purpose: a state is recomputed from all records, never updated.
"""
import io
import json
import re
import struct
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import fastavro
from confluent_kafka import Consumer, KafkaException, TopicPartition
from fastavro.schema import fingerprint, to_parsing_canonical_form

from nitro_log import parse_time

ROOT = Path(__file__).resolve().parents[2]
HOUR_MS = 3_600_000
CLOCK_SLACK_MS = 5_000
RANGE_CAUSES = ("KILLED", "HOST_REBOOT", "HOST_LOST")
EVIDENCE_OF_TIMES = ("LOG", "PROC", "PIDFD", "INOTIFY", "BOOT", "CLI", "EC2", "UNKNOWN")
NIL_UUID = bytes(16)


@dataclass(frozen=True)
class Usage:
    """One run in one hour, milliseconds and products."""
    held_ms: int = 0
    running_ms: int = 0
    vcpu_ms: int = 0
    mib_ms: int = 0

    def __add__(self, other):
        return Usage(*(a + b for a, b in zip(self.values(), other.values())))

    def values(self):
        return (self.held_ms, self.running_ms, self.vcpu_ms, self.mib_ms)

    @staticmethod
    def of(row):
        return Usage(*(int(row[name]) for name in ("held_ms", "running_ms", "vcpu_ms", "mib_ms")))


# ---- reading the topic ---------------------------------------------------------------------------

@dataclass(frozen=True)
class Record:
    partition: int
    offset: int
    append_time: int
    key: bytes
    value: bytes


class Undecodable(Exception):
    pass


class UnknownSchema(Exception):
    pass


class Decoder:
    """Single-object encoding by the schema of this tree."""

    def __init__(self, path=ROOT / "schemas" / "lifecycle_event.avsc"):
        text = json.loads(Path(path).read_text())
        self.schema = fastavro.parse_schema(without_logical_types(text))
        # fastavro prints the CRC-64-AVRO fingerprint as the hex of its little-endian bytes.
        self.fingerprint = bytes.fromhex(
            fingerprint(to_parsing_canonical_form(text), "CRC-64-AVRO"))

    def decode(self, value):
        if value[:2] != b"\xc3\x01" or len(value) < 10:
            raise Undecodable("no single-object marker")
        if value[2:10] != self.fingerprint:
            raise UnknownSchema(value[2:10].hex())
        body = io.BytesIO(value[10:])
        try:
            event = fastavro.schemaless_reader(body, self.schema)
        except (EOFError, ValueError, IndexError, TypeError, struct.error, OverflowError) as e:
            raise Undecodable(str(e)) from e
        if body.read(1):
            raise Undecodable("bytes left over")
        return event

    def encode(self, event):
        body = io.BytesIO()
        fastavro.schemaless_writer(body, self.schema, event)
        return b"\xc3\x01" + self.fingerprint + body.getvalue()


def without_logical_types(schema):
    """fastavro would turn timestamp-millis into datetimes; everything here is Unix ms."""
    if isinstance(schema, dict):
        return {k: without_logical_types(v) for k, v in schema.items() if k != "logicalType"}
    return [without_logical_types(v) for v in schema] if isinstance(schema, list) else schema


def read_topic(bootstrap, topic, timeout_s=60.0):
    """Every record of a topic up to its end now, by partition, in order of offsets."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "independent",
                         "enable.auto.commit": False, "auto.offset.reset": "earliest"})
    try:
        partitions = sorted(consumer.list_topics(topic, timeout=10).topics[topic].partitions)
        ends = {p: range_of(consumer, TopicPartition(topic, p), timeout_s) for p in partitions}
        records = {p: [] for p in partitions}
        consumer.assign([TopicPartition(topic, p, low) for p, (low, _) in ends.items()])
        waiting = {p for p, (low, high) in ends.items() if high > low}
        while waiting:
            message = consumer.poll(timeout_s)
            assert message is not None, f"{topic}: no record within {timeout_s} s"
            assert message.error() is None, message.error()
            p = message.partition()
            kind, append_time = message.timestamp()
            assert kind == 2, f"{topic} does not have message.timestamp.type=LogAppendTime"
            if message.offset() < ends[p][1]:
                records[p].append(Record(p, message.offset(), append_time, message.key(),
                                         message.value()))
            if message.offset() + 1 >= ends[p][1]:
                waiting.discard(p)
        return records
    finally:
        consumer.close()


def range_of(consumer, partition, timeout_s):
    """First offset and the one after the last. A broker that was just started does not lead yet."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return consumer.get_watermark_offsets(partition, timeout=10)
        except KafkaException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


# ---- usage from records --------------------------------------------------------------------------

@dataclass
class Stated:
    """An event with what its record adds: where it lies and the partition's log time there."""
    offset: int
    log_time: int
    event: dict


class Partition:
    """The events of one partition. usage() may be asked as of any offset."""

    def __init__(self, records, decoder):
        self.stated = []
        self.undecodable = []
        log_time = -1
        for r in records:
            log_time = max(log_time, r.append_time)
            try:
                self.stated.append(Stated(r.offset, log_time, decoder.decode(r.value)))
            except Undecodable:
                self.undecodable.append(r.offset)
        self.next_offset = records[-1].offset + 1 if records else 0
        self.known = {}

    def runs(self, below_offset=None):
        """All runs, from the records below an offset."""
        if below_offset is None:
            below_offset = self.next_offset
        if below_offset not in self.known:
            self.known[below_offset] = runs_of([s for s in self.stated if s.offset < below_offset])
        return self.known[below_offset]

    def usage(self, hour, below_offset=None):
        """{(instance, run id): Usage} of one hour, from the records below an offset."""
        return {k: u for k, u in (((run.instance, run.run_id), run.usage(hour))
                                  for run in self.runs(below_offset)) if u}


@dataclass
class Run:
    instance: str
    run_id: str
    allocated: int
    running: int
    until: int          # end, or last proof of life
    vcpus: int
    memory_mib: int
    ended: bool
    end_cause: str
    name: str

    def usage(self, hour):
        """None when the run does not touch the hour."""
        held = overlap(self.allocated, self.until, hour)
        running = overlap(self.running, self.until, hour)
        if held is None and running is None:
            return None
        held = held or 0
        return Usage(held, running or 0, held * self.vcpus, held * self.memory_mib)


def overlap(start, end, hour):
    """Length of [start, end) within the hour; None: not there. A run of no length is there (R8)."""
    if start is None:
        return None
    first, last = max(start, hour), min(end, hour + HOUR_MS)
    if first > last or start >= hour + HOUR_MS or end < hour or (end == hour and start < hour):
        return None
    return last - first


def runs_of(stated):
    by_instance = defaultdict(list)
    for s in stated:
        if s.event["type"] not in ("TICK", "POLICY", "HOST_GONE", "UNKNOWN"):
            by_instance[s.event["instance_id"]].append(s)
    return [run for instance, mine in sorted(by_instance.items())
            for run in runs_of_instance(instance, mine)]


def runs_of_instance(instance, stated):
    alive = proof_of_life(stated)
    mentions = [m for s in stated for m in mentions_of(s)]
    for group in same_runs(mentions):
        run = merged(instance, group, alive, boot_times(stated))
        if run is not None:
            yield run


def proof_of_life(stated):
    """The newest watermark stated by an epoch without a gap up to its number (R3)."""
    seen = defaultdict(set)
    for s in stated:
        if s.event["type"] != "HEARTBEAT":
            seen[s.event["producer_epoch"]].add(s.event["seq"])
    dense = {epoch: dense_up_to(numbers) for epoch, numbers in seen.items()}
    linked = linked_epochs(stated, dense)
    return max((min(s.event["low_watermark"], s.log_time) for s in stated
                if s.event["low_watermark"] > 0 and s.event["producer_epoch"] in linked
                and s.event["seq"] <= dense.get(s.event["producer_epoch"], 0)), default=None)


def dense_up_to(numbers):
    n = 0
    while n + 1 in numbers:
        n += 1
    return n


def linked_epochs(stated, dense):
    """Epochs whose first record continues where an earlier linked one ended; the very first epoch of
    an instance continues nothing (R1)."""
    linked, previous = set(), None
    for s in stated:
        e = s.event
        if e["type"] == "HEARTBEAT" or e["seq"] != 1 or e["producer_epoch"] in linked:
            continue
        continues = e["prev_epoch"] in linked and e["prev_seq"] == dense[e["prev_epoch"]]
        if previous is None or continues:
            linked.add(e["producer_epoch"])
        previous = e["producer_epoch"]
    return linked


def mentions_of(s):
    """(facts of the run, the event, log time) for every run that an event speaks of in full."""
    if s.event["type"] in ("ALLOCATED", "RUNNING", "ENDED", "FAILED"):
        yield (s.event, s.event, s.log_time)
    if s.event["type"] == "SNAPSHOT":
        for run in s.event["running"]:
            if run["full"] is not None:
                yield ({"run_id": run["run_id"], **run["full"]}, s.event, s.log_time)


def slot_of(facts):
    enclave_id = facts["enclave_id"]
    return enclave_id.rsplit("-enc", 1)[1] if enclave_id and "-enc" in enclave_id else None


def same_runs(mentions):
    """Groups of mentions of one run: same run_id, or same slot, or same (boot, pid) and overlapping
    in time (R6)."""
    parent = {}

    def root(x):
        while parent.setdefault(x, x) != x:
            x = parent[x]
        return x

    for facts, _, _ in mentions:
        slot = slot_of(facts)
        if slot:
            parent[root(("run", facts["run_id"]))] = root(("slot", slot))
    while True:
        groups, processes = defaultdict(list), defaultdict(set)
        for m in mentions:
            group = root(("run", m[0]["run_id"]))
            groups[group].append(m)
            if m[0]["pid"] is not None and m[1]["boot_id"] != NIL_UUID:
                processes[(m[1]["boot_id"], m[0]["pid"])].add(group)
        pair = next(((a, b) for same in processes.values() for a in same for b in same
                     if a < b and at_once(groups[a], groups[b])), None)
        if pair is None:
            return list(groups.values())
        parent[pair[0]] = pair[1]


def at_once(a, b):
    spans = [span(a), span(b)]
    return max(s[0] for s in spans) < min(s[1] for s in spans)


def span(group):
    starts = [t for f, _, _ in group for t in (f["allocated_time"], f["running_time"])
              if t is not None]
    ends = [e["event_time"] for _, e, _ in group if e["type"] in ("ENDED", "FAILED")]
    return (min(starts, default=0), min(ends, default=1 << 62))


def strongest(candidates):
    """Of (evidence, time, value): the log's word first, then the earlier time. None without any."""
    known = [c for c in candidates if c[2] is not None]
    return min(known, key=lambda c: (EVIDENCE_OF_TIMES.index(c[0]), c[1]))[2] if known else None


def boot_times(stated):
    """boot id → when the host booted by its own clock (R4)."""
    return {s.event["boot_id"]: s.event["host"]["wall_time"] - s.event["host"]["boottime_ms"]
            for s in stated if s.event["host"] and s.event["host"]["boottime_ms"] >= 0}


def merged(instance, group, alive, booted):
    def clamped(time, e, log_time):
        if time is None:
            return None
        low = booted.get(e["boot_id"], 0)
        return min(max(time, low), log_time + CLOCK_SLACK_MS)

    def times(name):
        return strongest([(e["evidence"], f[name] or 0, clamped(f[name], e, log))
                          for f, e, log in group])

    def fact(name):
        return strongest([(e["evidence"], e["event_time"], f[name]) for f, e, _ in group])

    ends = [(e["evidence"], e["event_time"], (billed_end(e), e, log)) for _, e, log in group
            if e["type"] in ("ENDED", "FAILED")]
    allocated, running = times("allocated_time"), times("running_time")
    if allocated is None and running is None:
        return None
    end = strongest(ends)
    starts = [t for t in (allocated, running) if t is not None]
    until = clamped(*end) if end else max(starts + [alive] if alive is not None else starts)
    return Run(instance, min(f["run_id"] for f, _, _ in group), allocated, running,
               max(until, min(starts)), fact("vcpus") or 0, fact("memory_mib") or 0,
               end is not None, end[1]["end_cause"] if end else None, fact("name"))


def billed_end(e):
    if e["end_cause"] in RANGE_CAUSES and e["end_time_earliest"] is not None:
        return e["end_time_earliest"]
    return e["event_time"]


# ---- usage from logs -------------------------------------------------------------------------------

LINE = re.compile(rb"^\[(nitro-cli|enc-[0-9a-fx]+):(\d+)\]\[[A-Z]+\]\[([^\]]{24})\]\[[^\]]*\] (.*)$")
ENDS = (b"Enclave has completed termination.", b"Enclave terminated.",
        b"The connection listener has been stopped.")
BOOT_FAILED = b"[ E36 ] "


def runs_of_log(content, instance):
    """The runs that a nitro_enclaves.log tells of from start to end. Runs without an end line (killed
    enclaves) are left out: the log alone does not say when they ended."""
    runs, open_runs = [], {}
    for line in content.split(b"\n"):
        m = LINE.match(line)
        if not m or m[1] == b"nitro-cli":
            continue
        pid, when, message = int(m[2]), parse_time(m[3].decode()), m[4]
        if message.startswith(b"Enclave process PID: "):
            open_runs[pid] = Run(instance, None, None, None, None, 0, 0, False, None, None)
        run = open_runs.get(pid)
        if run is None:
            continue
        if message.startswith(b"Run args = "):
            run.vcpus, run.name = vcpus_of(message), name_of(message)
        elif message.startswith(b"Allocating memory regions to hold "):
            run.allocated = when
        elif message.startswith(b"Allocated "):
            run.memory_mib = held_mib(message)
        elif message.startswith(b"Enclave ID = "):
            run.running, run.run_id = when, message.rsplit(b"-enc", 1)[1].decode()
        elif message in ENDS or message.startswith(BOOT_FAILED) or \
                message == b"Enclave process %d exited event loop." % pid:
            run.until, run.ended = when, True
            if run.allocated is not None and run.memory_mib:
                runs.append(run)
            del open_runs[pid]
    return runs


def vcpus_of(message):
    count = re.search(rb"cpu_count: Some\((\d+)\)", message)
    if count:
        return int(count[1])
    return len(re.search(rb"cpu_ids: Some\(\[([^\]]*)\]\)", message)[1].split(b","))


def name_of(message):
    name = re.search(rb'enclave_name: Some\("(.*)"\) \}$', message)
    return name[1].decode() if name else None


def held_mib(message):
    unit = {b"MB": 1, b"GB": 1024}
    return sum(int(n) * int(size) * unit[u] for n, size, u in
               re.findall(rb"(\d+) page\(s\) of (\d+) (MB|GB)", message))


# ---- adding up -----------------------------------------------------------------------------------

def hours_of(runs):
    """Every hour that some run touches."""
    hours = set()
    for run in runs:
        start = min(t for t in (run.allocated, run.running) if t is not None)
        hours.update(range(start // HOUR_MS * HOUR_MS, run.until + 1, HOUR_MS))
    return sorted(hours)


def totals(runs):
    """(instance, hour) → Usage of all its runs. The comparison that needs no run ids."""
    result = defaultdict(Usage)
    for run in runs:
        for hour in hours_of([run]):
            usage = run.usage(hour)
            if usage:
                result[(run.instance, hour)] += usage
    return {k: u for k, u in result.items() if u != Usage()}
