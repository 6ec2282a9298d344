/*
 * Avro schema text → a checked tree, on which fingerprint and decoder compilation stand.
 *
 * Allocates. Names are resolved to full names, references point to their definition (a reference
 * may point to an enclosing record: walkers must expect recursion). Defaults, docs, aliases and
 * logical types are not kept. Not here: resolution against our own schema (schema_compile.c).
 */
#ifndef SCHEMAS_C_SCHEMA_PARSE_H
#define SCHEMAS_C_SCHEMA_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/err.h"

enum {
    SCHEMA_TEXT_MAX = 256 * 1024, /* bytes of one schema text */
    SCHEMA_PARSE_NESTING_MAX = 64,
    SCHEMA_MEMBERS_MAX = 1024, /* fields of a record, symbols of an enum, branches of a union */
    SCHEMA_NAMED_MAX = 1024,   /* definitions of records, enums and fixeds */
};

/* The primitives come first, in the order of schema_kind_name. */
enum schema_kind {
    SCHEMA_NULL,
    SCHEMA_BOOLEAN,
    SCHEMA_INT,
    SCHEMA_LONG,
    SCHEMA_FLOAT,
    SCHEMA_DOUBLE,
    SCHEMA_BYTES,
    SCHEMA_STRING,
    SCHEMA_RECORD,
    SCHEMA_ENUM,
    SCHEMA_ARRAY,
    SCHEMA_MAP,
    SCHEMA_FIXED,
    SCHEMA_UNION,
    SCHEMA_REFERENCE,
};

enum { SCHEMA_PRIMITIVE_N = SCHEMA_STRING + 1 };

struct schema_node;

struct schema_member {
    const char *name;         /* record: field; enum: symbol; otherwise NULL */
    struct schema_node *type; /* NULL for a symbol */
};

struct schema_node {
    struct schema_node *allocated_before;
    struct schema_node *defined_before; /* named types: the previous definition */
    enum schema_kind kind;
    char *full_name;              /* record, enum, fixed: "enclave.metering.v1.Uuid" */
    const char *simple_name;      /* the part after the last dot */
    uint32_t fixed_bytes;         /* fixed */
    struct schema_node *referent; /* reference: the definition */
    uint32_t members_n;           /* array and map: 1, the items */
    struct schema_member *members;
};

struct schema {
    void *json; /* owns the names of fields and symbols */
    struct schema_node *nodes;
    struct schema_node *root;
};

/* "record", "array", … as written in a schema text. */
const char *schema_kind_name(enum schema_kind kind);

/* The definition behind a reference, any other node itself. */
const struct schema_node *schema_resolve(const struct schema_node *node);

/* ERR_MALFORMED: not JSON, or not a schema; ERR_LIMIT; ERR_NOMEM. Free with schema_free. */
enum err schema_parse(struct bytes text, struct schema *schema,
                      struct err_detail *detail) MUST_CHECK;
void schema_free(struct schema *schema);

/* CRC-64-AVRO of the Parsing Canonical Form. */
uint64_t schema_fingerprint(const struct schema *schema);

#endif
