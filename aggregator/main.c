/*
 * enclave-aggregator: the table of its commands.
 */
#include <assert.h>

#include "aggregator/commands.h"
#include "aggregator/config.h"

static const struct cli_flag check_flags[] = {
    {.name = "tenants", .argument = "FILE", .help = "Tenant map for --explain."},
    {.name = "explain",
     .argument = "ENCLAVE",
     .help = "Whose enclave is it, and by which rule? By enclave id, name or run id."},
    {.name = NULL},
};

/* dump and verify take words only. */
static int with_words(const struct cli *cli, int (*command)(int argc, char **argv))
{
    char *argv[3] = {(char *)(uintptr_t)cli->command->name};
    int argc = 1;

    assert(cli->operands_n < sizeof argv / sizeof *argv - 1);
    for (size_t i = 0; i < cli->operands_n; i++)
        argv[argc++] = (char *)(uintptr_t)cli->operands[i];
    return command(argc, argv);
}

static int run_dump(const struct cli *cli)
{
    return is_checkpoint_name(cli->operands[0]) ? dump_checkpoint(cli)
                                                : with_words(cli, command_dump);
}

static int run_verify(const struct cli *cli)
{
    return with_words(cli, command_verify);
}

static const struct cli_command commands[] = {
    {.name = "run", .help = "Meter until told to stop.", .run = command_run},
    {.name = "check",
     .help = "Check configuration, topic, sink and checkpoints; say what repairs them.",
     .flags = check_flags,
     .run = command_check},
    {.name = "dump",
     .arguments = "OBJECT",
     .help = "Show a part, rollup or checkpoint as JSON.",
     .operands_min = 1,
     .operands_max = 1,
     .needs_no_config = true,
     .run = run_dump},
    {.name = "verify",
     .arguments = "SINK",
     .help = "Recompute every checksum, link and proof of a sink.",
     .operands_min = 1,
     .operands_max = 1,
     .needs_no_config = true,
     .run = run_verify},
};

int main(int argc, char **argv)
{
    static struct aggregator_config config;
    const struct cli_program program = {
        .name = "enclave-aggregator",
        .summary = "Meters Nitro Enclaves: lifecycle events in, usage per tenant and hour out.",
        .options = &aggregator_options,
        .commands = commands,
        .commands_n = sizeof commands / sizeof *commands,
        .config_path = "/etc/enclave-aggregator/config.yaml",
        .check = aggregator_config_check,
    };

    return cli_main(&program, &config, argc, argv);
}
