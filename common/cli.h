/*
 * The command line that both programs share: commands, common flags, help, exit codes.
 *
 *     enclave-x [FLAGS] COMMAND [FLAGS] [OPERANDS]
 *
 * Flags are long and never abbreviated; those of a command follow it, common ones stand anywhere;
 * "--" ends them. A value follows as the next argument or after "=".
 * Common: --config FILE, --set key=value (repeatable), --print-config, --version,
 * --help[=markdown],
 * --log-format text|json, --log-level debug|info|warn|error.
 */
#ifndef COMMON_CLI_H
#define COMMON_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/err.h"
#include "common/option.h"

enum cli_exit { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

enum {
    CLI_FLAGS_MAX = 64, /* flags of its own that a command may be given at once */
    CLI_SETS_MAX = 256, /* --set at once */
};

struct cli;

/* A flag of one command, given as --name or --name VALUE or --name=VALUE. */
struct cli_flag {
    const char *name;     /* without dashes; NULL ends the array */
    const char *argument; /* what help calls its value ("FILE"); NULL: it takes none */
    const char *help;
    bool repeatable;
};

struct cli_command {
    const char *name;      /* "parse" */
    const char *arguments; /* for help: "FILE…"; may be NULL */
    const char *help;      /* one line */
    int operands_min;
    int operands_max;                  /* -1: any number */
    const struct cli_flag *flags;      /* ends with a NULL name; may be NULL */
    bool needs_no_config;              /* the default configuration file is not read for it */
    int (*run)(const struct cli *cli); /* returns an enum cli_exit */
};

struct cli_program {
    const char *name;    /* "enclave-producer" */
    const char *summary; /* one line */
    const struct option_table *options;
    const struct cli_command *commands;
    size_t commands_n;
    const char *config_path; /* read when it exists and --config is not given; may be NULL */
    /* Checks that need more than one option, after all of them were read; may be NULL. */
    enum err (*check)(const struct config *config, struct err_detail *detail);
};

struct cli_given {
    const char *name;
    const char *value; /* NULL for a flag without argument */
};

/* What a command gets. */
struct cli {
    const struct cli_program *program;
    const struct cli_command *command;
    struct config *config; /* its target is the struct that cli_main was given */
    struct cli_given flags[CLI_FLAGS_MAX];
    size_t flags_n;
    const char *const *operands;
    size_t operands_n;
};

/* Parses, prints help, version or configuration, or reads the configuration into `target` (of
 * program->options->target_bytes), configures the log and runs the command. Returns the exit code;
 * the configuration is freed by then. */
int cli_main(const struct cli_program *program, void *target, int argc, char **argv);

bool cli_has(const struct cli *cli, const char *flag);
/* The value of a flag, or NULL if it was not given. Of a repeatable one the `nth`, from 0. */
const char *cli_value(const struct cli *cli, const char *flag);
const char *cli_value_nth(const struct cli *cli, const char *flag, size_t nth);

/* Prints "program: detail" (or the code's text) to stderr and returns CLI_USAGE for ERR_USAGE and
 * ERR_CONFIG, CLI_FAILED for all other errors. */
int cli_fail(const struct cli *cli, enum err code, const struct err_detail *detail);

#endif
