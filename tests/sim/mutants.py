#!/usr/bin/env python3
"""Controls that prove that the core's tests bite: named mutants of aggregator/core, each of which must
be caught by a unit test of the core. Standard library only.

    tests/sim/mutants.py [--only NAME] [--jobs N]

A mutant is one textual change; a change that does not apply (the code moved on) is a failure too, so
the list cannot rot. Prints one line per mutant and exits 1 if one survives.
"""
import argparse
import concurrent.futures
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORE = ROOT / "aggregator" / "core"
TESTS = ("aggregator_core_partition_test", "aggregator_core_order_test")
SHARED = ("common/err.c", "common/time_text.c", "common/crc32.c", "schemas/c/avro_buffer.c",
          "schemas/c/event.c")

# name, file, what stands there, what the mutant says
MUTANTS = [
    ("r1-unlinked-epochs-count-as-linked", "epoch.c",
     "return last != 0 && e->prev_seq <= interval_at(p, last)->last;", "return last != 0;"),
    ("r1-links-are-never-followed", "epoch.c",
     "epoch = epoch_successor(p, inst, e);", "epoch = 0;"),
    ("r2-every-seq-is-news", "epoch.c",
     "if (before != 0 && seq <= interval_at(p, before)->last)\n        return false;", ""),
    ("r2-a-filled-gap-stays-open", "epoch.c",
     "interval_close_gap(p, e, before);", ""),
    ("r2-heartbeats-are-numbered", "apply.c",
     "if (event->type == EVENT_HEARTBEAT) {\n        e->started",
     "if (event->type == EVENT_TICK) {\n        e->started"),
    ("r3-a-watermark-may-lie-in-the-future", "apply.c",
     "int64_t watermark = time_min(event->low_watermark, p->log_time);",
     "int64_t watermark = event->low_watermark;"),
    ("r4-no-bound-by-log-time", "facts.c", "if (time <= bound)", "if (true || time <= bound)"),
    ("r4-no-bound-by-boot", "run.c",
     "v->held_from < inst->boot_time - CLOCK_TOLERANCE_MS", "false"),
    ("r5-weaker-evidence-wins", "facts.c",
     "return from->rank[FACT_END] > into->rank[FACT_END];",
     "return from->rank[FACT_END] < into->rank[FACT_END];"),
    ("r5-ends-by-arrival", "facts.c",
     "return from->rank[FACT_END] > into->rank[FACT_END];", "return true;"),
    ("r6-slots-do-not-join", "run.c",
     "return a->slot != 0 && a->slot == b->slot;", "return a->slot != 0 && b == NULL;"),
    ("r6-reused-pids-join", "run.c",
     "return a_from <= b_to && b_from <= a_to;", "return a_from <= b_to || b_from <= a_to;"),
    ("r6-the-later-start-wins", "facts.c", "theirs < *ours", "theirs > *ours"),
    ("r7-silent-instances-are-kept-for-ever", "apply.c",
     "p->log_time - inst->last_log_time >= p->policy.instance_ttl_ms", "false"),
    ("r7-ended-runs-are-kept-for-ever", "apply.c", "if (can_forget(p, claim_at(p, c)))", "if (false)"),
    ("r8-proof-of-life-is-the-last-mention", "run.c",
     "proof = time_max(proof, epoch_proof(p, inst, c->mention_epoch, c->mention_seq));", ""),
    ("r8-zero-length-is-an-omission", "run.c",
     "if (v->until <= hour && !(v->until == v->held_from && v->until == hour))",
     "if (v->until <= hour || v->until == v->held_from)"),
    ("r8-unseen-ends-are-billed-to-the-latest-moment", "facts.c",
     "return f->end_earliest != NO_TIME ? time_min(f->end_earliest, f->end) : f->end;",
     "return f->end;"),
    ("r8-running-counts-from-allocation", "run.c",
     "values->running_from = time_max(v->running_from, hour);",
     "values->running_from = time_max(v->held_from, hour);"),
    ("r9-silence-is-for-ever-expected", "instance.c",
     "return lost_at == NO_TIME || lost_at > hour;", "return true;"),
    ("r9-a-host-that-went-down-is-expected", "instance.c",
     "if ((inst->flags & INSTANCE_DOWN) != 0 && inst->down_time <= hour)\n        return false;", ""),
    ("r10-no-settling", "hour.c", "since_end < p->policy.settle_ms", "since_end < 0"),
    ("r10-grace-for-ever", "hour.c",
     ">= p->policy.grace_ms)\n        return hour;", ">= p->policy.grace_ms * 100)\n        return hour;"),
    ("r10-revisions-are-cut-at-once", "hour.c",
     "return h->rev1_cut + k * interval;", "return h->rev1_cut + k;"),
    ("r10-a-new-interval-waits-for-a-restart", "apply.c", "hours_revision_refresh(p);", ";"),
    ("r10-unchanged-lines-are-issued-again", "emit.c",
     "if (!e->first && !bit_get(claim->dirty, e->hour))\n            continue;", ""),
    ("r10-merged-lines-are-not-removed", "emit.c",
     "else if (bit_get(claim->issued, e->hour))", "else if (false)"),
    ("r10-no-corrections-beyond-the-horizon", "change.c",
     "} else if (!same_usage(&old, &new)) {", "} else if (false) {"),
    ("r11-gaps-are-not-named", "emit.c",
     ".complete = e->missing_n == 0 && e->gaps_n == 0", ".complete = e->missing_n == 0"),
    ("r11-late-hosts-are-not-expected", "apply.c",
     "s->inst->exists_from = time_min(s->inst->exists_from, facts_start(&news));", ";"),
    ("r14-outages-count-towards-grace", "hour.c",
     "if (step > 3 * p->policy.tick_interval_ms)", "if (false)"),
    ("r14-older-policies-take-effect", "apply.c",
     "if (next.version <= p->policy.version) {", "if (next.version < 0) {"),
    ("r15-dead-letters-are-forgotten", "emit.c", "&& e->dead_letters_n == 0", ""),
    ("r16-the-state-forgets-what-was-issued", "save.c",
     "avro_put_long(w, (int64_t)c->issued[i]);", "avro_put_long(w, 0);"),
]


def run_mutant(work, mutant):
    """None if a test failed (caught), else what is wrong."""
    name, file, old, new = mutant
    text = (CORE / file).read_text()
    if text.count(old) != 1:
        return f"does not apply: {file} has its text {text.count(old)} times"
    below = work / name
    below.mkdir()
    (below / file).write_text(text.replace(old, new))
    # checkpoint.c wraps the state in a file and is not under test here.
    sources = [below / file if path.name == file else path
               for path in sorted(CORE.glob("*.c")) if path.name != "checkpoint.c"]
    for test in TESTS:
        program = below / test
        built = subprocess.run(
            ["gcc", "-std=gnu17", "-O1", "-w", "-D_GNU_SOURCE", f"-I{ROOT}", f"-I{ROOT}/tests/unit",
             *sources, *(ROOT / path for path in SHARED), ROOT / "tests" / "unit" / f"{test}.c",
             "-lcmocka", "-lcrypto", "-o", program], capture_output=True, text=True)
        if built.returncode != 0:
            return "does not compile:\n" + built.stderr[:2000]
        try:
            if subprocess.run([program], capture_output=True, timeout=120).returncode != 0:
                return None
        except subprocess.TimeoutExpired:
            return None  # it loops for ever: that is noticed, too
    return "SURVIVED"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="this mutant alone")
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    mutants = [m for m in MUTANTS if args.only in (None, m[0])]
    work = pathlib.Path(tempfile.mkdtemp(prefix="mutants-"))
    wrong = 0
    try:
        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
            for mutant, outcome in zip(mutants, pool.map(lambda m: run_mutant(work, m), mutants)):
                print(f"{mutant[0]:52} {outcome or 'caught'}", flush=True)
                wrong += outcome is not None
    finally:
        shutil.rmtree(work)
    print(f"{len(mutants) - wrong} of {len(mutants)} mutants caught")
    return 1 if wrong or not mutants else 0


if __name__ == "__main__":
    sys.exit(main())
