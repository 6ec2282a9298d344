/*
 * The options of a program: one table drives the YAML reader, --set, --help, --print-config and the
 * reference page. A row says where in the program's configuration struct its value goes.
 *
 *     struct producer_config { const char *journal_path; int64_t journal_max_bytes; … };
 *     #define TARGET(member) offsetof(struct producer_config, member)
 *     static const struct option_row rows[] = {
 *         {.name = "journal.path", .type = OPTION_PATH, .target = TARGET(journal_path),
 *          .standard = "/var/lib/enclave-producer/journal", .help = "Directory of the journal."},
 *         {.name = "journal.max_bytes", .type = OPTION_BYTES, .target = TARGET(journal_max_bytes),
 *          .standard = "64MiB", .minimum = 1 << 20, .maximum = INT64_C(1) << 40, .help = "…"},
 *         {.name = "kafka.*", .type = OPTION_PREFIX_MAP, .target = TARGET(kafka), .help = "…"},
 *     };
 *     static const struct option_table table = OPTION_TABLE(rows, struct producer_config);
 *
 * The file is read strictly: an unknown or repeated key, a wrong type or an impossible value is
 * ERR_CONFIG with file, line and the nearest valid name. Anchors, aliases and tags are refused.
 */
#ifndef COMMON_OPTION_H
#define COMMON_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/bytes.h"
#include "common/err.h"

enum {
    OPTION_NAME_MAX = 128,       /* bytes of a dotted name, a pass-through name included */
    OPTION_VALUE_MAX = 64 << 10, /* bytes of one value (a PEM chain fits) */
    OPTION_ITEMS_MAX = 1024,     /* items of one list or map */
    OPTION_KEYS_MAX = 1024,      /* keys of one file */
    OPTION_DEPTH_MAX = 8,        /* nesting of one file */
    OPTION_FILE_MAX = 1 << 20,   /* bytes of one file */
};

enum option_type {
    OPTION_STRING,      /* const char *, never NULL */
    OPTION_PATH,        /* const char *, never NULL */
    OPTION_INTEGER,     /* int64_t */
    OPTION_BYTES,       /* int64_t: "64MiB", "1GiB", "512" */
    OPTION_DURATION,    /* int64_t in ms: "2m30s", "500ms" */
    OPTION_BOOLEAN,     /* bool: true, false */
    OPTION_ENUM,        /* int: the index into `words` */
    OPTION_STRING_LIST, /* struct option_list; with --set separated by commas */
    OPTION_STRING_MAP,  /* struct option_map: keys are data; with --set name.KEY=value */
    OPTION_PREFIX_MAP,  /* struct option_map; named "kafka.*": another program's option names */
};

enum option_scope {
    OPTION_PROCESS, /* may differ from process to process, never changes output */
    OPTION_POLICY,  /* changes output; takes effect through a POLICY record (R14) */
};

struct option_list {
    const char *const *items;
    size_t n;
};

struct option_pair {
    const char *key;
    const char *value;
    const char *origin; /* "FILE:LINE", "--set", "default" */
};

/* In the order of the file, additions by --set at the end. */
struct option_map {
    const struct option_pair *items;
    size_t n;
};

struct option_row {
    const char *name; /* dotted; rows with a common prefix stand together */
    enum option_type type;
    enum option_scope scope;
    size_t target;            /* offset in the configuration struct */
    const char *standard;     /* the default as text; NULL: empty (not for numbers and words) */
    int64_t minimum, maximum; /* inclusive, for numbers; both 0: 0…INT64_MAX */
    const char *const *words; /* OPTION_ENUM: NULL-terminated */
    bool secret;              /* --print-config shows a mask */
    const char *help;         /* one line */
};

struct option_table {
    const struct option_row *rows;
    size_t rows_n;
    size_t target_bytes; /* sizeof the configuration struct */
};

#define OPTION_TABLE(rows, type)                                                                   \
    {                                                                                              \
        rows, sizeof(rows) / sizeof(rows)[0], sizeof(type)                                         \
    }

struct option_memory;

/* The values of one program: owns every string that its configuration struct points to. */
struct config {
    const struct option_table *table;
    void *target;                 /* the program's configuration struct */
    const char **origins;         /* per row: "default", "FILE:LINE", "--set" */
    struct option_memory *memory; /* where the strings live */
};

/* Zeroes `target` and fills in the defaults; a default that its own row refuses is a bug in the
 * table (assertion). Only ERR_NOMEM. config_free also after an error. */
MUST_CHECK enum err config_init(struct config *config, const struct option_table *table,
                                void *target, struct err_detail *detail);
/* `target` must not be used any more. Wipes the memory (secrets). */
void config_free(struct config *config);

/* Reads a file (through common/file.h) or text; `name` is what errors call it. On error some values
 * may have been set already: the caller gives up. */
MUST_CHECK enum err config_read_file(struct config *config, const char *path,
                                     struct err_detail *detail);
MUST_CHECK enum err config_read_text(struct config *config, const char *name, struct bytes text,
                                     struct err_detail *detail);
/* "key=value" of one --set. */
MUST_CHECK enum err config_set(struct config *config, const char *assignment,
                               struct err_detail *detail);

/* Where the value of an option came from; for errors of checks that need more than one option.
 * `name` must be in the table. */
const char *config_origin(const struct config *config, const char *name);
/* ERR_CONFIG "<origin>: <name>: <text>": for such checks. */
enum err config_error(const struct config *config, struct err_detail *detail, const char *name,
                      const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The effective values as YAML that config_read_text takes back, secrets masked (a mask is refused
 * when read, so that it never becomes a password). */
void config_print(const struct config *config, FILE *out);
/* One paragraph per option for --help; the same as a Markdown table. */
void option_print_help(const struct option_table *table, FILE *out);
void option_print_markdown(const struct option_table *table, FILE *out);

/* Whether a pass-through name such as "sasl.password" holds a secret. */
bool option_key_is_secret(const char *key);

/* The row of a dotted name; for a name below a map, the map's row. NULL if there is none. */
const struct option_row *option_find(const struct option_table *table, const char *name);

#endif
