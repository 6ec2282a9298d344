/*
 * The commands of enclave-aggregator, one file each. main.c finds the command by name and calls it.
 *
 * argv[0] is the command's own name. The return value is the exit code of the process: 0, 1
 * (failed), 2 (usage or configuration). Commands print results to stdout and complaints to stderr.
 */
#ifndef AGGREGATOR_COMMANDS_H
#define AGGREGATOR_COMMANDS_H

enum { COMMAND_OK = 0, COMMAND_FAILED = 1, COMMAND_USAGE = 2 };

/* verify SINK: recomputes every sha256, link and Merkle proof of a sink, or of one tenant's copy.
 */
int command_verify(int argc, char **argv);

/* dump OBJECT: a part or another Avro container file as JSON lines. */
int command_dump(int argc, char **argv);

#endif
