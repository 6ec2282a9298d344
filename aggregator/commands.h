/*
 * The commands of enclave-aggregator, one file each. main.c finds the command by name and calls it.
 *
 * argv[0] is the command's own name. The return value is the exit code of the process: 0, 1
 * (failed), 2 (usage or configuration). Commands print results to stdout and complaints to stderr.
 */
#ifndef AGGREGATOR_COMMANDS_H
#define AGGREGATOR_COMMANDS_H

#include "common/cli.h"

enum { COMMAND_OK = 0, COMMAND_FAILED = 1, COMMAND_USAGE = 2 };

/* run: meters until SIGTERM or SIGINT. */
int command_run(const struct cli *cli);

/* check: configuration, topic, sink and checkpoints. */
int command_check(const struct cli *cli);
/* check --explain: whose enclave is it, by which rule of the tenant map? */
int check_explain(const struct cli *cli);

/* verify SINK: recomputes every sha256, link and Merkle proof of a sink, or of one tenant's copy.
 */
int command_verify(int argc, char **argv);

/* dump FILE.ckpt: a checkpoint as one JSON object. */
bool is_checkpoint_name(const char *path);
int dump_checkpoint(const struct cli *cli);

/* dump OBJECT: a part or another Avro container file as JSON lines. */
int command_dump(int argc, char **argv);

#endif
