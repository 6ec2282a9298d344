/*
 * The tracker's state as canonical bytes, and back. Little-endian, runs by age, nothing that is not
 * known is written; what is read is checked against every invariant. Host facts and clocks are not
 * saved: they are read again at every start.
 *
 *     u32 magic, u16 version
 *     16 epoch, i64 seq          what the next epoch continues (R1)
 *     u8 has_epoch
 *     i64 watermark              of that epoch: proof of life
 *     u16 runs, then each:
 *       u8 state, u8 flags, u32 has, i64 first_ms, i64 last_ms, 16 boot_id, i64 pid, u64 slot,
 *       u8 marker, signal, code, enclave_id (u8 length and bytes)
 *       unless it ended: i64 × 5, i32 vcpus, name, eif_path (u16 length and bytes), u16 n, i32 × n
 */
#include <endian.h>

#include "producer/core/tracker_internal.h"

#define SAVE_MAGIC UINT32_C(0x4b525445) /* "ETRK" */

enum {
    SAVE_VERSION = 1,
    FLAG_STATED = 1u << 0,
    FLAG_BOOT_WAIT_FAILED = 1u << 1,
    FLAG_DEBUG_MODE = 1u << 2,
    FLAGS_ALL = FLAG_STATED | FLAG_BOOT_WAIT_FAILED | FLAG_DEBUG_MODE,
    HAS_ALL = RUN_HAS_ENCLAVE_ID | RUN_HAS_NAME | RUN_HAS_EIF_PATH | RUN_HAS_PID |
              RUN_HAS_ENCLAVE_CID | RUN_HAS_VCPUS | RUN_HAS_CPU_IDS | RUN_HAS_MEMORY_MIB_REQUESTED |
              RUN_HAS_MEMORY_MIB | RUN_HAS_DEBUG_MODE | RUN_HAS_ALLOCATED_TIME |
              RUN_HAS_RUNNING_TIME,
};

/* ---- writing: TRACKER_SAVE_MAX holds the largest state, so nothing is checked here */

static void put(uint8_t **at, const void *bytes, size_t n)
{
    if (n > 0)
        memcpy(*at, bytes, n);
    *at += n;
}

static void put_u8(uint8_t **at, unsigned int v)
{
    *(*at)++ = (uint8_t)v;
}

static void put_u16(uint8_t **at, uint16_t v)
{
    v = htole16(v);
    put(at, &v, sizeof v);
}

static void put_u32(uint8_t **at, uint32_t v)
{
    v = htole32(v);
    put(at, &v, sizeof v);
}

static void put_i64(uint8_t **at, int64_t value)
{
    uint64_t v = htole64((uint64_t)value);

    put(at, &v, sizeof v);
}

static void put_short(uint8_t **at, const char *text, uint8_t len)
{
    put_u8(at, len);
    put(at, text, len);
}

static void put_facts(uint8_t **at, const struct tracker_run *run)
{
    put_i64(at, run->enclave_cid);
    put_i64(at, run->memory_mib_requested);
    put_i64(at, run->memory_mib);
    put_i64(at, run->allocated_time);
    put_i64(at, run->running_time);
    put_u32(at, (uint32_t)run->vcpus);
    put_u16(at, run->name_len);
    put(at, run->name, run->name_len);
    put_u16(at, run->eif_path_len);
    put(at, run->eif_path, run->eif_path_len);
    put_u16(at, run->cpu_ids_n);
    for (size_t i = 0; i < run->cpu_ids_n; i++)
        put_u32(at, (uint32_t)run->cpu_ids[i]);
}

static void put_run(uint8_t **at, const struct tracker_run *run)
{
    put_u8(at, run->state);
    put_u8(at, (run->stated ? FLAG_STATED : 0u) |
                   (run->boot_wait_failed ? FLAG_BOOT_WAIT_FAILED : 0u) |
                   (run->debug_mode ? FLAG_DEBUG_MODE : 0u));
    put_u32(at, run->has);
    put_i64(at, run->first_ms);
    put_i64(at, run->last_ms);
    put(at, run->boot_id.bytes, EVENT_UUID_BYTES);
    put_i64(at, run->pid);
    put_i64(at, (int64_t)run->slot);
    put_u8(at, run->marker);
    put_short(at, run->signal, run->signal_len);
    put_short(at, run->code, run->code_len);
    put_short(at, run->enclave_id, run->enclave_id_len);
    if (run->state != RUN_ENDED)
        put_facts(at, run);
}

static size_t runs_by_age(const struct tracker *t, const struct tracker_run *list[])
{
    size_t n = 0;

    for (size_t i = 0; i < TRACKER_RUNS_MAX; i++) {
        const struct tracker_run *run = &t->runs[i];
        if (run->state == RUN_NONE)
            continue;
        size_t at = n++;
        for (; at > 0 && run->order < list[at - 1]->order; at--)
            list[at] = list[at - 1];
        list[at] = run;
    }
    return n;
}

size_t tracker_save(const struct tracker *t, uint8_t out[TRACKER_SAVE_MAX])
{
    _Static_assert(TRACKER_SAVE_MAX > 256 + TRACKER_ENDED_MAX * 256 +
                                          TRACKER_LIVE_MAX * (512 + 2 * EVENT_STRING_MAX +
                                                              4 * RUN_ARGS_CPU_IDS_MAX),
                   "the largest state fits");
    const struct tracker_run *list[TRACKER_RUNS_MAX];
    size_t n = runs_by_age(t, list);
    uint8_t *at = out;
    /* An epoch without a record is nothing that another one could continue. */
    bool own = t->seq > 0;
    bool has_epoch = own || t->has_prev;

    put_u32(&at, SAVE_MAGIC);
    put_u16(&at, SAVE_VERSION);
    put(&at, own ? t->options.epoch.bytes : t->prev_epoch.bytes, EVENT_UUID_BYTES);
    put_i64(&at, own ? t->seq : t->prev_seq);
    put_u8(&at, has_epoch);
    put_i64(&at, t->low_watermark > t->old_watermark ? t->low_watermark : t->old_watermark);
    put_u16(&at, (uint16_t)n);
    for (size_t i = 0; i < n; i++)
        put_run(&at, list[i]);
    return (size_t)(at - out);
}

/* ---- reading: an error is remembered, zeros are returned from then on */

struct reader {
    struct bytes rest;
    enum err err;
};

static void get(struct reader *r, void *out, size_t n)
{
    if (r->err == ERR_OK && r->rest.len < n)
        r->err = ERR_TRUNCATED;
    if (r->err != ERR_OK) {
        memset(out, 0, n);
        return;
    }
    if (n > 0)
        memcpy(out, r->rest.ptr, n);
    r->rest = bytes_skip(r->rest, n);
}

static uint8_t get_u8(struct reader *r)
{
    uint8_t v;

    get(r, &v, sizeof v);
    return v;
}

static uint16_t get_u16(struct reader *r)
{
    uint16_t v;

    get(r, &v, sizeof v);
    return le16toh(v);
}

static uint32_t get_u32(struct reader *r)
{
    uint32_t v;

    get(r, &v, sizeof v);
    return le32toh(v);
}

static int64_t get_i64(struct reader *r)
{
    uint64_t v;

    get(r, &v, sizeof v);
    return (int64_t)le64toh(v);
}

static uint16_t get_text(struct reader *r, void *out, size_t len, size_t cap)
{
    if (r->err == ERR_OK && len > cap)
        r->err = ERR_LIMIT;
    if (r->err != ERR_OK)
        return 0;
    get(r, out, len);
    return (uint16_t)len;
}

static void get_facts(struct reader *r, struct tracker_run *run)
{
    run->enclave_cid = get_i64(r);
    run->memory_mib_requested = get_i64(r);
    run->memory_mib = get_i64(r);
    run->allocated_time = get_i64(r);
    run->running_time = get_i64(r);
    run->vcpus = (int32_t)get_u32(r);
    run->name_len = get_text(r, run->name, get_u16(r), sizeof run->name);
    run->eif_path_len = get_text(r, run->eif_path, get_u16(r), sizeof run->eif_path);
    run->cpu_ids_n = get_u16(r);
    if (run->cpu_ids_n > RUN_ARGS_CPU_IDS_MAX) {
        run->cpu_ids_n = 0;
        r->err = r->err == ERR_OK ? ERR_LIMIT : r->err;
    }
    for (size_t i = 0; i < run->cpu_ids_n; i++)
        run->cpu_ids[i] = (int32_t)get_u32(r);
}

static void get_run(struct reader *r, struct tracker_run *run)
{
    unsigned int state = get_u8(r), flags = get_u8(r);

    run->has = get_u32(r);
    run->first_ms = get_i64(r);
    run->last_ms = get_i64(r);
    get(r, run->boot_id.bytes, EVENT_UUID_BYTES);
    run->pid = get_i64(r);
    run->slot = (uint64_t)get_i64(r);
    unsigned int marker = get_u8(r);
    run->signal_len = (uint8_t)get_text(r, run->signal, get_u8(r), sizeof run->signal);
    run->code_len = (uint8_t)get_text(r, run->code, get_u8(r), sizeof run->code);
    run->enclave_id_len = (uint8_t)get_text(r, run->enclave_id, get_u8(r), sizeof run->enclave_id);
    if (r->err == ERR_OK && (state == RUN_NONE || state >= RUN_STATE_N || marker >= END_CAUSE_N ||
                             (flags & ~(unsigned)FLAGS_ALL) != 0 ||
                             (run->has & ~(uint32_t)HAS_ALL) != 0 || !run_name_itself(run)))
        r->err = ERR_MALFORMED;
    if (r->err != ERR_OK)
        return;
    run->state = (enum run_state)state;
    run->marker = (enum end_cause)marker;
    run->stated = (flags & FLAG_STATED) != 0;
    run->boot_wait_failed = (flags & FLAG_BOOT_WAIT_FAILED) != 0;
    run->debug_mode = (flags & FLAG_DEBUG_MODE) != 0;
    if (run->state != RUN_ENDED)
        get_facts(r, run);
}

enum err tracker_load(struct tracker *t, struct bytes saved, struct err_detail *detail)
{
    struct reader r = {.rest = saved};
    const char *problem = NULL;
    bool magic = get_u32(&r) == SAVE_MAGIC;
    uint16_t version = get_u16(&r);

    if (r.err == ERR_OK && (!magic || version != SAVE_VERSION))
        return err_set(detail, magic ? ERR_UNSUPPORTED : ERR_MALFORMED, "saved tracker: %s",
                       magic ? "written by another version" : "no magic");
    get(&r, t->prev_epoch.bytes, EVENT_UUID_BYTES);
    t->prev_seq = get_i64(&r);
    unsigned int has_epoch = get_u8(&r);
    t->has_prev = has_epoch == 1;
    t->old_watermark = get_i64(&r);
    size_t n = get_u16(&r);
    if (r.err == ERR_OK && (has_epoch > 1 || t->old_watermark < 0))
        r.err = ERR_MALFORMED;
    if (r.err == ERR_OK && n > TRACKER_RUNS_MAX)
        r.err = ERR_LIMIT;
    for (size_t i = 0; i < n && r.err == ERR_OK; i++) {
        get_run(&r, &t->runs[i]);
        t->runs[i].order = ++t->order;
    }
    if (r.err == ERR_OK && r.rest.len > 0)
        r.err = ERR_MALFORMED;
    if (r.err == ERR_OK && (problem = tracker_check_all(t)) != NULL)
        r.err = ERR_MALFORMED;
    if (r.err == ERR_OK)
        return ERR_OK;
    t->has_prev = false;
    t->prev_seq = 0;
    t->prev_epoch = (struct event_uuid){{0}};
    t->old_watermark = 0;
    t->order = 0;
    memset(t->runs, 0, sizeof t->runs);
    return err_set(detail, r.err, "saved tracker: %s at byte %zu of %zu",
                   problem != NULL ? problem : err_text(r.err), saved.len - r.rest.len, saved.len);
}
