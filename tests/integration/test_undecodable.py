"""Records that are no events (R15): malformed ones are kept aside and the partition goes on; one whose
schema nobody knows makes its partition wait, and say so."""
from confluent_kafka import Producer

from harness import Sink, settled, this_hour
from independent import HOUR_MS
from testbed import wait_for


def produce(bench, partition, value):
    """One record by an independent client; returns its offset."""
    client = Producer({"bootstrap.servers": bench.kafka.bootstrap})
    offsets = []
    client.produce(bench.topic, value=value, key=b"i-stranger", partition=partition,
                   on_delivery=lambda e, m: offsets.append(m.offset()))
    assert client.flush(20) == 0
    return offsets[0]


def one_run(bench, host, at):
    run = host.start(at, "svc")
    host.stop(run, at + 60_000)
    host.append_records(run.records)


def running(bench):
    """One host, one partition, one aggregator; the first run has been metered."""
    bench.make_topic(1)
    host = bench.host(1)
    hour = this_hour() - HOUR_MS
    one_run(bench, host, hour + 1000)
    sink = Sink(bench.directory / "sink")
    aggregator = bench.aggregator("aggregator", sink.directory, hour)
    host.producer.start()
    aggregator.start()
    wait_for("the run to be metered", lambda: aggregator.check() and metered(bench, sink, hour, 1))
    return host, hour, sink, aggregator


def metered(bench, sink, hour, runs_n):
    partitions = bench.partitions()
    return sum(len(p.usage(hour)) for p in partitions.values()) == runs_n and \
        not settled(sink, partitions, [hour])


def test_a_malformed_record_is_kept_aside_and_the_partition_goes_on(bench):
    host, hour, sink, aggregator = running(bench)
    for bad in (b"\xc3\x01" + bench.decoder.fingerprint + b"\xff\xff\xff",
                b"\xc3\x01" + bench.decoder.fingerprint):
        offset = produce(bench, 0, bad)
        name = f"dead/era=0001/p=0000/{offset:020d}.bin"
        wait_for(f"{name} to be written", lambda n=name: aggregator.check() and sink.files(n))
        assert bad in sink.read(name)
    one_run(bench, host, hour + 300_000)
    wait_for("the next run to be metered", lambda: aggregator.check() and
             metered(bench, sink, hour, 2))


def test_a_record_of_an_unknown_schema_makes_its_partition_wait_and_say_so(bench):
    host, hour, sink, aggregator = running(bench)
    offset = produce(bench, 0, b"\xc3\x01" + b"\x42" * 8 + b"whatever")
    wait_for("the aggregator to say what it waits for", lambda: aggregator.check() and
             says(aggregator, offset))
    one_run(bench, host, hour + 300_000)
    before = sink.files("usage/**/*.avro")
    wait_for("records behind the unknown one", lambda: end_offset(bench) > offset + 3)
    assert not sink.files("dead/**/*.bin"), "an unknown schema is no reason to give a record up"
    aggregator.stop()
    aggregator.start()
    wait_for("the aggregator to say it again", lambda: aggregator.check() and
             says(aggregator, offset, times=2))
    assert sink.files("usage/**/*.avro") == before, "the partition went on"


def says(aggregator, offset, times=1):
    lines = [line for line in aggregator.log_path.read_text(errors="replace").splitlines()
             if "4242424242424242" in line and str(offset) in line]
    return len(lines) >= times


def end_offset(bench):
    return max(p.next_offset for p in safe_partitions(bench).values())


def safe_partitions(bench):
    from independent import Partition, UnknownSchema, read_topic

    class Tolerant:
        """Skips what it does not know: only offsets are asked for here."""

        def decode(self, value):
            from independent import Undecodable
            try:
                return bench.decoder.decode(value)
            except UnknownSchema as e:
                raise Undecodable from e

    return {p: Partition(r, Tolerant())
            for p, r in read_topic(bench.kafka.bootstrap, bench.topic).items()}
