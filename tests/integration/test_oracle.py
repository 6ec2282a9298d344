"""The codec held against independent readers and writers, fastavro and DuckDB, field for field."""
import subprocess
import sys
from pathlib import Path


def test_fastavro_and_duckdb_agree_with_the_codec(programs, seed):
    """A process of its own: oracle_avro.py changes how fastavro reads times."""
    script = Path(__file__).with_name("oracle_avro.py")
    done = subprocess.run([sys.executable, script, "--bin", programs, "--seed", str(seed % 100000)],
                          capture_output=True, text=True)
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "through its Avro reader" in done.stdout
