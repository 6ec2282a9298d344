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


def pytest_configure(config):
    if config.option.seed is None:
        config.option.seed = random.SystemRandom().randrange(1 << 31)


def pytest_report_header(config):
    return f"seed {config.option.seed} (replay: ops/test integration --seed {config.option.seed})"


@pytest.fixture(scope="session")
def seed(request):
    return request.config.getoption("--seed")


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
