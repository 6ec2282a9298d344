"""kill -9, again and again: nothing is lost, nothing is billed twice, and a second, undisturbed
aggregator writes the same bytes.

Three hosts live through the hours before this one in fast motion while their producers, two aggregators
and the broker are killed at seeded random points of every phase. A phase is recognised by what can be
seen from outside (journal bytes, topic contents, files that appear), never by hoping for the moment.
"""
import itertools
import json
import os
import signal
import time
from collections import Counter

import pytest
from confluent_kafka import Consumer, TopicPartition

from harness import (Sink, check_revisions, difference, iso_hour, run_once, settled, this_hour,
                     rollup_usage, fold)
from independent import HOUR_MS, runs_of_log, totals
from nitro_log import BOOT_FAILURES, STOPS
from testbed import Failed, wait_for

HOURS_N = 4
KILLS = {"producer while reading": 5, "producer after commit, before the acknowledgement": 4,
         "producer idle": 3, "aggregator while consuming": 4, "aggregator around part writing": 6,
         "aggregator around a checkpoint": 6, "aggregator in a rebalance": 4, "broker": 2}
LONG_FACTOR = 6


class Watch:
    """What has reached the topic so far, as raw bytes."""

    def __init__(self, bench):
        self.consumer = Consumer({"bootstrap.servers": bench.kafka.bootstrap, "group.id": "watch",
                                  "enable.auto.commit": False, "auto.offset.reset": "earliest",
                                  "log_level": 0})
        numbers = self.consumer.list_topics(bench.topic, timeout=10).topics[bench.topic].partitions
        self.consumer.assign([TopicPartition(bench.topic, p, 0) for p in numbers])
        self.seen = bytearray()

    def has(self, text):
        messages = self.consumer.consume(1000, 0.02)
        while messages:
            for message in messages:
                if message.error() is None:
                    self.seen += message.value()
            messages = self.consumer.consume(1000, 0.001)
        return text.encode() in self.seen


class Story:
    """What happens on one host, in the order of time, from the first hour on. However many steps there
    are, they come ever closer to `end` and stay well before this hour."""

    STRIDE = 60

    def __init__(self, host, start, end, rng):
        self.host, self.rng = host, rng
        self.at, self.end = start, end
        self.names = itertools.count(1)
        self.runs = []

    def step(self):
        """Appends one start or stop to the host's log; returns the newest enclave's name."""
        self.at += 10 + max(0, int(self.rng.uniform(0, 2) * (self.end - self.at) / self.STRIDE))
        if len(self.host.live) >= 4 or (self.host.live and self.rng.random() < 0.45):
            self.stop(self.rng.choice(self.host.live))
        else:
            kind = self.rng.choice((*STOPS, *STOPS, *BOOT_FAILURES))
            run = self.host.start(self.at, f"{self.host.instance[-2:]}-run-{next(self.names)}",
                                  f"/opt/{kind}.eif", self.rng.choice((2, 4)),
                                  self.rng.choice((64, 512, 2048)), kind)
            self.host.append_records(run.records)
            self.at = run.records[-1].time
            self.runs.append(run)

    def stop(self, run):
        records = self.host.stop(run, self.at)
        self.host.append_records(records)
        self.at = records[-1].time

    def burst(self, n):
        """Several steps, the last of them a start: returns the name that the start has in the log."""
        for _ in range(n):
            self.step()
        while self.host.live and len(self.host.live) >= 4:
            self.stop(self.host.live[0])
        self.at += 2000
        run = self.host.start(self.at, f"{self.host.instance[-2:]}-last-{next(self.names)}")
        self.host.append_records(run.records)
        self.at = run.records[-1].time
        self.runs.append(run)
        return run.name

    def finish(self):
        while self.host.live:
            self.at += 1000
            self.stop(self.host.live[0])


class Chaos:
    """Kills by phase, and counts them."""

    def __init__(self, bench, stories, aggregators, sink):
        self.bench, self.stories, self.aggregators, self.sink = bench, stories, aggregators, sink
        self.rng = bench.rng
        self.watch = Watch(bench)
        self.kills = Counter()

    def note(self, phase, programs):
        self.kills[phase] += len(programs)
        for program in programs:
            program.start()

    def kill_producer_while_reading(self, story):
        """Tries until one was killed before it had read all of a burst; those that were faster are
        counted where they belong."""
        for _ in range(20):
            name = story.burst(self.rng.randrange(20, 60))
            time.sleep(self.rng.uniform(0, 0.03))
            story.host.producer.kill()
            if self.watch.has(name):
                phase = "producer idle"
            elif story.host.journal_holds(name):
                phase = "producer after commit, before the acknowledgement"
            else:
                phase = "producer while reading"
            self.note(phase, [story.host.producer])
            if phase == "producer while reading":
                return
        raise Failed("20 producers in a row had read everything before they were killed")

    def kill_producer_before_acknowledgement(self, story):
        broker = self.bench.kafka.program.pid
        os.kill(broker, signal.SIGSTOP)
        try:
            name = story.burst(self.rng.randrange(1, 8))
            wait_for("the journal to hold the last event",
                     lambda: story.host.journal_holds(name), 20, 0.002)
            time.sleep(self.rng.uniform(0, 0.02))
            story.host.producer.kill()
        finally:
            os.kill(broker, signal.SIGCONT)
        self.note("producer after commit, before the acknowledgement", [story.host.producer])

    def kill_producer_idle(self, story):
        name = story.burst(self.rng.randrange(1, 4))
        wait_for(f"{name} to reach the topic", lambda: self.watch.has(name), 40)
        time.sleep(self.rng.uniform(0, 0.3))
        story.host.producer.kill()
        self.note("producer idle", [story.host.producer])

    def kill_aggregators(self, phase, programs=None):
        programs = programs or self.aggregators
        for program in programs:
            program.kill()
        self.note(phase, programs)

    def kill_aggregator_while_consuming(self, story):
        name = story.burst(self.rng.randrange(10, 30))
        wait_for(f"{name} to reach the topic", lambda: self.watch.has(name), 40, 0.001)
        time.sleep(self.rng.uniform(0, 0.05))
        self.kill_aggregators("aggregator while consuming", [self.rng.choice(self.aggregators)])

    def kill_when_new(self, phase, pattern):
        """Both aggregators, within milliseconds of a new file: one of them was writing it."""
        before = set(self.sink.directory.glob(pattern))
        self.rng.choice(self.stories).burst(3)
        wait_for(f"a new file {pattern}",
                 lambda: set(self.sink.directory.glob(pattern)) - before, 60, 0.001)
        time.sleep(self.rng.choice((0, 0, self.rng.uniform(0, 0.01))))
        self.kill_aggregators(phase)

    def kill_aggregator_in_rebalance(self, _):
        """One leaves in peace, which makes the group rebalance; the other is killed meanwhile."""
        leaving, staying = self.rng.sample(self.aggregators, 2)
        leaving.stop()
        time.sleep(self.rng.uniform(0, 0.5))
        staying.kill()
        self.kills["aggregator in a rebalance"] += 1
        leaving.start()
        staying.start()

    def kill_broker(self, story):
        story.burst(3)
        self.bench.kafka.kill()
        story.burst(3)
        self.bench.kafka.start()
        self.kills["broker"] += 1

    def act(self, phase):
        story = self.rng.choice(self.stories)
        {"producer while reading": self.kill_producer_while_reading,
         "producer after commit, before the acknowledgement":
             self.kill_producer_before_acknowledgement,
         "producer idle": self.kill_producer_idle,
         "aggregator while consuming": self.kill_aggregator_while_consuming,
         "aggregator around part writing":
             lambda _: self.kill_when_new(phase, "usage/**/rev=*.avro"),
         "aggregator around a checkpoint":
             lambda _: self.kill_when_new(phase, "state/**/*.ckpt"),
         "aggregator in a rebalance": self.kill_aggregator_in_rebalance,
         "broker": self.kill_broker}[phase](story)


@pytest.fixture(scope="module")
def aftermath(kafka, tmp_path_factory, seed, request):
    """The bench after all kills, when every run has ended and everything has been metered."""
    from harness import Bench
    factor = LONG_FACTOR if request.config.getoption("--long") else 1
    bench = Bench(kafka, tmp_path_factory.mktemp("kills"), f"kills {seed}")
    request.addfinalizer(bench.close)
    bench.make_topic(3)
    bench.first_hour = this_hour() - HOURS_N * HOUR_MS
    bench.hosts = [bench.host(n) for n in (1, 2, 3)]
    wanted = {phase: n * factor for phase, n in KILLS.items()}
    bench.stories = [Story(h, bench.first_hour + 1000 * n, this_hour() - 1_200_000, bench.rng)
                     for n, h in enumerate(bench.hosts)]
    bench.sink = Sink(bench.directory / "sink")
    aggregators = [bench.aggregator(f"aggregator-{n}", bench.sink.directory, bench.first_hour)
                   for n in (1, 2)]
    for program in [*aggregators, *(h.producer for h in bench.hosts)]:
        program.start()
    chaos = Chaos(bench, bench.stories, aggregators, bench.sink)
    for story in bench.stories:
        story.burst(3)
    wait_for("the first checkpoint", lambda: bench.sink.files("state/**/*.ckpt"), 60)
    order = [phase for phase, n in wanted.items() for _ in range(n)]
    bench.rng.shuffle(order)
    for phase in order:
        chaos.act(phase)
        for program in bench.programs:
            program.check()
    for story in bench.stories:
        story.finish()
    bench.kills = chaos.kills
    bench.hours = [bench.first_hour + n * HOUR_MS for n in range(HOURS_N)]
    bench.final = wait_until_settled(bench)
    for program in aggregators:
        assert program.stop() == 0, program.tail()
    for host in bench.hosts:
        assert host.producer.stop() == 0, host.producer.tail()
    bench.final = bench.partitions()
    return bench


def wait_until_settled(bench):
    """Every event of the logs has reached the topic, and the parts say what the records say."""
    def told():
        partitions = bench.partitions()
        return partitions if not untold(bench, partitions) else None

    partitions = wait_for("all runs of the logs to be in the topic", told, 90, 0.5,
                          lambda: untold(bench, bench.partitions()))
    wait_for("all parts to say what the records say",
             lambda: not settled(bench.sink, partitions, bench.hours), 90, 0.5)
    return partitions


def untold(bench, partitions):
    """Differences between the usage of the logs and that of the records."""
    got = totals(run for p in partitions.values() for run in p.runs())
    return difference(from_logs(bench), got)


def from_logs(bench):
    return totals(run for h in bench.hosts for run in runs_of_log(h.log.read_bytes(), h.instance))


def test_every_phase_saw_kills(aftermath, capsys):
    with capsys.disabled():
        print("\nkills: " + ", ".join(f"{phase} {n}" for phase, n in sorted(aftermath.kills.items()))
              + f"; together {sum(aftermath.kills.values())}")
    assert set(aftermath.kills) == set(KILLS), "a phase without a kill"
    assert sum(aftermath.kills.values()) >= 30


def test_usage_from_the_topic_is_usage_from_the_logs(aftermath):
    assert not untold(aftermath, aftermath.final)


def test_usage_from_the_logs_is_what_the_hosts_did(aftermath):
    """The reader of logs is checked too: against the life cycles that were played."""
    truth = Counter()
    for run in (r for story in aftermath.stories for r in story.runs):
        truth[run.instance] += run.end_time - run.allocated_time
    read = Counter()
    for (instance, _), usage in from_logs(aftermath).items():
        read[instance] += usage.held_ms
    assert read == truth


def test_the_fold_of_all_parts_is_the_independent_usage_to_the_millisecond(aftermath):
    assert not settled(aftermath.sink, aftermath.final, aftermath.hours)


def test_every_revision_says_what_the_records_below_its_offset_say(aftermath):
    assert check_revisions(aftermath.sink, aftermath.final) > HOURS_N * 3


def test_the_newest_rollups_are_the_fold_of_the_parts(aftermath):
    sink, parts = aftermath.sink, aftermath.sink.parts()
    committed = sink.committed()
    for hour in aftermath.hours:
        rows = sink.avro(hour, committed[hour], "enclaves.avro")
        expected = {}
        for p, revision in inputs_of(sink, hour, committed[hour]).items():
            expected |= fold(parts[(hour, p)], revision)
        wrong = difference(expected, rollup_usage(rows))
        assert not wrong, f"{iso_hour(hour)}:\n" + "\n".join(wrong)


def inputs_of(sink, hour, revision):
    """{partition: newest part revision} of what a rollup was made from."""
    inputs = json.loads((sink.rollup_dir(hour, revision) / "inputs.json").read_text())
    newest = {}
    for part in inputs["parts"]:
        newest[part["partition"]] = max(newest.get(part["partition"], 0), part["revision"])
    return newest


def test_no_number_of_an_epoch_was_used_twice_and_none_is_missing(aftermath):
    seen = {}
    for p in aftermath.final.values():
        for s in p.stated:
            e = s.event
            if e["type"] in ("HEARTBEAT", "TICK", "POLICY"):
                continue
            key = (e["instance_id"], e["producer_epoch"])
            assert seen.setdefault(key, {}).setdefault(e["seq"], e) == e, f"two records {key}"
    assert len(seen) >= len(aftermath.hosts) + aftermath.kills["producer while reading"]
    for key, numbers in seen.items():
        assert sorted(numbers) == list(range(1, len(numbers) + 1)), f"gap in {key}"


def test_an_undisturbed_aggregator_writes_the_same_bytes(aftermath):
    bench = aftermath
    again = Sink(bench.directory / "sink-undisturbed")
    again.directory.mkdir()
    (again.directory / "eras.json").write_bytes(bench.sink.read("eras.json"))
    program = bench.aggregator("undisturbed", again.directory, bench.first_hour, **{
        "kafka.group.id": f"{bench.topic}-undisturbed"}).start()
    parts = bench.sink.files("usage/**/rev=*.avro")
    wait_for("all parts to be written again",
             lambda: program.check() and set(parts) <= set(again.files("usage/**/rev=*.avro")), 120)
    for name in parts:
        assert again.read(name) == bench.sink.read(name), f"{name} differs"
    wait_for("the same hours to be sealed", lambda: program.check() and
             set(bench.sink.committed()) <= set(again.committed()), 60)
    # Which parts a revision of a rollup takes in is decided by who comes first; what it makes of them
    # is not. So the newest ones are compared, as soon as they are made from the same parts.
    wait_for("rollups of the same parts", lambda: program.check() and all(
        newest_inputs(again, hour) == newest_inputs(bench.sink, hour) for hour in bench.hours), 60)
    program.stop()
    for hour in bench.hours:
        for name in ("tenants.csv", "enclaves.csv"):
            one, two = (s.rollup_dir(hour, s.committed()[hour]) / name for s in (bench.sink, again))
            assert one.read_bytes() == two.read_bytes(), f"{one} and {two} differ"


def newest_inputs(sink, hour):
    return inputs_of(sink, hour, sink.committed()[hour])


def test_verify_walks_the_whole_sink_and_finds_nothing(aftermath):
    status, out, err = run_once("enclave-aggregator", "verify",
                                f"file://{aftermath.sink.directory}")
    assert status == 0, out + err
