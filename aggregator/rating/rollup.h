/*
 * (folded lines of all partitions, tenant map) → the rows of an hour's rollup, and the files that
 * hold them. Pure; arrays and buffers are the caller's. Columns: schemas/files.md.
 *
 * Amounts stay empty, not zero, while no price book is in force.
 */
#ifndef AGGREGATOR_RATING_ROLLUP_H
#define AGGREGATOR_RATING_ROLLUP_H

#include "aggregator/rating/tenant_map.h"
#include "schemas/c/avro_buffer.h"

enum { ROLLUP_NAME_MAX = 192 }; /* bytes of an object's name with its NUL */

/* "rollup/dt=2026-11-20/hour=13/rev=0001/FILE"; with "" for `file` the directory, ending in '/'. */
void rollup_object_name(char name[ROLLUP_NAME_MAX], int64_t hour, uint32_t revision,
                        const char *file);
/* "tenant/TENANT/dt=2026-11-20/hour=13/rev=0001/FILE". `tenant` is a valid id. */
void rollup_tenant_object_name(char name[ROLLUP_NAME_MAX], struct bytes tenant, int64_t hour,
                               uint32_t revision, const char *file);

/* One folded line with its owner. */
struct rated_line {
    const struct usage_line *line;
    struct tenant_match match;
};

struct rollup_tenant {
    struct bytes tenant;
    size_t lines_first, lines_n;                  /* of rollup.lines */
    int64_t enclaves;                             /* runs with a usage line */
    int64_t held_ms, running_ms, vcpu_ms, mib_ms; /* sums over usage and correction lines */
    enum part_status status;
};

struct rollup {
    int64_t hour;
    enum part_status status; /* FINAL: every part is; PROVISIONAL: some part is; else CLOSED */
    bool complete;           /* every part is */
    const struct rated_line *lines; /* sorted: tenant, then usage_line_compare */
    size_t lines_n;
    const struct rollup_tenant *tenants; /* sorted */
    size_t tenants_n;
};

/* What the newest revisions of all partitions say together. */
enum part_status rollup_status(const struct part *const *parts, size_t parts_n);

/*
 * Finds the owner of every line (lines[i].line is set by the caller), sorts the lines, and adds
 * them up per tenant into `tenants` (room for tenants_cap; as many as lines always suffice).
 * ERR_CAPACITY; ERR_LIMIT: a sum does not fit 64 bits.
 */
enum err rollup_rate(struct rollup *rollup, struct rated_line *lines, size_t lines_n,
                     const struct tenant_map *map, struct rollup_tenant *tenants,
                     size_t tenants_cap, struct err_detail *detail) MUST_CHECK;

/* The files. `name` is the object's name, which gives the sync marker. */
void rollup_write_tenants_csv(struct avro_writer *w, const struct rollup *rollup);
void rollup_write_tenants_avro(struct avro_writer *w, const struct rollup *rollup,
                               const char *name);
void rollup_write_enclaves_csv(struct avro_writer *w, const struct rated_line *lines,
                               size_t lines_n);
void rollup_write_enclaves_avro(struct avro_writer *w, const struct rollup *rollup,
                                const char *name);

#endif
