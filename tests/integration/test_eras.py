"""A sink belongs to one topic with one partition count (R17): with any other the aggregator refuses,
because every running enclave would be billed twice."""
from confluent_kafka.admin import AdminClient, NewPartitions

from harness import Sink, this_hour
from independent import HOUR_MS
from testbed import wait_for


def used_once(bench):
    bench.make_topic(2)
    sink = Sink(bench.directory / "sink")
    aggregator = bench.aggregator("aggregator", sink.directory, this_hour() - HOUR_MS).start()
    wait_for("records to be metered", lambda: aggregator.check() and
             len(sink.files("state/**/*.ckpt")) > 6)
    assert "eras.json" in sink.files()
    assert aggregator.stop() == 0, aggregator.tail()
    return aggregator, AdminClient({"bootstrap.servers": bench.kafka.bootstrap})


def refusal(aggregator):
    """Exit status and what it says when started on a topic that it must not take."""
    before = aggregator.log_path.stat().st_size
    aggregator.start()
    status = aggregator.wait(40)
    return status, aggregator.log_path.read_bytes()[before:].decode("utf-8", "replace")


def test_the_same_topic_is_taken_again(bench):
    aggregator, _ = used_once(bench)
    aggregator.start()
    wait_for("a checkpoint", lambda: aggregator.check() and
             Sink(bench.directory / "sink").files("state/**/*.ckpt"))


def test_a_topic_that_was_made_again_is_refused(bench):
    aggregator, admin = used_once(bench)
    for future in admin.delete_topics([bench.topic], operation_timeout=20).values():
        future.result()
    wait_for("the topic to be gone",
             lambda: bench.topic not in admin.list_topics(timeout=10).topics)
    bench.make_topic(2)
    status, said = refusal(aggregator)
    assert status in (1, 2)
    assert bench.topic in said and "another topic of the same name" in said


def test_a_topic_with_more_partitions_is_refused(bench):
    aggregator, admin = used_once(bench)
    for future in admin.create_partitions([NewPartitions(bench.topic, 5)]).values():
        future.result()
    status, said = refusal(aggregator)
    assert status in (1, 2)
    assert "has 5 partitions, and had 2" in said
