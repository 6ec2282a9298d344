"""Options and fixtures of the integration tests: a seed that is printed, one Kafka for the session."""
import os
import random
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "ops"))
sys.path.insert(0, str(Path(__file__).resolve().parent))


def pytest_addoption(parser):
    parser.addoption("--seed", type=int, default=None, help="replays the random choices of a run")
    parser.addoption("--long", action="store_true", help="more kills")


@pytest.fixture(scope="session")
def seed(request):
    value = request.config.getoption("--seed")
    return random.SystemRandom().randrange(1 << 31) if value is None else value


@pytest.fixture(scope="session", autouse=True)
def seed_is_printed(seed, request):
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    reporter.write_line(f"\nseed {seed} (replay: ops/test integration --seed {seed})")


@pytest.fixture(scope="session")
def kafka(tmp_path_factory):
    from testbed import Kafka
    broker = Kafka(tmp_path_factory.mktemp("kafka")).start()
    yield broker
    broker.stop()


@pytest.fixture
def bench(kafka, tmp_path, seed, request):
    """A fresh topic, sink and set of programs, all gone at the end of the test."""
    from harness import Bench
    made = Bench(kafka, tmp_path, f"{request.node.name} {seed}")
    yield made
    made.close()


@pytest.fixture(scope="session")
def programs():
    """Where enclave-producer and enclave-aggregator are: EM_BIN, or the sanitizer build."""
    directory = Path(os.environ.get("EM_BIN") or ROOT / "build" / "dev" / "bin")
    for name in ("enclave-producer", "enclave-aggregator"):
        assert (directory / name).exists(), f"no {name} in {directory}: build it, or set EM_BIN"
    return directory
