"""Programs and a Kafka broker that a script starts, watches and stops again.

Used by ops/demo, ops/kafka and tests/integration. Everything is started with its own process group,
is told by the kernel to end when its parent dies, and is ended by its pid, never by its name. Waiting
is always for a condition with a deadline. Not for production: one broker, no authentication.
"""
import ctypes
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("EM_CACHE") or Path(
    os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "enclave-metering")
KAFKA_VERSION = os.environ.get("EM_KAFKA_VERSION", "4.3.1")
LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1


class Failed(Exception):
    """Something did not happen; the text says what and where to look."""


def wait_for(what, condition, timeout_s=30.0, every_s=0.05, explain=None):
    """Returns the first true result of condition(); Failed when timeout_s have passed, with what
    explain() says then."""
    deadline = time.monotonic() + timeout_s
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() >= deadline:
            raise Failed("\n".join([f"waited {timeout_s:g} s in vain for: {what}",
                                    *(explain() if explain else [])]))
        time.sleep(every_s)


def free_port(rng=random.SystemRandom()):
    """A port that nobody listens on now. Below the ephemeral range: a client that keeps connecting to
    a stopped broker on an ephemeral port can end up connected to itself."""
    for _ in range(200):
        port = rng.randrange(15000, 32000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise Failed("no free port on 127.0.0.1 between 15000 and 32000")


def die_with_parent():
    os.setpgrp()
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


class Program:
    """A running program: its output in a file, its end by pid. restart() starts the same again."""

    def __init__(self, name, argv, log_path, env=None, outlive_parent=False):
        self.name = name
        self.argv = [str(a) for a in argv]
        self.log_path = Path(log_path)
        self.env = {**os.environ, **(env or {})}
        self.outlive_parent = outlive_parent
        self.process = None
        self.starts = 0

    def start(self):
        assert not self.running(), f"{self.name} runs already"
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log_path, "ab") as log, open(os.devnull, "rb") as null:
            self.process = subprocess.Popen(
                self.argv, stdin=null, stdout=log, stderr=log, env=self.env,
                start_new_session=self.outlive_parent,
                preexec_fn=None if self.outlive_parent else die_with_parent)
        self.starts += 1
        return self

    def running(self):
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self):
        return self.process.pid

    def kill(self):
        """kill -9; returns when the process is gone."""
        if self.running():
            self.process.kill()
        self.process.wait()

    def stop(self, timeout_s=20.0):
        """SIGTERM, and SIGKILL for who does not listen (that is a failure). Returns the exit status."""
        if not self.running():
            return self.process.returncode if self.process else None
        self.process.terminate()
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failed(f"{self.name} did not stop within {timeout_s:g} s of SIGTERM\n{self.tail()}")

    def wait(self, timeout_s):
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} still runs after {timeout_s:g} s\n{self.tail()}") from None

    def tail(self, lines=15):
        try:
            text = self.log_path.read_bytes()[-16384:].decode("utf-8", "replace")
        except FileNotFoundError:
            text = ""
        return f"--- last lines of {self.log_path}:\n" + "\n".join(text.splitlines()[-lines:])

    def check(self):
        """Failed if it ended by itself."""
        if not self.running():
            status = self.process.returncode if self.process else "never started"
            raise Failed(f"{self.name} ended by itself (status {status})\n{self.tail()}")
        return True


BROKER = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
log.cleaner.backoff.ms=200
broker.session.timeout.ms=1500
broker.heartbeat.interval.ms=300
"""

LOG4J = """status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %c{1} %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
"""


class Kafka:
    """One KRaft node of Apache Kafka in `directory`; its state stays there between starts."""

    START_ATTEMPTS = 5

    def __init__(self, directory, version=KAFKA_VERSION, outlive_parent=False):
        self.directory = Path(directory).resolve()
        self.libs = CACHE / f"kafka-{version}"
        if not self.libs.is_dir():
            raise Failed(f"no Kafka {version} in {self.libs}: run ops/kafka fetch {version}")
        self.port = None
        self.outlive_parent = outlive_parent
        self.program = Program(
            "kafka", self.java("kafka.Kafka", self.properties), self.directory / "broker.log",
            outlive_parent=outlive_parent)

    @property
    def properties(self):
        return self.directory / "server.properties"

    @property
    def bootstrap(self):
        return f"127.0.0.1:{self.port}"

    def java(self, main, *args):
        return ["java", "-Xmx512m", "-XX:+UseSerialGC",
                f"-Dlog4j2.configurationFile={self.directory}/log4j2.properties",
                "-cp", f"{self.libs}/*", main, *args]

    def format(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        controller = free_port()
        while controller == self.port:
            controller = free_port()
        (self.directory / "log4j2.properties").write_text(LOG4J)
        self.properties.write_text(BROKER.format(
            port=self.port, controller=controller, data=self.directory / "data"))
        done = subprocess.run(
            self.java("kafka.tools.StorageTool", "format", "-t", "ZW5jbGF2ZS1tZXRlcmluZw",
                      "-c", self.properties, "--ignore-formatted"),
            capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failed(f"formatting {self.directory} failed:\n{done.stdout}{done.stderr}")

    def start(self):
        """Ready when it returns. Another process may take a port between choosing and listening:
        then other ports are tried. A directory that has been used keeps its ports."""
        if self.properties.exists():
            self.port = int(re.search(r"^listeners=PLAINTEXT://127\.0\.0\.1:(\d+)",
                                      self.properties.read_text(), re.M).group(1))
            self.program.start()
            self.wait_ready()
            return self
        for attempt in range(self.START_ATTEMPTS):
            self.format()
            self.program.start()
            try:
                self.wait_ready()
                return self
            except Failed:
                lost_race = not self.program.running() and \
                    "Address already in use" in self.program.tail(400)
                if not lost_race or attempt + 1 == self.START_ATTEMPTS:
                    self.program.kill()
                    raise
        raise AssertionError("unreachable")

    def wait_ready(self, timeout_s=60.0):
        wait_for("Kafka to answer a metadata request",
                 lambda: self.program.check() and answers(self.bootstrap), timeout_s, 0.1)

    def kill(self):
        self.program.kill()

    def stop(self):
        return self.program.stop(30)

    def kill_and_restart(self):
        self.kill()
        return self.start()


def topic_specs(path=ROOT / "schemas" / "topics.yaml"):
    """The topics that the project needs: name → {partitions, replication, config}."""
    import yaml
    document = yaml.safe_load(Path(path).read_text())
    return {t["name"]: t for t in document["topics"]}


def answers(bootstrap):
    """A broker gives metadata."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient
    try:
        admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
        return bool(admin.list_topics(timeout=1).brokers)
    except KafkaException:
        return False


def create_topics(bootstrap, partitions=None, names=None, rename=None, config=None):
    """Creates topics of schemas/topics.yaml on a one-node broker; existing ones stay as they are."""
    from confluent_kafka import KafkaError, KafkaException
    from confluent_kafka.admin import AdminClient, NewTopic
    wanted = []
    for name, spec in topic_specs().items():
        if names is not None and name not in names:
            continue
        settings = {k: str(v).lower() if isinstance(v, bool) else str(v)
                    for k, v in {**spec["config"], **(config or {})}.items()}
        settings["min.insync.replicas"] = "1"
        wanted.append(NewTopic((rename or {}).get(name, name), partitions or spec["partitions"], 1,
                               config=settings))
    wait_for(f"Kafka on {bootstrap} to answer", lambda: answers(bootstrap), 15)
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    for name, future in admin.create_topics(wanted, operation_timeout=20).items():
        try:
            future.result()
        except KafkaException as e:
            if e.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise Failed(f"cannot create topic {name}: {e.args[0].str()}") from None
    wait_for("the new topics to have leaders",
             lambda: all(has_leaders(bootstrap, t.topic) for t in wanted), 30)
    return [t.topic for t in wanted]


def has_leaders(bootstrap, topic):
    """Every partition answers for its offsets."""
    from confluent_kafka import Consumer, KafkaException, TopicPartition
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "leaders", "log_level": 0})
    try:
        for p in consumer.list_topics(topic, timeout=5).topics[topic].partitions:
            consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=5)
        return True
    except (KafkaException, KeyError):
        return False
    finally:
        consumer.close()


# ---- ops/kafka: a broker that stays when this script has ended --------------------------------

def read_pid(directory):
    """The broker's pid, if the process that has it now is that broker."""
    try:
        pid = json.loads((directory / "pid.json").read_text())["pid"]
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return pid if str(directory).encode() in command else None


def gone(directory):
    return read_pid(directory) is None


def main(command, directory):
    directory = Path(directory).resolve()
    pid = read_pid(directory)
    if command in ("stop", "kill", "restart") and pid:
        os.kill(pid, signal.SIGTERM if command == "stop" else signal.SIGKILL)
        wait_for("the broker to be gone", lambda: gone(directory), 30)
    if command in ("start", "restart"):
        if command == "start" and pid:
            raise Failed(f"a broker runs in {directory} already (pid {pid})")
        kafka = Kafka(directory, outlive_parent=True).start()
        (directory / "pid.json").write_text(json.dumps({"pid": kafka.program.pid}))
        create_topics(kafka.bootstrap)
        print(kafka.bootstrap)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Failed as e:
        sys.exit(f"ops/kafka: {e}")
