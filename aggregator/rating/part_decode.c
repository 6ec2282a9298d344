/*
 * The bytes of a part object → struct part; see part_codec.h. Only files with this build's schema
 * text are read: parts are written and read by this program, and rows are decoded without a table.
 */
#include "aggregator/rating/part_codec.h"

#include "aggregator/rating/part_statement.h"
#include "schemas/c/schema_text.h"

/* Reads rows, sticky: after the first error everything reads as zero. With `pairs` and `cpu_ids`
 * NULL the elements are only counted. */
struct row_reader {
    struct avro_reader in;
    enum err error;
    struct event_pair *pairs;
    int32_t *cpu_ids;
    uint32_t pairs_n, cpu_ids_n;
    uint32_t pairs_cap, cpu_ids_cap;
};

static void fail(struct row_reader *r, enum err error)
{
    if (r->error == ERR_OK)
        r->error = error;
}

static int64_t get_long(struct row_reader *r)
{
    int64_t value = 0;

    if (r->error == ERR_OK)
        r->error = avro_get_long(&r->in, &value);
    return r->error == ERR_OK ? value : 0;
}

static int64_t get_long_in(struct row_reader *r, int64_t min, int64_t max)
{
    int64_t value = get_long(r);

    if (value < min || value > max) {
        fail(r, ERR_MALFORMED);
        return min;
    }
    return value;
}

static bool get_bool(struct row_reader *r)
{
    bool value = false;

    if (r->error == ERR_OK)
        r->error = avro_get_bool(&r->in, &value);
    return r->error == ERR_OK && value;
}

static struct bytes get_bytes(struct row_reader *r)
{
    struct bytes value = {NULL, 0};

    if (r->error == ERR_OK)
        r->error = avro_get_bytes(&r->in, &value);
    return r->error == ERR_OK ? value : bytes_of(NULL, 0);
}

/* The branch of a ["null", …] union; sets `bit` in *has if a value follows. */
static bool get_branch(struct row_reader *r, uint32_t *has, uint32_t bit)
{
    if (get_long_in(r, 0, 1) == 0)
        return false;
    *has |= bit;
    return true;
}

static struct bytes get_bytes_or_null(struct row_reader *r, uint32_t *has, uint32_t bit)
{
    return get_branch(r, has, bit) ? get_bytes(r) : bytes_of(NULL, 0);
}

static int64_t get_long_or_null(struct row_reader *r, uint32_t *has, uint32_t bit)
{
    return get_branch(r, has, bit) ? get_long(r) : 0;
}

static int64_t get_time_or_null(struct row_reader *r)
{
    uint32_t present = 0;

    return get_branch(r, &present, 1) ? get_long(r) : NO_TIME;
}

/* One block at most: that is how our writer writes arrays and maps. */
static uint32_t get_block(struct row_reader *r)
{
    return (uint32_t)get_long_in(r, 0, r->in.end - r->in.ptr);
}

static void end_block(struct row_reader *r, uint32_t n)
{
    if (n > 0 && get_long(r) != 0)
        fail(r, ERR_MALFORMED);
}

static struct event_map get_map(struct row_reader *r)
{
    uint32_t first = r->pairs_n, n = get_block(r);

    for (uint32_t i = 0; i < n && r->error == ERR_OK; i++) {
        struct event_pair pair;

        pair.key = get_bytes(r);
        pair.value = get_bytes(r);
        if (r->pairs != NULL && r->pairs_n == r->pairs_cap)
            fail(r, ERR_CAPACITY);
        else if (r->pairs != NULL)
            r->pairs[r->pairs_n] = pair;
        r->pairs_n++;
    }
    end_block(r, n);
    return (struct event_map){r->pairs != NULL ? r->pairs + first : NULL, r->pairs_n - first};
}

static struct event_cpu_ids get_cpu_ids(struct row_reader *r)
{
    uint32_t first = r->cpu_ids_n, n = get_block(r);

    for (uint32_t i = 0; i < n && r->error == ERR_OK; i++) {
        int32_t id = (int32_t)get_long_in(r, INT32_MIN, INT32_MAX);

        if (r->cpu_ids != NULL && r->cpu_ids_n == r->cpu_ids_cap)
            fail(r, ERR_CAPACITY);
        else if (r->cpu_ids != NULL)
            r->cpu_ids[r->cpu_ids_n] = id;
        r->cpu_ids_n++;
    }
    end_block(r, n);
    return (struct event_cpu_ids){r->cpu_ids != NULL ? r->cpu_ids + first : NULL,
                                  r->cpu_ids_n - first};
}

/* The fields enclave_id … metadata, in the schema's order. */
static void get_run(struct row_reader *r, struct event_run *run)
{
    uint32_t *has = &run->has;

    run->enclave_id = get_bytes_or_null(r, has, RUN_HAS_ENCLAVE_ID);
    run->name = get_bytes_or_null(r, has, RUN_HAS_NAME);
    run->eif_path = get_bytes_or_null(r, has, RUN_HAS_EIF_PATH);
    run->pid = get_long_or_null(r, has, RUN_HAS_PID);
    run->enclave_cid = get_long_or_null(r, has, RUN_HAS_ENCLAVE_CID);
    if (get_branch(r, has, RUN_HAS_VCPUS))
        run->vcpus = (int32_t)get_long_in(r, INT32_MIN, INT32_MAX);
    if (get_branch(r, has, RUN_HAS_CPU_IDS))
        run->cpu_ids = get_cpu_ids(r);
    run->memory_mib_requested = get_long_or_null(r, has, RUN_HAS_MEMORY_MIB_REQUESTED);
    run->memory_mib = get_long_or_null(r, has, RUN_HAS_MEMORY_MIB);
    if (get_branch(r, has, RUN_HAS_DEBUG_MODE))
        run->debug_mode = get_bool(r);
    run->pcr0 = get_bytes_or_null(r, has, RUN_HAS_PCR0);
    run->pcr1 = get_bytes_or_null(r, has, RUN_HAS_PCR1);
    run->pcr2 = get_bytes_or_null(r, has, RUN_HAS_PCR2);
    run->pcr8 = get_bytes_or_null(r, has, RUN_HAS_PCR8);
    if (get_branch(r, has, RUN_HAS_METADATA))
        run->metadata = get_map(r);
}

static void get_flag(struct row_reader *r, struct usage_line *line, enum line_flag flag)
{
    if (get_bool(r))
        line->flags |= (uint32_t)flag;
}

static void get_line(struct row_reader *r, struct usage_line *line)
{
    *line = (struct usage_line){0};
    line->kind = (enum line_kind)get_long_in(r, LINE_USAGE, LINE_CORRECTION);
    line->hour = get_long(r);
    line->instance_id = get_bytes(r);
    line->run.run_id = get_bytes(r);
    get_run(r, &line->run);
    line->account = get_bytes(r);
    line->region = get_bytes(r);
    line->zone = get_bytes(r);
    line->instance_type = get_bytes(r);
    line->tags = get_map(r);
    line->run.allocated_time = get_long_or_null(r, &line->run.has, RUN_HAS_ALLOCATED_TIME);
    line->run.running_time = get_long_or_null(r, &line->run.has, RUN_HAS_RUNNING_TIME);
    line->end_time = get_time_or_null(r);
    line->end_cause = (enum end_cause)get_long_in(r, 0, END_CAUSE_N - 1);
    line->end_detail = get_bytes(r);
    line->held_from = get_time_or_null(r);
    line->held_to = get_time_or_null(r);
    line->running_from = get_time_or_null(r);
    line->running_to = get_time_or_null(r);
    line->held_ms = get_long(r);
    line->running_ms = get_long(r);
    line->vcpu_ms = get_long(r);
    line->mib_ms = get_long(r);
    get_flag(r, line, LINE_PROVISIONAL);
    get_flag(r, line, LINE_CLOCK);
    get_flag(r, line, LINE_REMOVED);
    get_flag(r, line, LINE_NO_START);
}

/* Reads every row of an opened container; `lines` NULL: only counts. */
static enum err read_rows(struct avro_container_reader *file, struct row_reader *r,
                          struct usage_line *lines, uint32_t lines_cap, uint32_t *lines_n)
{
    enum err e;

    *lines_n = 0;
    while ((e = avro_container_next(file)) == ERR_OK) {
        struct usage_line line;

        r->in = file->in;
        get_line(r, &line);
        file->in = r->in;
        if (r->error != ERR_OK)
            return r->error;
        if (*lines_n == PART_LINES_MAX)
            return ERR_LIMIT;
        if (lines != NULL && *lines_n == lines_cap)
            return ERR_CAPACITY;
        if (lines != NULL)
            lines[*lines_n] = line;
        (*lines_n)++;
    }
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err open_file(struct bytes file, struct avro_container_reader *r,
                          struct err_detail *detail)
{
    enum err e = avro_container_open(r, file);

    if (e != ERR_OK)
        return err_set(detail, e, "not an Avro container file that can be read: %s", err_text(e));
    if (!bytes_equal(r->schema_json, schema_text_usage_line()))
        return err_set(detail, ERR_UNSUPPORTED,
                       "its schema is not the UsageLine of this version; read it with the version "
                       "that wrote it");
    if (avro_container_meta(r, PART_META_KEY).len == 0)
        return err_set(detail, ERR_MALFORMED, "it has no %s: not a part", PART_META_KEY);
    return ERR_OK;
}

enum err part_measure(struct bytes file, struct part_sizes *sizes, struct err_detail *detail)
{
    static const struct part_statement_arena nothing;
    struct avro_container_reader container;
    struct row_reader rows = {0};
    struct part part;
    enum err e = open_file(file, &container, detail);

    if (e != ERR_OK)
        return e;
    *sizes = (struct part_sizes){0};
    e = part_statement_read(avro_container_meta(&container, PART_META_KEY), &nothing, &part,
                            &sizes->text_bytes);
    if (e != ERR_OK)
        return err_set(detail, e, "its %s is not a statement: %s", PART_META_KEY, err_text(e));
    e = read_rows(&container, &rows, NULL, 0, &sizes->lines);
    if (e != ERR_OK)
        return err_set(detail, e, "row %u: %s", sizes->lines + 1, err_text(e));
    sizes->missing = part.missing_n;
    sizes->gaps = part.gaps_n;
    sizes->dead_letters = part.dead_letters_n;
    sizes->pairs = rows.pairs_n;
    sizes->cpu_ids = rows.cpu_ids_n;
    return ERR_OK;
}

enum err part_decode(struct bytes file, const struct part_sizes *sizes,
                     const struct part_arena *arena, struct part *part, struct err_detail *detail)
{
    const struct part_statement_arena statement = {
        .missing = arena->missing,
        .gaps = arena->gaps,
        .dead_letters = arena->dead_letters,
        .text = arena->text,
        .missing_cap = sizes->missing,
        .gaps_cap = sizes->gaps,
        .dead_letters_cap = sizes->dead_letters,
        .text_cap = sizes->text_bytes,
    };
    struct row_reader rows = {
        .pairs = arena->pairs,
        .cpu_ids = arena->cpu_ids,
        .pairs_cap = sizes->pairs,
        .cpu_ids_cap = sizes->cpu_ids,
    };
    struct avro_container_reader container;
    size_t text_bytes;
    enum err e = open_file(file, &container, detail);

    if (e != ERR_OK)
        return e;
    e = part_statement_read(avro_container_meta(&container, PART_META_KEY), &statement, part,
                            &text_bytes);
    if (e != ERR_OK)
        return err_set(detail, e, "its %s is not a statement: %s", PART_META_KEY, err_text(e));
    e = read_rows(&container, &rows, arena->lines, sizes->lines, &part->lines_n);
    if (e != ERR_OK)
        return err_set(detail, e, "row %u: %s", part->lines_n + 1, err_text(e));
    part->lines = arena->lines;
    return ERR_OK;
}
