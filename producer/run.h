/*
 * What run.c and backfill.c share: they are two forms of one command.
 */
#ifndef PRODUCER_RUN_H
#define PRODUCER_RUN_H

#include "common/cli.h"

/* A descriptor that is readable once SIGTERM or SIGINT came; −1 and errno. Call it before anything
 * makes threads. */
int run_open_stop_fd(void);

/* Why it did not go on: to the terminal if a person has mistyped something, else to the log.
 * Returns the exit code. */
int run_fail(const struct cli *cli, enum err err, const struct err_detail *detail);

/* `run --backfill FILE…` */
int run_backfill(const struct cli *cli);

#endif
