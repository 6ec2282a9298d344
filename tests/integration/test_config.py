"""Configuration of both programs: what is wrong is said with file, line and the nearest valid name."""
import os
import re

import pytest
import yaml
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from harness import run_once, set_args, this_hour
from testbed import ROOT

PROGRAMS = ("enclave-producer", "enclave-aggregator")


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_unknown_option_is_an_error_with_file_line_and_the_nearest_name(program, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("# first line\ntopc: enclave.lifecycle\n")
    status, _, err = run_once(program, "run", "--config", config)
    assert status == 2
    assert f"{config}:2" in err and "topc" in err and "topic" in err.replace("topc", "")


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_unknown_option_on_the_command_line_is_an_error(program):
    status, _, err = run_once(program, "run", "--set", "topc=x")
    assert status == 2 and "topc" in err


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_value_of_the_wrong_type_is_an_error_with_file_and_line(program, tmp_path):
    config = tmp_path / "config.yaml"
    option = {"enclave-producer": "heartbeat_interval", "enclave-aggregator": "checkpoint.interval"}
    config.write_text(f"topic: x\n{option[program]}: soon\n")
    status, _, err = run_once(program, "run", "--config", config)
    assert status == 2 and f"{config}:2" in err and "soon" in err


@pytest.mark.parametrize("program", PROGRAMS)
def test_print_config_is_a_configuration_that_prints_itself(program, tmp_path):
    status, first, err = run_once(program, "run", "--set", "topic=another.topic", "--print-config")
    assert status == 0, err
    assert "another.topic" in first
    config = tmp_path / "config.yaml"
    config.write_text(first)
    status, second, err = run_once(program, "run", "--config", config, "--print-config")
    assert status == 0, err
    assert yaml.safe_load(second) == yaml.safe_load(first)
    assert f"{config}:" in second, "it does not say where a value came from"


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_and_version_go_to_stdout_and_succeed(program):
    for argument in ("--help", "--version"):
        status, out, err = run_once(program, argument)
        assert status == 0 and out and not err


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_unknown_command_is_a_usage_error(program):
    status, _, err = run_once(program, "runn")
    assert status == 2 and "run" in err


@pytest.fixture
def checked(bench):
    """Runs `check` of the aggregator against the bench's topic."""
    sink = bench.directory / "sink"

    def check(**options):
        return run_once("enclave-aggregator", "check", *set_args(
            bench.aggregator_options(sink, this_hour(), **options)))

    return check


def test_check_is_content_with_the_topic_of_topics_yaml(bench, checked):
    bench.make_topic()
    status, out, err = checked()
    assert status == 0, out + err


@pytest.mark.parametrize("setting, value", [("message.timestamp.type", "CreateTime"),
                                            ("cleanup.policy", "compact")])
def test_check_finds_a_wrong_topic_setting_and_says_how_to_repair_it(bench, checked, setting, value):
    bench.make_topic()
    entry = ConfigEntry(setting, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, bench.topic, incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": bench.kafka.bootstrap})
    for future in admin.incremental_alter_configs([resource]).values():
        future.result()
    status, out, err = checked()
    assert status == 1
    assert setting in out + err and "kafka-configs" in out + err


def test_check_finds_a_topic_that_does_not_exist(bench, checked):
    status, out, err = checked()
    assert status == 1 and bench.topic in out + err


def test_check_complains_of_one_replica_unless_that_is_waived(bench, checked):
    bench.make_topic()
    status, out, err = checked(**{"check.waive": ""})
    assert status == 1 and "replic" in out + err


def test_the_producers_check_finds_a_journal_that_nobody_can_write(bench):
    bench.make_topic()
    host = bench.host(1)
    host.options["journal.dir"].mkdir()
    status, out, err = run_once("enclave-producer", "check", *set_args(host.options))
    assert status == 0, out + err
    host.options["journal.dir"] = "/proc/no-such-directory"
    status, out, err = run_once("enclave-producer", "check", *set_args(host.options))
    assert status == 1 and "journal" in out + err


def test_the_option_reference_is_what_the_programs_print():
    """ops/OPTIONS.md; UPDATE=1 writes it anew."""
    pages = [run_once(program, "--help=markdown")[1] for program in PROGRAMS]
    page = ("<!-- Printed by both programs with --help=markdown; UPDATE=1 ops/test integration writes it anew. "
            "-->\n\n" + "\n".join(pages))
    path = ROOT / "ops" / "OPTIONS.md"
    if os.environ.get("UPDATE"):
        path.write_text(page)
    assert path.read_text() == page


def test_every_alarm_has_its_page_in_the_runbook():
    runbook = (ROOT / "ops" / "RUNBOOK.md").read_text()
    source = "".join(path.read_text() for path in (ROOT / "aggregator").rglob("*.c"))
    alarms = re.findall(r'log_error\(\s*"alarm",\s*"([^"]+)"', source)
    assert len(alarms) >= 6
    for alarm in alarms:
        words = alarm.split(":")[0].split(";")[0]
        assert f"### alarm: {words}" in runbook, alarm
