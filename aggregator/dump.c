/*
 * enclave-aggregator dump OBJECT: a part, a rollup or an archive file (Avro) as JSON lines; inputs
 * and manifests are JSON already. Checkpoints: dump_checkpoint.c.
 */
#include <stdio.h>

#include "aggregator/commands.h"
#include "aggregator/edge/avro_json.h"
#include "aggregator/edge/store.h"
#include "common/file.h"

static void print_line(void *context, struct bytes json)
{
    (void)context;
    fwrite(json.ptr, 1, json.len, stdout);
    putchar('\n');
}

int command_dump(int argc, char **argv)
{
    static const char scheme[] = "file://";
    struct err_detail detail = {""};
    struct buffer content = {0};

    if (argc != 2) {
        fprintf(stderr, "usage: enclave-aggregator dump FILE   (a part or rollup, FILE.avro)\n");
        return COMMAND_USAGE;
    }
    const char *path = argv[1];

    if (strncmp(path, scheme, strlen(scheme)) == 0)
        path += strlen(scheme);
    enum err e = file_read(path, STORE_OBJECT_MAX, FILE_FOLLOW_LINKS, &content, &detail);

    if (e != ERR_OK) {
        fprintf(stderr, "%s\n", detail.text);
        return COMMAND_FAILED;
    }
    e = avro_json_each_row(buffer_bytes(&content), print_line, NULL, &detail);
    buffer_fini(&content);
    if (e != ERR_OK)
        fprintf(stderr, "%s: %s\n", path, detail.text);
    else if (fflush(stdout) != 0)
        return COMMAND_FAILED;
    return e == ERR_OK ? COMMAND_OK : COMMAND_FAILED;
}
