/*
 * inputs.json, which decides a revision of a rollup (R12), and the manifests, which commit it
 * (R13). Written as canonical JSON: sorted keys, no space. Pure; arrays and buffers are the
 * caller's. The members of each file: schemas/files.md.
 */
#ifndef AGGREGATOR_RATING_MANIFEST_H
#define AGGREGATOR_RATING_MANIFEST_H

#include "aggregator/rating/merkle.h"
#include "aggregator/rating/rollup.h"
#include "common/sha256.h"

enum {
    MANIFEST_FORMAT = 1,
    MANIFEST_FILE_NAME_MAX = 64,
    INPUTS_PARTS_MAX = 1 << 20,
    MANIFEST_TENANTS_MAX = 1 << 20,
};

struct sha256 {
    uint8_t bytes[SHA256_RAW_BYTES];
};

/* One revision of one partition's part. Its name follows from the numbers and the hour. */
struct inputs_part {
    uint32_t era;
    int32_t partition;
    uint32_t revision;
    struct sha256 sha256;
};

struct inputs {
    int64_t hour;
    uint32_t revision;
    uint32_t reasons;       /* of the part revisions that are new in it (enum part_reason) */
    struct sha256 previous; /* manifest.json that this one links to; zeros: the first */
    bool has_tenant_map;
    struct sha256 tenant_map;
    const struct inputs_part *parts; /* sorted: era, partition, revision 1 … n of each */
    uint32_t parts_n;
};

void inputs_write(struct avro_writer *w, const struct inputs *inputs);
/* With `parts` NULL only counts into inputs->parts_n. ERR_MALFORMED, ERR_LIMIT, ERR_CAPACITY;
 * ERR_UNSUPPORTED: another format, or a price book. */
enum err inputs_read(struct bytes json, struct inputs_part *parts, uint32_t parts_cap,
                     struct inputs *inputs) MUST_CHECK;

struct manifest_file {
    char name[MANIFEST_FILE_NAME_MAX]; /* within the revision's directory */
    uint64_t bytes;
    struct sha256 sha256;
};

/* A tenant in the hour's manifest. */
struct manifest_tenant {
    struct bytes tenant;
    uint64_t lines_n;
    struct sha256 manifest; /* of its manifest.json */
};

struct manifest {
    int64_t hour;
    uint32_t revision;
    uint32_t reasons;
    struct sha256 previous;
    enum part_status status;
    bool complete, lead_in;
    const struct part *const *parts; /* the newest revision of each partition; writing only */
    size_t parts_n;
    const struct manifest_file *files; /* sorted by name */
    size_t files_n;
    const struct manifest_tenant *tenants; /* sorted */
    size_t tenants_n;
    struct merkle_hash root; /* over the tenants' statements, in their order */
};

void manifest_write(struct avro_writer *w, const struct manifest *manifest);

/* Arrays for what is read; NULL: only counted. */
struct manifest_arena {
    struct manifest_file *files;
    size_t files_cap;
    struct manifest_tenant *tenants;
    size_t tenants_cap;
};

/* Everything but `parts`. Slices point into `json`. Errors as inputs_read. */
enum err manifest_read(struct bytes json, const struct manifest_arena *arena,
                       struct manifest *manifest) MUST_CHECK;

/* What one tenant's manifest says of its own revision; the leaf of the Merkle tree. */
struct tenant_statement {
    struct bytes tenant;
    int64_t hour;
    uint32_t revision;
    struct sha256 previous;
    enum part_status status;
    bool complete;
    uint64_t lines_n;
    struct manifest_file file; /* enclaves.csv */
};

void tenant_statement_write(struct avro_writer *w, const struct tenant_statement *statement);

struct tenant_manifest {
    struct bytes statement; /* the exact bytes */
    size_t index, leaves_n;
    struct merkle_hash root;
    struct merkle_hash path[MERKLE_PATH_MAX];
    size_t path_n;
};

void tenant_manifest_write(struct avro_writer *w, const struct tenant_manifest *manifest);
/* Reads both the manifest and the statement in it. Errors as inputs_read. */
enum err tenant_manifest_read(struct bytes json, struct tenant_manifest *manifest,
                              struct tenant_statement *statement) MUST_CHECK;

#endif
