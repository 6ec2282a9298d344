"""A running fleet for ops/demo --live: appends nitro-cli log lines with the present time to one log per
host until it is told to stop.

    live_fleet.py --log i-…=PATH [--log …] [--seed N] [--hurry FACTOR]

Every life cycle is a recorded one with new names, pids, sizes and times (nitro_log.py). A host runs at
most four enclaves, as AWS allows. On SIGTERM the enclaves that run are terminated first, so that the
logs end as a host's would.
"""
import argparse
import heapq
import itertools
import random
import signal
import sys
import time
from pathlib import Path

from nitro_log import BOOT_FAILURES, STOPS, Host

ENCLAVES_PER_HOST = 4
# name, EIF, vCPUs, MiB: what ops/demo-tenants.yaml gives to tenants.
SERVICES = (
    ("payments-signer", "/opt/payments/signer.eif", 2, 512),
    ("payments-ledger", "/opt/payments/ledger.eif", 4, 2048),
    ("genomics-batch", "/opt/genomics/align.eif", 4, 4096),
    ("ads-bidder", "/opt/ads/bidder.eif", 2, 1024),
    ("keys-escrow", "/opt/keys/escrow.eif", 2, 256),
    ("scratch", "/home/ec2-user/hello.eif", 2, 64),
)
KINDS = ("terminated",) * 5 + ("crashed",) * 2 + ("sigterm", "sigint") + tuple(BOOT_FAILURES)


class Log:
    """A host's nitro_enclaves.log and the schedule of what will be appended to it."""

    def __init__(self, instance, path, seed, hurry):
        self.host = Host(instance, seed)
        self.path = Path(path)
        self.rng = random.Random(f"{instance} {seed} schedule")
        self.hurry = hurry
        self.names = itertools.count(1)

    def next_start(self, now):
        """A start (None when the host is full): its records, and when to stop it again."""
        if len(self.host.live) >= ENCLAVES_PER_HOST:
            return None, None
        name, eif, vcpus, mib = self.rng.choice(SERVICES)
        kind = self.rng.choice(KINDS)
        run = self.host.start(now, f"{name}-{next(self.names)}", eif, vcpus, mib, kind)
        lives_ms = int(self.rng.uniform(8_000, 45_000) / self.hurry)
        return run, now + 3000 + lives_ms if kind in STOPS else None

    def pause_ms(self):
        return int(self.rng.uniform(2_000, 9_000) / self.hurry)


class Fleet:
    """What is still to happen, in order of time: plans (starts and stops) and lines to be written."""

    def __init__(self, logs, now):
        self.order = itertools.count()
        self.plans, self.lines = [], []
        for log in logs:
            self.plan(now, lambda t, log=log: self.start(log, t))

    def plan(self, when, action):
        heapq.heappush(self.plans, (when, next(self.order), action))

    def start(self, log, now):
        run, stop_at = log.next_start(now)
        if run:
            self.append(log, run.records)
            if stop_at:
                self.plan(stop_at, lambda t: self.stop(log, run, t))
        self.plan(now + log.pause_ms(), lambda t: self.start(log, t))

    def stop(self, log, run, now):
        self.append(log, log.host.stop(run, now))

    def append(self, log, records):
        for r in records:
            heapq.heappush(self.lines, (r.time, next(self.order), log.path, r.bytes()))

    def tick(self, now):
        """Does what is due; returns when there is more to do."""
        while self.plans and self.plans[0][0] <= now:
            when, _, action = heapq.heappop(self.plans)
            action(when)
        while self.lines and self.lines[0][0] <= now:
            _, _, path, line = heapq.heappop(self.lines)
            write(path, line)
        return min((heap[0][0] for heap in (self.plans, self.lines) if heap), default=now)

    def wind_down(self, logs, now):
        """No further plans; every enclave that runs is ended."""
        self.plans.clear()
        for log in logs:
            for run in list(log.host.live):
                self.stop(log, run, max(now, run.running_time + 1))


def write(path, line):
    with open(path, "ab") as f:
        f.write(line)


def now_ms():
    return time.time_ns() // 1_000_000


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--log", action="append", required=True, metavar="INSTANCE=PATH")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hurry", type=float, default=1.0)
    args = parser.parse_args()
    told_to_stop = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told_to_stop.append(True))
    logs = [Log(*entry.split("=", 1), args.seed, args.hurry) for entry in args.log]
    fleet = Fleet(logs, now_ms())
    while not told_to_stop:
        next_ms = fleet.tick(now_ms())
        time.sleep(min(0.2, max(0.001, (next_ms - now_ms()) / 1000)))
    fleet.wind_down(logs, now_ms())
    while fleet.lines:
        fleet.tick(now_ms())
        time.sleep(0.01)
    return 0


if __name__ == "__main__":
    sys.exit(main())
