"""The independent computation itself, on records made by hand: an oracle must be tested too."""
import pytest

from independent import (HOUR_MS, Decoder, Partition, Record, Undecodable, UnknownSchema, Usage,
                         runs_of_log, totals)
from nitro_log import BOOT_FAILURES, SAMPLES, STOPS, Host, Record as LogRecord

T = 1_790_000_000_000 // HOUR_MS * HOUR_MS
DECODER = Decoder()
EPOCH_A, EPOCH_B = b"a" * 16, b"b" * 16
BOOT = b"boot" * 4


def event(kind, seq, time, **fields):
    return {"type": kind, "instance_id": "i-1", "producer_epoch": EPOCH_A, "prev_epoch": None,
            "prev_seq": None, "seq": seq, "boot_id": BOOT, "event_time": time,
            "observed_time": time, "low_watermark": time, "evidence": "LOG", "run_id": "r1",
            **fields}


def run_facts(**fields):
    return {"pid": 7, "enclave_id": "i-1-encabc", "vcpus": 2, "memory_mib": 64, **fields}


def partition(*events, log_time=T + 10 * HOUR_MS):
    return Partition([Record(0, i, log_time, b"i-1", DECODER.encode(e))
                      for i, e in enumerate(events)], DECODER)


ALLOCATED = event("ALLOCATED", 1, T + 1000, **run_facts(allocated_time=T + 1000))
RUNNING = event("RUNNING", 2, T + 3000, **run_facts(allocated_time=T + 1000,
                                                     running_time=T + 3000))
ENDED = event("ENDED", 3, T + 9000, end_cause="TERMINATED",
              **run_facts(allocated_time=T + 1000, running_time=T + 3000))


def only(usage):
    assert len(usage) == 1, usage
    return next(iter(usage.values()))


def test_a_run_with_start_and_end_is_billed_from_allocation_to_end():
    p = partition(ALLOCATED, RUNNING, ENDED)
    assert only(p.usage(T)) == Usage(8000, 6000, 16000, 8000 * 64)


def test_usage_as_of_an_offset_knows_nothing_of_later_records():
    p = partition(ALLOCATED, RUNNING, ENDED)
    assert only(p.usage(T, below_offset=2)) == Usage(2000, 0, 4000, 2000 * 64)


def test_a_run_without_an_end_is_billed_to_the_watermark_of_its_instance():
    other = event("ALLOCATED", 3, T + 60_000, run_id="r2",
                  **run_facts(enclave_id="i-1-encdef", pid=8, allocated_time=T + 60_000))
    usage = partition(ALLOCATED, RUNNING, other).usage(T)
    assert usage[("i-1", "r1")].held_ms == 59_000


def test_a_watermark_behind_a_gap_does_not_count():
    late = event("HEARTBEAT", 5, T + 60_000, run_id="")
    assert only(partition(ALLOCATED, RUNNING, late).usage(T)).held_ms == 2000


def test_a_watermark_ahead_of_the_log_counts_up_to_the_log_time():
    ahead = event("HEARTBEAT", 2, T + 60_000, run_id="")
    assert only(partition(ALLOCATED, RUNNING, ahead, log_time=T + 30_000).usage(T)).held_ms == 29_000


def test_a_run_over_two_hours_is_split_at_the_hour():
    end = T + HOUR_MS + 5000
    p = partition(ALLOCATED, {**ENDED, "seq": 2, "event_time": end})
    assert only(p.usage(T)).held_ms == HOUR_MS - 1000
    assert only(p.usage(T + HOUR_MS)) == Usage(5000, 5000, 10_000, 5000 * 64)


def test_two_names_of_one_slot_are_one_run_under_the_smaller_name():
    again = event("SNAPSHOT", 1, T + 4000, producer_epoch=EPOCH_B, prev_epoch=EPOCH_A, prev_seq=2,
                  run_id="", running=[{"run_id": "r0", "full": run_facts(allocated_time=T + 1000)}])
    usage = partition(ALLOCATED, RUNNING, again).usage(T)
    assert list(usage) == [("i-1", "r0")]


def test_an_epoch_that_does_not_continue_the_last_one_proves_nothing():
    stranger = event("HOST_UP", 1, T + 60_000, producer_epoch=EPOCH_B, run_id="")
    assert only(partition(ALLOCATED, RUNNING, stranger).usage(T)).held_ms == 2000


def test_times_of_run_and_end_stay_between_boot_and_log_time():
    host = event("HOST_UP", 1, T + 500, run_id="", host={"wall_time": T + 2000, "boottime_ms": 500})
    started = {**ALLOCATED, "seq": 2}
    end = {**ENDED, "event_time": T + 90_000}
    assert only(partition(host, started, end, log_time=T + 10_000).usage(T)).held_ms == 13_500


def test_a_killed_run_is_billed_to_its_last_proof_of_life():
    killed = {**ENDED, "end_cause": "KILLED", "end_time_earliest": T + 4000}
    assert only(partition(ALLOCATED, RUNNING, killed).usage(T)).held_ms == 3000


def test_a_duplicate_record_changes_nothing():
    once = partition(ALLOCATED, RUNNING, ENDED).usage(T)
    assert partition(ALLOCATED, ALLOCATED, RUNNING, ENDED, RUNNING, ENDED).usage(T) == once


def test_records_that_are_no_events_are_told_apart():
    good = DECODER.encode(ALLOCATED)
    for bad in (b"", b"\x00" * 20, good[:40], good + b"x"):
        with pytest.raises(Undecodable):
            DECODER.decode(bad)
    with pytest.raises(UnknownSchema):
        DECODER.decode(b"\xc3\x01" + b"\x01" * 8 + good[10:])


@pytest.mark.parametrize("kind", [*STOPS, *BOOT_FAILURES])
def test_usage_from_a_log_is_what_its_writer_meant(kind):
    host = Host("i-0000000000000000f")
    run = host.start(T + 1000, "svc", "/opt/x.eif", 4, 2048, kind)
    if kind in STOPS:
        host.stop(run, T + HOUR_MS + 1000)
    log = b"".join(r.bytes() for r in run.records)
    got = totals(runs_of_log(log, host.instance))
    held = run.end_time - run.allocated_time
    assert sum((u for u in got.values()), Usage()) == Usage(
        held, run.end_time - run.running_time if run.running_time else 0, held * 4, held * 2048)


@pytest.mark.parametrize("folder", ["a_one", "b_two", "c_all", "d_name", "e_crash"])
def test_usage_from_a_recorded_log_is_close_to_the_truth_of_its_recording(folder):
    import json
    from nitro_log import parse_time
    truth = json.loads((SAMPLES / folder / "truth.json").read_text())["enclaves"]
    runs = runs_of_log((SAMPLES / folder / "nitro_enclaves.log").read_bytes(), "i-1")
    assert len(runs) == len(truth)
    for run, t in zip(sorted(runs, key=lambda r: r.allocated),
                      sorted(truth, key=lambda t: t["resources_held_from"])):
        assert (run.vcpus, run.memory_mib, run.name) == (len(t["cpus"]), t["memory_mib"], t["name"])
        assert abs(run.allocated - parse_time(t["resources_held_from"])) <= 60
        assert abs(run.until - parse_time(t["resources_released"])) <= 400


def test_a_record_of_the_log_is_written_as_it_was_read():
    path = SAMPLES / "h_boot" / "nitro_enclaves.log"
    from nitro_log import read_records
    assert b"".join(r.bytes() for r in read_records(path)) == path.read_bytes()
    assert isinstance(read_records(path)[0], LogRecord)
