/*
 * What the reader wants: every field of our schema, where it goes in struct event, and what it is
 * when the writer's schema does not have it. Tests hold this table against lifecycle_event.avsc.
 */
#ifndef SCHEMAS_C_SCHEMA_READER_H
#define SCHEMAS_C_SCHEMA_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum reader_kind {
    READER_LONG,
    READER_INT,
    READER_BOOL,
    READER_BYTES, /* string or bytes */
    READER_UUID,
    READER_ENUM,
    READER_CPU_IDS, /* array of int → struct event_cpu_ids */
    READER_MAP,     /* map of string → struct event_map */
    READER_RUNS,    /* array of records → running, running_n */
    READER_RECORD,  /* its fields lie relative to the same base */
};

struct reader_field {
    const char *name;
    enum reader_kind kind;
    bool nullable;
    bool required;   /* no default: a writer's schema without it cannot be read */
    uint16_t at;     /* offset from the base; absolute for fields of a READER_RECORD in the event */
    uint32_t bit;    /* presence bit; 0: there is none */
    int32_t missing; /* READER_INT, READER_LONG: the default */
    const struct reader_record *record;   /* READER_RECORD, READER_RUNS */
    const struct reader_symbols *symbols; /* READER_ENUM */
};

/* A part of a record's fields whose offsets and presence bits count from the same places. */
struct reader_group {
    const struct reader_field *fields;
    size_t fields_n;
    uint16_t at;     /* added to every field's offset */
    uint16_t has_at; /* offset of the word of presence bits */
};

enum { READER_GROUPS_MAX = 2 };

struct reader_record {
    const char *name;
    size_t groups_n;
    struct reader_group groups[READER_GROUPS_MAX];
};

struct reader_symbols {
    const char *name; /* of the enum type */
    const char *const *symbols;
    size_t n;
};

extern const struct reader_record reader_lifecycle_event;

#endif
