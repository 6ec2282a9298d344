/*
 * enclave-aggregator verify SINK: is everything in the sink what was sealed? Says what is wrong and
 * where, one line each. The work is in edge/verify_sink.c.
 */
#include <stdio.h>

#include "aggregator/commands.h"
#include "aggregator/edge/verify_sink.h"

static void print_fault(void *context, const char *object, const char *what)
{
    (void)context;
    printf("%s: %s\n", object, what);
}

int command_verify(int argc, char **argv)
{
    struct verify_counts counts = {0};
    struct err_detail detail = {""};
    struct store *store;

    if (argc != 2) {
        fprintf(stderr,
                "usage: enclave-aggregator verify SINK   (such as file:///var/lib/metering)\n");
        return COMMAND_USAGE;
    }
    if (store_open(argv[1], &store, &detail) != ERR_OK) {
        fprintf(stderr, "%s\n", detail.text);
        return COMMAND_USAGE;
    }
    enum err e = verify_sink(store, print_fault, NULL, &counts, &detail);

    store_close(store);
    if (e != ERR_OK) {
        fprintf(stderr, "verify stopped: %s\n", detail.text);
        return COMMAND_FAILED;
    }
    if (counts.revisions == 0 && counts.tenants == 0) {
        fprintf(stderr, "%s holds no manifest: nothing was verified\n", argv[1]);
        return COMMAND_FAILED;
    }
    printf(
        "%llu revisions, %llu tenant manifests, %llu objects verified; %llu revisions unfinished; "
        "%llu faults\n",
        (unsigned long long)counts.revisions, (unsigned long long)counts.tenants,
        (unsigned long long)counts.objects, (unsigned long long)counts.unfinished,
        (unsigned long long)counts.faults);
    return counts.faults == 0 ? COMMAND_OK : COMMAND_FAILED;
}
