"""Recorded logs of several instances → producers → Kafka → aggregator → parts and rollups, read by
programs that are not ours: fastavro, csv, DuckDB, hashlib.
"""
import hashlib
import json

import duckdb
import fastavro
import pytest

from duckdb_avro import load_avro_extension
from harness import (Bench, Sink, check_revisions, difference, rollup_usage, run_once, settled,
                     this_hour)
from independent import HOUR_MS, Usage, runs_of_log, totals
from nitro_log import SAMPLES, parse_time
from shift_log import shifted_logs
from testbed import wait_for

# Folders in which every run has an end in the log; one of them fails to boot three times.
HOSTS = {1: ("b_two", "c_all"), 2: ("d_name", "e_crash"), 3: ("h_boot",)}
ANCHOR = SAMPLES / "b_two" / "nitro_enclaves.log"
TENANTS = """tenants:
  - tenant: alpha
    match: {name: "a*"}
  - tenant: web
    match: {name: "web*"}
"""
ZERO_LINK = "0" * 64


@pytest.fixture(scope="module")
def story(kafka, tmp_path_factory, seed, request):
    """Everything has been metered: the bench, with sink, hour and the logs."""
    bench = Bench(kafka, tmp_path_factory.mktemp("end-to-end"), f"end to end {seed}",
                  booted_long_ago=False)
    request.addfinalizer(bench.close)
    bench.make_topic(3)
    bench.hour = this_hour() - HOUR_MS
    bench.hosts = [bench.host(n) for n in HOSTS]
    for host, folders in zip(bench.hosts, HOSTS.values()):
        host.append(shifted_logs([SAMPLES / f / "nitro_enclaves.log" for f in folders], ANCHOR,
                                 bench.hour + 20 * 60_000, host.instance))
        host.producer.start()
    tenants = bench.directory / "tenants.yaml"
    tenants.write_text(TENANTS)
    bench.sink = Sink(bench.directory / "sink")
    aggregator = bench.aggregator("aggregator", bench.sink.directory, bench.hour, tenants=tenants)
    aggregator.start()

    def told():
        partitions = bench.partitions()
        return partitions if not untold(bench, partitions) else None

    partitions = wait_for("all runs of the logs to be in the topic", told, 60, 0.3,
                          lambda: untold(bench, bench.partitions()))
    wait_for("all parts to say what the records say", lambda: aggregator.check() and
             not settled(bench.sink, partitions, [bench.hour]), 60, 0.3)
    wait_for("a rollup of all of it", lambda: aggregator.check() and rolled_up(bench), 60, 0.3)
    assert aggregator.stop() == 0, aggregator.tail()
    for host in bench.hosts:
        assert host.producer.stop() == 0, host.producer.tail()
    bench.final = bench.partitions()
    return bench


def untold(bench, partitions):
    """Differences between the usage of the logs and that of the records."""
    got = totals(run for p in partitions.values() for run in p.runs())
    return difference(from_logs(bench), got)


def from_logs(bench):
    return totals(run for h in bench.hosts for run in runs_of_log(h.log.read_bytes(), h.instance))


def rolled_up(bench):
    revision = bench.sink.committed().get(bench.hour)
    if not revision:
        return False
    rows = bench.sink.avro(bench.hour, revision, "enclaves.avro")
    return by_instance(rollup_usage(rows), bench.hour) == from_logs(bench)


def by_instance(usage, hour):
    total = {}
    for (instance, _), u in usage.items():
        total[(instance, hour)] = total.get((instance, hour), Usage()) + u
    return total


def newest(bench):
    return bench.sink.committed()[bench.hour]


def test_usage_from_the_topic_is_usage_from_the_logs(story):
    assert not untold(story, story.final)


def test_every_revision_of_a_part_says_what_the_records_below_its_offset_say(story):
    assert check_revisions(story.sink, story.final) >= 3


def test_the_newest_rollup_holds_the_usage_of_the_logs(story):
    rows = story.sink.avro(story.hour, newest(story), "enclaves.avro")
    assert not difference(from_logs(story), by_instance(rollup_usage(rows), story.hour))


def test_tenants_are_given_what_their_rules_claim_and_the_rest_is_unattributed(story):
    rows = {r["tenant"]: r for r in story.sink.csv(story.hour, newest(story), "tenants.csv")}
    lines = story.sink.csv(story.hour, newest(story), "enclaves.csv")
    names = {r["tenant"]: {l["name"] for l in lines if l["tenant"] == r["tenant"]}
             for r in lines}
    assert names["alpha"] == {"alpha", "attached"}
    assert {n.rstrip("_1") for n in names["web"]} == {"web"}
    assert {"beta", "tenant-0", "c1", "hb-bad"} <= names["unattributed"]
    for tenant, row in rows.items():
        mine = [Usage.of(l) for l in lines if l["tenant"] == tenant]
        assert Usage.of(row) == sum(mine, Usage())
        assert int(row["enclaves"]) == len(mine)


def test_without_a_price_book_costs_are_empty_and_not_zero(story):
    for row in story.sink.csv(story.hour, newest(story), "tenants.csv"):
        assert row["cost"] == "" and row["currency"] == ""


def test_fastavro_reads_every_avro_object(story):
    names = story.sink.files("**/*.avro")
    assert any(n.startswith("usage/") for n in names) and any("/rev=" in n for n in names)
    for name in names:
        with open(story.sink.directory / name, "rb") as f:
            reader = fastavro.reader(f)
            assert reader.metadata.get("avro.codec", "null") == "null"
            list(reader)
            f.seek(-16, 2)
            assert f.read() == hashlib.sha256(name.encode()).digest()[:16], f"sync marker of {name}"


def test_csv_and_avro_of_a_rollup_say_the_same(story):
    for revision in range(1, newest(story) + 1):
        for name in ("tenants", "enclaves"):
            rows = story.sink.avro(story.hour, revision, f"{name}.avro")
            lines = story.sink.csv(story.hour, revision, f"{name}.csv")
            assert len(rows) == len(lines)
            for row, line in zip(rows, lines):
                for column in ("tenant", "held_ms", "running_ms", "vcpu_ms", "mib_ms"):
                    assert str(row[column]) == line[column]


def test_duckdb_reads_the_rollup_and_finds_the_same_sums(story):
    below = story.sink.rollup_dir(story.hour, newest(story))
    query = "select sum(held_ms), sum(vcpu_ms), sum(mib_ms) from read_csv('{}', header=true)"
    sums = [duckdb.sql(query.format(below / f"{name}.csv")).fetchall()[0]
            for name in ("tenants", "enclaves")]
    total = sum(from_logs(story).values(), Usage())
    assert sums == [(total.held_ms, total.vcpu_ms, total.mib_ms)] * 2


def test_duckdb_reads_the_parts_and_the_rollups_avro(story):
    db = duckdb.connect()
    assert load_avro_extension(db)
    below = story.sink.rollup_dir(story.hour, newest(story))
    sums = [db.sql(f"select sum(held_ms), sum(vcpu_ms), sum(mib_ms) from read_avro('{path}')").fetchall()[0]
            for path in (below / "tenants.avro", below / "enclaves.avro")]
    # Newest line of each run over all parts and revisions: what ops/queries will be built on.
    parts = story.sink.directory / "usage" / "**" / "*.avro"
    sums.append(db.sql(f"""
        with lines as (select *, row_number() over (partition by hour, instance_id, run_id
                                                    order by filename desc) as age
                       from read_avro('{parts}', filename = true) where line_kind = 'USAGE')
        select sum(held_ms), sum(vcpu_ms), sum(mib_ms) from lines where age = 1 and not removed
        """).fetchall()[0])
    total = sum(from_logs(story).values(), Usage())
    assert sums == [(total.held_ms, total.vcpu_ms, total.mib_ms)] * 3


def test_manifests_name_every_file_with_its_hash_and_link_back(story):
    committed = story.sink.committed()
    first_of_hour = ZERO_LINK
    assert min(committed) == story.hour
    for hour in sorted(committed):
        previous = first_of_hour
        for revision in range(1, committed[hour] + 1):
            manifest = story.sink.manifest(hour, revision)
            below = story.sink.rollup_dir(hour, revision)
            for entry in manifest["files"]:
                content = (below / entry["name"]).read_bytes()
                assert hashlib.sha256(content).hexdigest() == entry["sha256"]
                assert len(content) == entry["bytes"]
            listed = {entry["name"] for entry in manifest["files"]}
            assert {p.name for p in below.iterdir()} - listed == {"manifest.json"}
            assert manifest["previous"] == previous
            previous = hashlib.sha256((below / "manifest.json").read_bytes()).hexdigest()
            first_of_hour = previous if revision == 1 else first_of_hour


def test_verify_finds_nothing_wrong_and_finds_one_changed_byte(story, tmp_path):
    import shutil
    assert run_once("enclave-aggregator", "verify", f"file://{story.sink.directory}")[0] == 0
    copy = tmp_path / "copy"
    shutil.copytree(story.sink.directory, copy)
    victim = Sink(copy).rollup_dir(story.hour, 1) / "tenants.csv"
    victim.chmod(0o644)
    content = bytearray(victim.read_bytes())
    content[-2] ^= 1
    victim.write_bytes(content)
    status, out, err = run_once("enclave-aggregator", "verify", f"file://{copy}")
    assert status == 1 and "tenants.csv" in out + err


def test_dump_shows_a_part_as_json_lines(story):
    name = next(n for n in story.sink.files("usage/**/*.avro"))
    status, out, err = run_once("enclave-aggregator", "dump", story.sink.directory / name)
    assert status == 0, err
    assert all(isinstance(json.loads(line), dict) for line in out.splitlines())


@pytest.mark.parametrize("folder", ["a_one", "b_two", "c_all", "d_name", "e_crash"])
def test_parse_prints_the_runs_of_a_recording_as_its_truth_tells_them(folder, programs):
    truth = json.loads((SAMPLES / folder / "truth.json").read_text())["enclaves"]
    status, out, err = run_once("enclave-producer", "parse", SAMPLES / folder / "nitro_enclaves.log")
    assert status == 0, err
    ends = [e for e in map(json.loads, out.splitlines()) if e["type"] in ("ENDED", "FAILED")]
    assert len(ends) == len(truth)
    for e, t in zip(sorted(ends, key=lambda e: e["allocated_time"]),
                    sorted(truth, key=lambda t: t["resources_held_from"])):
        assert (e["name"], e["vcpus"], e["memory_mib"]) == (
            t["name"], len(t["cpus"]), t["memory_mib"])
        for got, want, slack in ((e["allocated_time"], t["resources_held_from"], 60),
                                 (e["running_time"], t["booted"], 30),
                                 (e["event_time"], t["resources_released"], 400)):
            assert abs(parse_time(got) - parse_time(want)) <= slack, (got, want)
