"""SIGTERM ends both programs in peace, whatever state the broker is in, and nothing is lost by it."""
import pytest

from harness import Sink, settled, this_hour
from independent import HOUR_MS
from testbed import wait_for


def at_work(bench):
    bench.make_topic(2)
    host = bench.host(1)
    hour = this_hour() - HOUR_MS
    run = host.start(hour + 1000, "svc")
    host.stop(run, hour + 60_000)
    host.append_records(run.records)
    sink = Sink(bench.directory / "sink")
    aggregator = bench.aggregator("aggregator", sink.directory, hour)
    host.producer.start()
    aggregator.start()
    wait_for("the run to be metered", lambda: aggregator.check() and
             any(p.usage(hour) for p in bench.partitions().values()) and
             not settled(sink, bench.partitions(), [hour]), 60)
    return host, aggregator, sink, hour


def test_both_end_with_status_0(bench):
    host, aggregator, _, _ = at_work(bench)
    assert host.producer.stop() == 0, host.producer.tail()
    assert aggregator.stop() == 0, aggregator.tail()


@pytest.mark.parametrize("attempt", range(2))
def test_both_end_while_the_broker_is_gone_and_go_on_when_it_is_back(bench, attempt):
    host, aggregator, sink, hour = at_work(bench)
    bench.kafka.kill()
    try:
        run = host.start(hour + 300_000, "late")
        host.stop(run, hour + 360_000)
        host.append_records(run.records)
        wait_for("the journal to hold the run", lambda: host.journal_holds("late"))
        assert aggregator.stop(40) == 0, aggregator.tail()
        assert host.producer.stop(40) == 0, host.producer.tail()
    finally:
        bench.kafka.start()
    host.producer.start()
    aggregator.start()
    wait_for("both runs to be metered", lambda: aggregator.check() and
             sum(len(p.usage(hour)) for p in bench.partitions().values()) == 2 and
             not settled(sink, bench.partitions(), [hour]), 60)
