/*
 * A table with a row of every type, for the tests of options and of the command line.
 */
#ifndef TESTS_UNIT_OPTION_SAMPLE_H
#define TESTS_UNIT_OPTION_SAMPLE_H

#include "common/option.h"

struct sample {
    const char *name;
    const char *journal_path;
    int64_t journal_max_bytes;
    int64_t journal_sync_ms;
    int64_t http_port;
    bool http_enabled;
    int mode;
    struct option_list hosts;
    struct option_map tags;
    struct option_map kafka;
    const char *token;
    int64_t offset;
};

#define SAMPLE(member) offsetof(struct sample, member)

static const char *const sample_modes[] = {"off", "on", "auto", NULL};

static const struct option_row sample_rows[] = {
    {.name = "name", .type = OPTION_STRING, .target = SAMPLE(name), .help = "A name."},
    {.name = "journal.path",
     .type = OPTION_PATH,
     .target = SAMPLE(journal_path),
     .standard = "/var/lib/sample",
     .help = "Directory of the journal."},
    {.name = "journal.max_bytes",
     .type = OPTION_BYTES,
     .target = SAMPLE(journal_max_bytes),
     .standard = "64MiB",
     .minimum = 1 << 20,
     .maximum = INT64_C(1) << 40,
     .help = "Size of the journal."},
    {.name = "journal.sync.interval",
     .type = OPTION_DURATION,
     .scope = OPTION_POLICY,
     .target = SAMPLE(journal_sync_ms),
     .standard = "2m30s",
     .minimum = 1,
     .maximum = 86400000,
     .help = "How often it is synced."},
    {.name = "http.port",
     .type = OPTION_INTEGER,
     .target = SAMPLE(http_port),
     .standard = "8080",
     .minimum = 1,
     .maximum = 65535,
     .help = "Port."},
    {.name = "http.enabled",
     .type = OPTION_BOOLEAN,
     .target = SAMPLE(http_enabled),
     .standard = "true",
     .help = "Whether to listen."},
    {.name = "mode",
     .type = OPTION_ENUM,
     .target = SAMPLE(mode),
     .standard = "auto",
     .words = sample_modes,
     .help = "A word."},
    {.name = "hosts",
     .type = OPTION_STRING_LIST,
     .target = SAMPLE(hosts),
     .standard = "one,two",
     .help = "Hosts."},
    {.name = "tags", .type = OPTION_STRING_MAP, .target = SAMPLE(tags), .help = "Tags."},
    {.name = "kafka.*",
     .type = OPTION_PREFIX_MAP,
     .target = SAMPLE(kafka),
     .help = "Any librdkafka property."},
    {.name = "token",
     .type = OPTION_STRING,
     .target = SAMPLE(token),
     .secret = true,
     .help = "A secret."},
    {.name = "offset",
     .type = OPTION_INTEGER,
     .target = SAMPLE(offset),
     .standard = "0",
     .minimum = INT64_MIN,
     .maximum = INT64_MAX,
     .help = "A number that may be negative."},
};

static const struct option_table sample_table = OPTION_TABLE(sample_rows, struct sample);

#endif
