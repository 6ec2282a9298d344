/*
 * tenants.avro and enclaves.avro: schemas/rollup_tenant.avsc and rollup_enclave.avsc; see rollup.h.
 */
#include "aggregator/rating/rollup.h"

#include "aggregator/rating/avro_row.h"
#include "aggregator/rating/part_codec.h"
#include "schemas/c/schema_text.h"

static void put_null(struct avro_writer *w)
{
    (void)avro_row_put_branch(w, false);
}

static void put_tenant(struct avro_writer *w, const struct rollup_tenant *t, bool complete)
{
    avro_row_put_text(w, t->tenant);
    avro_put_long(w, t->enclaves);
    avro_put_long(w, t->running_ms);
    avro_put_long(w, t->held_ms);
    avro_put_long(w, t->vcpu_ms);
    avro_put_long(w, t->mib_ms);
    put_null(w); /* cost */
    put_null(w); /* currency */
    avro_put_long(w, (int64_t)t->status);
    avro_put_bool(w, complete);
}

void rollup_write_tenants_avro(struct avro_writer *w, const struct rollup *rollup, const char *name)
{
    uint8_t sync[AVRO_SYNC_BYTES];
    struct avro_container container;

    object_sync_marker(name, sync);
    avro_container_begin(&container, w, (const char *)schema_text_rollup_tenant().ptr, NULL, 0,
                         sync);
    for (size_t i = 0; i < rollup->tenants_n; i++) {
        avro_container_row_begin(&container);
        put_tenant(w, &rollup->tenants[i], rollup->complete);
        avro_container_row_end(&container);
    }
    avro_container_end(&container);
}

static void put_enclave(struct avro_writer *w, const struct rated_line *rated)
{
    const struct usage_line *line = rated->line;
    const struct event_run *run = &line->run;
    uint32_t has = run->has;

    avro_row_put_text(w, rated->match.tenant);
    avro_row_put_text(w, bytes_of_string(rated->match.matched_by));
    avro_row_put_text(w, line->instance_id);
    avro_row_put_text_or_null(w, (has & RUN_HAS_ENCLAVE_ID) != 0, run->enclave_id);
    avro_row_put_text(w, run->run_id);
    avro_row_put_text_or_null(w, (has & RUN_HAS_NAME) != 0, run->name);
    avro_row_put_text_or_null(w, (has & RUN_HAS_EIF_PATH) != 0, run->eif_path);
    avro_row_put_text(w, line->region);
    avro_row_put_text(w, line->instance_type);
    avro_row_put_long_or_null(w, (has & RUN_HAS_VCPUS) != 0, run->vcpus);
    avro_row_put_long_or_null(w, (has & RUN_HAS_MEMORY_MIB) != 0, run->memory_mib);
    avro_put_long(w, line->hour);
    avro_put_long(w, (int64_t)line->kind);
    avro_put_long(w, line->held_ms);
    avro_put_long(w, line->running_ms);
    avro_put_long(w, line->vcpu_ms);
    avro_put_long(w, line->mib_ms);
    avro_row_put_long_or_null(w, (has & RUN_HAS_ALLOCATED_TIME) != 0, run->allocated_time);
    avro_row_put_long_or_null(w, (has & RUN_HAS_RUNNING_TIME) != 0, run->running_time);
    avro_row_put_time_or_null(w, line->end_time);
    avro_put_long(w, (int64_t)line->end_cause);
    avro_row_put_text(w, line->end_detail);
    avro_put_bool(w, (line->flags & LINE_PROVISIONAL) != 0);
    put_null(w); /* basis */
    put_null(w); /* quantity */
    put_null(w); /* rate */
    put_null(w); /* amount */
}

void rollup_write_enclaves_avro(struct avro_writer *w, const struct rollup *rollup,
                                const char *name)
{
    uint8_t sync[AVRO_SYNC_BYTES];
    struct avro_container container;

    object_sync_marker(name, sync);
    avro_container_begin(&container, w, (const char *)schema_text_rollup_enclave().ptr, NULL, 0,
                         sync);
    for (size_t i = 0; i < rollup->lines_n; i++) {
        avro_container_row_begin(&container);
        put_enclave(w, &rollup->lines[i]);
        avro_container_row_end(&container);
    }
    avro_container_end(&container);
}
