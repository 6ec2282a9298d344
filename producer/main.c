/*
 * enclave-producer: command line only. Each command is a file of its own beside this one.
 */
#include "common/cli.h"
#include "producer/commands.h"
#include "producer/edge/settings.h"

static const struct cli_flag run_flags[] = {
    {.name = "backfill",
     .help = "Publish the history in the named log FILEs, in an epoch of its own, and exit."},
    {.name = "until-idle",
     .help = "Exit when the log has been read to its end and everything is acknowledged."},
    {0},
};

static const struct cli_command commands[] = {
    {.name = "run",
     .arguments = "[--backfill FILE…]",
     .help = "Follow the log of nitro-cli and publish what the enclaves of this host do.",
     .operands_max = -1,
     .flags = run_flags,
     .run = command_run},
    {.name = "check",
     .help = "Say what must be repaired before `run` can work: host, log, journal, broker, topic.",
     .run = command_check},
    {.name = "status",
     .help = "Show the journal and the known runs; works while the producer runs.",
     .run = command_status},
    {.name = "parse",
     .arguments = "FILE…|DIRECTORY|-",
     .help = "Print the events of log files as JSON lines; needs no broker and no configuration.",
     .operands_min = 1,
     .operands_max = -1,
     .needs_no_config = true,
     .run = command_parse},
};

static const struct cli_program program = {
    .name = "enclave-producer",
    .summary = "Meters the Nitro Enclaves of one EC2 instance into Kafka.",
    .options = &producer_option_table,
    .commands = commands,
    .commands_n = sizeof commands / sizeof commands[0],
    .config_path = "/etc/enclave-metering/producer.yaml",
    .check = producer_settings_check,
};

int main(int argc, char **argv)
{
    struct producer_settings settings;

    return cli_main(&program, &settings, argc, argv);
}
