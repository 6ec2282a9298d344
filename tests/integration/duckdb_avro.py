"""Avro in DuckDB without a download: the extension that the PyPI package duckdb-ext-avro carries."""
import glob
import importlib.util
import os

import duckdb


def load_avro_extension(db):
    """From the PyPI package duckdb-ext-avro, if its version fits; nothing is downloaded."""
    spec = importlib.util.find_spec("duckdb_ext")
    for folder in spec.submodule_search_locations if spec else []:
        for path in glob.glob(os.path.join(folder, "extensions", "v" + duckdb.__version__, "*",
                                           "avro.duckdb_extension")):
            db.execute(f"LOAD '{path}'")
            return True
    return False
