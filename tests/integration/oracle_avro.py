#!/usr/bin/env python3
"""The codec against fastavro, both directions, and our container files read by fastavro and DuckDB.

Usage: oracle_avro.py --bin DIR [--seed N]     DIR holds avro_oracle (tests/integration/avro_oracle.c).
Exits 1 at the first difference, naming the seed that shows it again.
"""
import argparse
import copy
import io
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
from collections import Counter

import duckdb
import fastavro
import fastavro.read

from duckdb_avro import load_avro_extension

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EVENTS = 400
SCHEMAS = 60
RECORDS_PER_SCHEMA = 10

# Random times lie outside what a datetime can hold: leave them numbers.
fastavro.read.LOGICAL_READERS.pop("long-timestamp-millis")


class Oracle:
    def __init__(self, directory):
        self.path = os.path.join(directory, "avro_oracle")

    def run(self, *args, stdin=b""):
        done = subprocess.run([self.path, *map(str, args)], input=stdin, capture_output=True)
        if done.returncode != 0:
            raise AssertionError(f"avro_oracle {args}: {done.stderr.decode()}")
        return done.stdout

    def json(self, *args, stdin=b""):
        return [json.loads(line) for line in self.run(*args, stdin=stdin).splitlines()]


def as_json(value):
    """A record as fastavro has it, in the form that avro_oracle prints: bytes in hex."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    return value


def same(what, ours, theirs):
    if ours == theirs:
        return
    for key in theirs:
        if ours.get(key) != theirs[key]:
            raise AssertionError(f"{what}: {key}: {ours.get(key)!r} is not {theirs[key]!r}")
    raise AssertionError(f"{what}: {sorted(set(ours) ^ set(theirs))} on one side only")


def crc64(schema):
    """As an integer; fastavro gives the bytes in little-endian order."""
    canonical = fastavro.schema.to_parsing_canonical_form(schema)
    return int.from_bytes(
        bytes.fromhex(fastavro.schema.fingerprint(canonical, "CRC-64-AVRO")), "little")


def framed(values):
    return b"".join(struct.pack("<I", len(value)) + value for value in values)


def unframed(data):
    at = 0
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at)
        yield data[at + 4:at + 4 + length]
        at += 4 + length


def write_value(schema, record):
    body = io.BytesIO()
    fastavro.schemaless_writer(body, schema, record)
    return b"\xc3\x01" + struct.pack("<Q", crc64(schema)) + body.getvalue()


# ---- random data for any schema -----------------------------------------------------------------

def random_text(rng):
    return "".join(rng.choice("aZ0-_ \"\\\n,=é…漢🔒\t") for _ in range(rng.choice([0, 1, 7, 20, 90])))


def random_integer(rng, bits):
    top = 2 ** (bits - 1)
    return rng.choice([0, -1, 63, 64, -65, top - 1, -top, rng.randrange(-top, top),
                       rng.randrange(2 ** 31)])


def random_value(rng, schema, names):
    if isinstance(schema, list):
        return random_value(rng, rng.choice(schema), names)
    if isinstance(schema, str) and schema in names:
        schema = names[schema]
    kind = schema if isinstance(schema, str) else schema["type"]
    if kind in ("record", "enum", "fixed"):
        names[schema["name"]] = schema
    if kind == "record":
        return {f["name"]: random_value(rng, f["type"], names) for f in schema["fields"]}
    if kind == "array":
        return [random_value(rng, schema["items"], names) for _ in range(rng.randrange(5))]
    if kind == "map":
        return {random_text(rng) + str(i): random_value(rng, schema["values"], names)
                for i in range(rng.randrange(4))}
    return {
        "null": lambda: None,
        "boolean": lambda: rng.random() < 0.5,
        "int": lambda: random_integer(rng, 32),
        "long": lambda: random_integer(rng, 64),
        "float": lambda: 0.5,
        "double": lambda: rng.random(),
        "bytes": lambda: rng.randbytes(rng.choice([0, 48])),
        "string": lambda: random_text(rng),
        "enum": lambda: rng.choice(schema["symbols"]),
        "fixed": lambda: rng.randbytes(schema["size"]),
    }[kind]()


# ---- other writers' schemas ---------------------------------------------------------------------

def records_of(schema):
    """Every record of our schema by name."""
    if isinstance(schema, list):
        for branch in schema:
            yield from records_of(branch)
    elif isinstance(schema, dict):
        if schema["type"] == "record":
            yield schema
            for field in schema["fields"]:
                yield from records_of(field["type"])
        elif schema["type"] == "array":
            yield from records_of(schema["items"])


UNKNOWN_TYPES = [
    "null", "double", "string", ["null", "long", "string"],
    {"type": "array", "items": {"type": "map", "values": ["null", "bytes"]}},
    {"type": "record", "name": "Added", "fields": [
        {"name": "a", "type": {"type": "fixed", "name": "AddedFixed", "size": 7}},
        {"name": "b", "type": {"type": "array", "items": {
            "type": "enum", "name": "AddedEnum", "symbols": ["X", "Y"]}}}]},
]


def change_field(rng, field):
    kind = field["type"]
    if isinstance(kind, dict) and kind["type"] == "enum":
        kind["symbols"].insert(rng.randrange(len(kind["symbols"])), "ADDED")
    elif kind == "string" and rng.random() < 0.2:
        field["type"] = "bytes"
    elif isinstance(kind, list) and rng.random() < 0.3:
        kind.reverse()
    elif kind == "long" and rng.random() < 0.5:
        field["type"] = "int"


def change_schema(rng, schema):
    """A copy that resolves to `schema`, and which fields it lacks: {record: {field: default}}."""
    schema = copy.deepcopy(schema)
    dropped = {}
    for record in list(records_of(schema)):
        for field in list(record["fields"]):
            # boot_id, prev_epoch and disputed_by refer to types that are defined before them.
            if "default" in field and field["name"] != "evidence" and rng.random() < 0.1:
                dropped.setdefault(record["name"], {})[field["name"]] = field["default"]
                record["fields"].remove(field)
                continue
            field.pop("default", None)
            change_field(rng, field)
    unknown = copy.deepcopy(UNKNOWN_TYPES)
    for i, kind in enumerate(unknown):
        fields = rng.choice(list(records_of(schema)))["fields"]
        fields.insert(rng.randrange(len(fields) + 1), {"name": f"added_{i}", "type": kind})
    return schema, dropped


def expected(record, value, dropped):
    """What a reader with our record schema sees of what the writer wrote."""
    seen = {}
    for field in record["fields"]:
        name, kind = field["name"], field["type"]
        if name in dropped.get(record["name"], {}):
            seen[name] = dropped[record["name"]][name]
        else:
            seen[name] = expected_value(kind, value[name], dropped)
    return seen


def expected_value(kind, value, dropped):
    if isinstance(kind, list):
        return None if value is None else expected_value(kind[1], value, dropped)
    if value == "ADDED" and (kind == "Evidence" or isinstance(kind, dict)):
        return "UNKNOWN"
    if isinstance(kind, dict) and kind["type"] == "record":
        return expected(kind, value, dropped)
    if isinstance(kind, dict) and kind["type"] == "array" and isinstance(kind["items"], dict):
        return [expected(kind["items"], item, dropped) for item in value]
    if kind == "string" and isinstance(value, bytes):
        return value.decode()
    return value


def without_empty_runs(event):
    """A run of which nothing is known is the same as no facts."""
    for run in event["running"]:
        if run["full"] is not None and all(fact is None for fact in run["full"].values()):
            run["full"] = None
    return event


# ---- checks -------------------------------------------------------------------------------------

def check_fingerprints(oracle, schema, seed):
    names = sorted(name for name in os.listdir(os.path.join(ROOT, "schemas"))
                   if name.endswith(".avsc"))
    for name in names:
        with open(os.path.join(ROOT, "schemas", name), "rb") as f:
            text = f.read()
        ours = int(oracle.run("fingerprint", stdin=text), 16)
        assert ours == crc64(json.loads(text)), name
    for i in range(SCHEMAS):
        changed, _ = change_schema(random.Random(seed + i), schema)
        ours = int(oracle.run("fingerprint", stdin=json.dumps(changed).encode()), 16)
        assert ours == crc64(changed), f"seed {seed + i}"
    return f"{len(names)} schemas and {SCHEMAS} changed ones"


def check_fastavro_reads(oracle, schema, seed):
    values = list(unframed(oracle.run("write", seed, EVENTS)))
    events = oracle.json("json", seed, EVENTS)
    parsed = fastavro.parse_schema(schema)
    assert len(values) == len(events) == EVENTS
    for i, (value, event) in enumerate(zip(values, events)):
        assert value[:2] == b"\xc3\x01"
        assert struct.unpack("<Q", value[2:10])[0] == crc64(schema)
        body = io.BytesIO(value[10:])
        same(f"seed {seed + i}", event, as_json(fastavro.schemaless_reader(body, parsed)))
        assert body.read() == b"", "bytes left over"
    return f"{EVENTS} events"


def check_we_read(oracle, schema, seed):
    rng = random.Random(seed)
    records = [random_value(rng, schema, {}) for _ in range(EVENTS)]
    with tempfile.NamedTemporaryFile("w", suffix=".avsc") as f:
        json.dump(schema, f)
        f.flush()
        events = oracle.json("read", f.name,
                             stdin=framed(write_value(schema, record) for record in records))
    for record, event in zip(records, events, strict=True):
        same(f"seed {seed}", event, without_empty_runs(as_json(record)))
    return f"{EVENTS} events"


def check_we_read_other_schemas(oracle, schema, seed):
    for i in range(SCHEMAS):
        rng = random.Random(seed + i)
        changed, dropped = change_schema(rng, schema)
        records = [random_value(rng, changed, {}) for _ in range(RECORDS_PER_SCHEMA)]
        for record in records:
            make_text(rng, changed, record)
        with tempfile.NamedTemporaryFile("w", suffix=".avsc") as f:
            json.dump(changed, f)
            f.flush()
            events = oracle.json("read", f.name,
                                 stdin=framed(write_value(changed, record) for record in records))
        for record, event in zip(records, events, strict=True):
            want = without_empty_runs(as_json(expected(schema, record, dropped)))
            same(f"seed {seed + i}", event, want)
    return f"{SCHEMAS * RECORDS_PER_SCHEMA} events of {SCHEMAS} schemas"


def make_text(rng, record_schema, record):
    """Strings of ours that the writer calls bytes hold text."""
    for field in record_schema["fields"]:
        value, kind = record.get(field["name"]), field["type"]
        if kind == "bytes":
            record[field["name"]] = random_text(rng).encode()
        for branch in kind if isinstance(kind, list) else [kind]:
            if isinstance(branch, dict) and branch["type"] == "record" and isinstance(value, dict):
                make_text(rng, branch, value)
            if isinstance(branch, dict) and branch["type"] == "array" and \
                    isinstance(branch["items"], dict) and branch["items"]["type"] == "record":
                for item in value:
                    make_text(rng, branch["items"], item)


def check_containers(oracle, schema, seed):
    rows = 2500  # three blocks
    events = oracle.json("json", seed, rows)
    data = oracle.run("container", seed, rows)
    assert data == oracle.run("container", seed, rows), "the same rows, other bytes"
    reader = fastavro.reader(io.BytesIO(data))
    assert reader.metadata["first"] == "seed" and reader.codec == "null"
    for i, (row, event) in enumerate(zip(reader, events, strict=True)):
        same(f"row {i}", event, as_json(row))

    archive = list(fastavro.reader(io.BytesIO(oracle.run("archive", seed, rows))))
    values = list(unframed(oracle.run("write", seed, rows)))
    for i, (row, value) in enumerate(zip(archive, values, strict=True)):
        assert row["offset"] == seed + i and row["append_time"] == 1795000000000 + seed + i
        assert row["value"] == value and row["headers"] == {"origin": b"test"}
        assert (row["key"] is None) == ((seed + i) % 2 == 0)
    return f"{rows} rows each of events and archive records, equal bytes when written again"


def check_duckdb(oracle, schema, seed):
    """With DuckDB's own Avro reader where the extension is at hand, else on fastavro's rows."""
    rows = 2500
    types = Counter(event["type"] for event in oracle.json("json", seed, rows))
    db = duckdb.connect()
    direct = load_avro_extension(db)
    with tempfile.TemporaryDirectory() as directory:
        tables = {}
        for name, command in [("events", "container"), ("archive", "archive")]:
            data = oracle.run(command, seed, rows)
            path = os.path.join(directory, name)
            with open(path, "wb") as f:
                if direct:
                    f.write(data)
                else:
                    for row in fastavro.reader(io.BytesIO(data)):
                        f.write(json.dumps(as_json(row)).encode() + b"\n")
            tables[name] = f"read_avro('{path}')" if direct else \
                f"read_json('{path}', maximum_depth=1, format='newline_delimited')"
        count, offsets, keys = db.execute(
            f'SELECT count(*), sum(CAST("offset" AS BIGINT)), count(key) FROM {tables["archive"]}').fetchone()
        counted = dict(db.execute(
            f'SELECT CAST(type AS VARCHAR), count(*) FROM {tables["events"]} GROUP BY 1').fetchall())
    assert count == rows and offsets == sum(range(seed, seed + rows))
    if direct:
        assert keys == sum(1 for n in range(seed, seed + rows) if n % 2)
    assert {name.strip('"'): n for name, n in counted.items()} == types
    how = "its Avro reader" if direct else "JSON: duckdb-ext-avro of its version is not installed"
    return f"{rows} rows each of events and archive records, through {how}"


CHECKS = [
    ("our fingerprints are fastavro's", check_fingerprints),
    ("fastavro reads what we write", check_fastavro_reads),
    ("we read what fastavro writes", check_we_read),
    ("we read what fastavro writes by other schemas", check_we_read_other_schemas),
    ("fastavro reads our container files", check_containers),
    ("DuckDB reads our container files", check_duckdb),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", required=True, help="directory of avro_oracle")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    oracle = Oracle(args.bin)
    schema = json.loads(oracle.run("schema"))
    failed = 0
    for name, check in CHECKS:
        try:
            print(f"ok   {name}: {check(oracle, schema, args.seed)}", flush=True)
        except AssertionError as error:
            failed += 1
            print(f"FAIL {name}: {error}\n     again with: {sys.argv[0]} --bin {args.bin} "
                  f"--seed {args.seed}", flush=True)
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
