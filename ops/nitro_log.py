"""Reading recorded nitro_enclaves.log files, and writing the same life cycles again at other times.

A record is `[TAG][LEVEL][time][file:line] message`, followed by unprefixed lines that belong to it.
Formats and orders are never invented: templates are cut out of the recordings in
tests/data/nitro-cli-logs, and only pids, slots, names, sizes and times are replaced in them. Used by
ops/shift_log.py, ops/live_fleet.py and tests/integration; the product has its own parser in C.
"""
import functools
import random
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

SAMPLES = Path(__file__).resolve().parent.parent / "tests" / "data" / "nitro-cli-logs"
RECORDED_INSTANCE = b"i-0a1b2c3d4e5f60718"
HEADER = re.compile(
    rb"^\[(nitro-cli|enc-[0-9a-fx]+):(\d+)\]\[([A-Z]+)\]\[(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)\]")
ERROR_FILE_TIME = re.compile(rb"(/err)(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})(\d{6}\+00:00\.log)")
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MIB = 1 << 20
PAGE_MIB = 2


def parse_time(text):
    """`2026-11-21T00:24:01.002Z` (with or without Z) → Unix ms."""
    when = datetime.strptime(text.rstrip("Z"), "%Y-%m-%dT%H:%M:%S.%f").replace(tzinfo=timezone.utc)
    return (when - EPOCH) // timedelta(milliseconds=1)


def format_time(ms):
    when = EPOCH + timedelta(milliseconds=ms)
    return when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}"


@dataclass
class Record:
    """One log record: its head taken apart, its text as bytes (with all continuation lines)."""
    time: int          # Unix ms
    program: bytes     # nitro-cli or enc-<slot>
    pid: int
    level: bytes
    text: bytes        # from `[file:line]` to the last newline

    def message(self):
        return self.text.split(b"] ", 1)[-1]

    def bytes(self):
        return b"[%s:%d][%s][%sZ]%s" % (self.program, self.pid, self.level,
                                        format_time(self.time).encode(), self.text)


def read_records(path):
    records = []
    for line in Path(path).read_bytes().splitlines(keepends=True):
        head = HEADER.match(line)
        if head:
            records.append(Record(parse_time(head[4].decode()), head[1], int(head[2]), head[3],
                                  line[head.end():]))
        elif records:
            records[-1].text += line
    return records


def shift_bytes(content, by_ms, instance=None):
    """A recorded log with every record's time moved by by_ms; nothing else changes but, if asked for,
    the parent instance id in the enclave ids."""
    def moved(text):
        return format_time(parse_time(text.decode()) + by_ms).encode()

    lines = []
    for line in content.splitlines(keepends=True):
        head = HEADER.match(line)
        if head:
            line = line[:head.start(4)] + moved(head[4]) + b"Z" + line[head.end(4):]
        line = ERROR_FILE_TIME.sub(lambda m: m[1] + moved(m[2]) + m[3], line)
        if instance:
            line = line.replace(RECORDED_INSTANCE + b"-enc", instance.encode() + b"-enc")
        lines.append(line)
    return b"".join(lines)


# ---- templates: how a start, a stop or a failed boot looks in the log ---------------------------

# end → (recording, name of the enclave): each was alone in its log while that happened.
STOPS = {
    "terminated": ("d_name", "web"),
    "crashed": ("e_crash", "c3"),
    "sigterm": ("f_sigterm", "sig-sigterm"),
    "sigint": ("f_sigterm", "sig-sigint"),
}
BOOT_FAILURES = {"boot-bad": ("h_boot", "hb-bad"), "boot-closed": ("h_boot", "hb-close")}
FIRST_STOP = (b"Received command: Terminate\n", b"Received hang-up event", b"Received signal ")
ENDS = (b"Enclave has completed termination.", b"Enclave terminated.",
        b"The connection listener has been stopped.", b"exited event loop.", b"[ E36 ] ")


@dataclass
class Template:
    """Records of one run, times relative to the first of `start` or of `stop`. The pids, slot and name
    are those of the recording."""
    start: list
    stop: list
    pid: int
    slot: bytes
    name: bytes


def cut_template(folder, name):
    records = read_records(SAMPLES / folder / "nitro_enclaves.log")
    args = next(i for i, r in enumerate(records)
                if b"Run args = " in r.text and b'enclave_name: Some("%s")' % name.encode() in r.text)
    pid = records[args].pid
    first = max(i for i in range(args) if records[i].message().startswith(b"Start Nitro CLI"))
    cli_pid = records[first].pid
    mine = [r for r in records[first:] if r.pid in (pid, cli_pid)]
    slot = next((r.program[4:] for r in mine if r.program.startswith(b"enc-") and
                 b"x" not in r.program), b"")
    up = next((i for i, r in enumerate(mine) if b"Enclave ID = " in r.text), len(mine) - 1)
    start = mine[:up + 1]
    return Template(relative(start), relative(cut_stop(records, start[-1], pid)), pid, slot,
                    name.encode())


def cut_stop(records, up, pid):
    """From the first line of the stop to the last line of the enclave process; when it was terminated,
    with the CLI that asked for it."""
    after = records[records.index(up) + 1:]
    first = next((i for i, r in enumerate(after)
                  if r.pid == pid and r.message().startswith(FIRST_STOP)), None)
    if first is None:
        return []
    pids = {pid}
    if after[first].message().startswith(b"Received command: Terminate"):
        first = max(i for i in range(first) if after[i].message().startswith(b"Start Nitro CLI"))
        pids.add(after[first].pid)
    last = max(i for i, r in enumerate(after) if r.pid == pid and any(e in r.text for e in ENDS))
    return [r for r in after[first:last + 1] if r.pid in pids]


def relative(records):
    zero = records[0].time if records else 0
    return [Record(r.time - zero, r.program, r.pid, r.level, r.text) for r in records]


@functools.cache
def template(kind):
    return cut_template(*{**STOPS, **BOOT_FAILURES}[kind])


@functools.cache
def neighbour_template():
    """What a starting CLI and an enclave that runs already log of each other: two records."""
    records = read_records(SAMPLES / "b_two" / "nitro_enclaves.log")
    asked = next(i for i, r in enumerate(records) if b"Received command: GetEnclaveName" in r.text)
    assert b"Connected to: " in records[asked - 1].text
    return records[asked - 1], records[asked]


# ---- a host that writes such a log ----------------------------------------------------------------

@dataclass
class Run:
    """One enclave of a Host, and what its log lines say of it: the truth of a test. Times: Unix ms."""
    instance: str
    name: str
    eif_path: str
    vcpus: int
    memory_mib: int
    kind: str
    pid: int
    slot: str
    allocated_time: int = None
    running_time: int = None
    end_time: int = None
    records: list = field(default_factory=list)

    @property
    def enclave_id(self):
        return f"{self.instance}-enc{self.slot}"


class Host:
    """One parent instance. start() and stop() give the records that nitro-cli would have logged."""

    def __init__(self, instance, seed=0):
        self.instance = instance
        self.rng = random.Random(f"{instance} {seed}")
        self.next_pid = self.rng.randrange(2000, 20000)
        self.live = []

    def new_pid(self):
        self.next_pid += self.rng.randrange(2, 90)
        return self.next_pid

    def start(self, at, name, eif_path="/home/ec2-user/hello.eif", vcpus=2, memory_mib=64,
              kind="terminated"):
        """Starts (or, for a kind of BOOT_FAILURES, fails to start) an enclave whose CLI runs at `at`."""
        assert memory_mib % PAGE_MIB == 0 and '"' not in name + eif_path
        run = Run(self.instance, name, eif_path, vcpus, memory_mib, kind, self.new_pid(),
                  f"{at << 16 | self.rng.randrange(1 << 16):x}")
        pids = {}
        run.records = self.replayed(template(kind), template(kind).start, at, run, pids)
        run.allocated_time = time_of(run.records, b"Allocating memory regions to hold ")
        run.running_time = time_of(run.records, b"Enclave ID = ")
        if kind in BOOT_FAILURES:
            run.end_time = end_of(run)
        else:
            run.records[1:1] = self.greetings(run.records[0])
            self.live.append(run)
        return run

    def greetings(self, start):
        """Before it asks for its own enclave, the CLI connects to every enclave that runs."""
        connected, asked = neighbour_template()
        for run in self.live:
            path = re.sub(rb"[0-9a-f]+\.sock", run.slot.encode() + b".sock", connected.text)
            yield Record(start.time, b"nitro-cli", start.pid, b"INFO", path)
            yield Record(start.time, b"enc-" + run.slot.encode(), run.pid, b"INFO", asked.text)

    def stop(self, run, at):
        """Ends the run the way its kind says; `at` is the time of the first line of that."""
        records = self.replayed(template(run.kind), template(run.kind).stop, at, run, {})
        run.records = run.records + records
        run.end_time = end_of(run)
        self.live.remove(run)
        return records

    def replayed(self, pattern, records, at, run, pids):
        """`pids`: recorded pid → new pid, filled as CLI processes appear."""
        pids[pattern.pid] = run.pid
        for r in records:
            if r.pid not in pids:
                pids[r.pid] = self.new_pid()
        return [self.replay(pattern, r, at, run, pids[r.pid]) for r in records]

    @staticmethod
    def replay(pattern, r, at, run, pid):
        text = r.text
        if b"Run args = " in text:
            text = re.sub(rb'eif_path: "[^"]*"', b'eif_path: "%s"' % run.eif_path.encode(), text)
            text = re.sub(rb"memory_mib: \d+", b"memory_mib: %d" % run.memory_mib, text)
            text = re.sub(rb"cpu_count: Some\(\d+\)", b"cpu_count: Some(%d)" % run.vcpus, text)
            text = text.replace(b'Some("%s")' % pattern.name, b'Some("%s")' % run.name.encode())
        text = re.sub(rb"to hold \d+ bytes", b"to hold %d bytes" % (run.memory_mib * MIB), text)
        pages = run.memory_mib // PAGE_MIB
        text = re.sub(rb"Allocated \d+ region\(s\): \d+ page\(s\) of 2 MB",
                      b"Allocated %d region(s): %d page(s) of 2 MB" % (pages, pages), text)
        text = text.replace(b"Enclave process PID: %d" % pattern.pid,
                            b"Enclave process PID: %d" % run.pid)
        text = text.replace(b"Enclave process %d " % pattern.pid, b"Enclave process %d " % run.pid)
        if pattern.slot:
            text = text.replace(RECORDED_INSTANCE + b"-enc" + pattern.slot, run.enclave_id.encode())
            text = text.replace(pattern.slot, run.slot.encode())
        text = ERROR_FILE_TIME.sub(lambda m: m[1] + format_time(at + r.time).encode() + m[3], text)
        program = r.program
        if pattern.slot:
            program = program.replace(pattern.slot, run.slot.encode())
        return Record(at + r.time, program, pid, r.level, text)


def time_of(records, needle):
    return next((r.time for r in records if needle in r.text), None)


def end_of(run):
    """The first of the lines that end a run ends it, because any of them may be missing."""
    return min(r.time for r in run.records if r.pid == run.pid and
               any(e in r.text for e in ENDS))
