"""Moves recorded nitro_enclaves.log files to another time, everything else byte for byte.

    shift_log.py --hour-start 2026-11-20T13:00:00Z [--at-minute 20] [--instance i-…] \\
                 --anchor FIRST_LOG LOG… > nitro_enclaves.log

All records of all LOGs move by one constant: the first record of the anchor (the earliest log of the
whole set, the same for every host) comes to lie at the given minute of the hour. LOGs are
concatenated in order of their first record.
"""
import argparse
import sys
from pathlib import Path

from nitro_log import parse_time, read_records, shift_bytes

MINUTE_MS = 60_000


def shifted_logs(paths, anchor, start_ms, instance=None):
    """The concatenation of `paths`, moved so that the first record of `anchor` is at start_ms."""
    by_ms = start_ms - read_records(anchor)[0].time
    paths = sorted(paths, key=lambda p: read_records(p)[0].time)
    return b"".join(shift_bytes(Path(p).read_bytes(), by_ms, instance) for p in paths)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hour-start", required=True)
    parser.add_argument("--at-minute", type=float, default=20)
    parser.add_argument("--instance")
    parser.add_argument("--anchor", required=True)
    parser.add_argument("logs", nargs="+")
    args = parser.parse_args()
    hour = args.hour_start.rstrip("Z")
    start_ms = parse_time(hour if "." in hour else hour + ".000") + int(args.at_minute * MINUTE_MS)
    sys.stdout.buffer.write(shifted_logs(args.logs, args.anchor, start_ms, args.instance))


if __name__ == "__main__":
    main()
