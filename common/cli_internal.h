/*
 * What cli.c and cli_help.c share. Nobody else includes it.
 */
#ifndef COMMON_CLI_INTERNAL_H
#define COMMON_CLI_INTERNAL_H

#include "common/cli.h"

/* Both print to standard output; `common` are the flags that every command takes. */
void cli_print_help(const struct cli_program *program, const struct cli_flag *common,
                    size_t common_n);
void cli_print_markdown(const struct cli_program *program, const struct cli_flag *common,
                        size_t common_n);

#endif
