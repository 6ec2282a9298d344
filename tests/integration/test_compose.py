"""docker-compose.yml without Docker: it is valid, its images are public, and what it runs of ours runs
here with the same command and environment (only paths and the broker's address differ)."""
import os
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import yaml

from testbed import ROOT, CACHE, Kafka

COMPOSE = ROOT / "docker-compose.yml"


def document():
    return yaml.safe_load(COMPOSE.read_text())


def test_it_is_valid_by_the_schema_of_the_compose_specification():
    import json
    # The package is installed for this file alone; its code does not import under this Python.
    packages = Path(yaml.__file__).parents[1]
    schema = json.loads((packages / "compose" / "config" / "compose_spec.json").read_text())
    # Newer than that copy of the specification: the top-level name.
    schema["properties"].setdefault("name", {"type": "string"})
    jsonschema.Draft7Validator(schema).validate(document())


def test_every_image_is_public_and_has_a_fixed_tag():
    for service in document()["services"].values():
        assert re.fullmatch(r"(apache/kafka|debian):[a-z0-9.]+", service["image"])
        assert not service["image"].endswith(":latest")


def test_kafka_is_the_version_that_ops_uses():
    version = re.search(r"EM_KAFKA_VERSION:-([\d.]+)", (ROOT / "ops" / "lib.sh").read_text())[1]
    assert document()["services"]["kafka"]["image"] == f"apache/kafka:{version}"


def test_the_brokers_environment_makes_a_broker(tmp_path):
    """The image turns KAFKA_A_B into the property a.b: the same properties start our Kafka."""
    environment = document()["services"]["kafka"]["environment"]
    properties = {k.removeprefix("KAFKA_").lower().replace("_", "."): v
                  for k, v in environment.items()}
    kafka = Kafka(tmp_path / "kafka")
    ports = {}

    def at_home(value):
        value = value.replace("kafka:", "127.0.0.1:").replace("//:", "//127.0.0.1:")
        return value.replace("9092", str(ports[9092])).replace("9093", str(ports[9093]))

    def format_with_these():
        kafka.directory.mkdir(parents=True, exist_ok=True)
        from testbed import free_port
        ports.update({9092: free_port(), 9093: free_port()})
        kafka.port = ports[9092]
        lines = [f"{k}={at_home(v)}" for k, v in properties.items()]
        kafka.properties.write_text("\n".join([*lines, f"log.dirs={kafka.directory}/data", ""]))
        subprocess.run(kafka.java("kafka.tools.StorageTool", "format", "-t",
                                  "ZW5jbGF2ZS1tZXRlcmluZw", "-c", kafka.properties,
                                  "--ignore-formatted"), check=True, capture_output=True)

    kafka.format = format_with_these
    kafka.start()
    assert kafka.stop() in (0, 143)


def test_the_demo_service_runs_here_with_its_command_and_environment(kafka, tmp_path):
    service = document()["services"]["demo"]
    environment = {k: v.replace("${LIVE:-}", "") for k, v in service["environment"].items()}
    assert set(environment) == {"SOURCE", "WORK", "EM_CACHE", "EM_KAFKA_BOOTSTRAP", "LIVE"}
    environment |= {"SOURCE": str(ROOT), "WORK": str(tmp_path / "work"), "EM_CACHE": str(CACHE),
                    "EM_KAFKA_BOOTSTRAP": kafka.bootstrap}
    command = [word.replace("$$", "$") for word in service["command"]]
    assert Path(command[0]).name == "bash" and sys.platform == "linux"
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True,
                          text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "Usage per tenant" in done.stdout
    output = tmp_path / "work" / "demo-output" / "sink"
    assert list(output.glob("rollup/**/manifest.json"))
