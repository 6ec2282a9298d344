/*
 * The commands of enclave-producer, one file each; main.c is the table of them. Each returns an
 * enum cli_exit.
 */
#ifndef PRODUCER_COMMANDS_H
#define PRODUCER_COMMANDS_H

#include "common/cli.h"

int command_run(const struct cli *cli);
int command_check(const struct cli *cli);
int command_status(const struct cli *cli);
int command_parse(const struct cli *cli); /* operands: files, a directory, "-" */

#endif
