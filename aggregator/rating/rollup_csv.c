/*
 * tenants.csv and enclaves.csv: RFC 4180, CR LF, a header line always; see rollup.h. A value that
 * is not known is an empty cell.
 */
#include "aggregator/rating/rollup.h"

#include "aggregator/rating/part_statement.h"
#include "aggregator/rating/text.h"

static void put_int_cell(struct avro_writer *w, int64_t value)
{
    text_put_int(w, value);
    text_put(w, ",");
}

static void put_text_cell(struct avro_writer *w, struct bytes text)
{
    text_put_csv_text(w, text);
    text_put(w, ",");
}

static void put_int_or_empty(struct avro_writer *w, bool present, int64_t value)
{
    if (present)
        text_put_int(w, value);
    text_put(w, ",");
}

static void put_time_or_empty(struct avro_writer *w, bool present, int64_t time)
{
    if (present)
        text_put_time(w, time);
    text_put(w, ",");
}

void rollup_write_tenants_csv(struct avro_writer *w, const struct rollup *rollup)
{
    text_put(w, "tenant,enclaves,running_ms,held_ms,vcpu_ms,mib_ms,cost,currency,status,complete");
    text_put_csv_end(w);
    for (size_t i = 0; i < rollup->tenants_n; i++) {
        const struct rollup_tenant *t = &rollup->tenants[i];

        put_text_cell(w, t->tenant);
        put_int_cell(w, t->enclaves);
        put_int_cell(w, t->running_ms);
        put_int_cell(w, t->held_ms);
        put_int_cell(w, t->vcpu_ms);
        put_int_cell(w, t->mib_ms);
        text_put(w, ",,"); /* cost, currency: no price book */
        text_put(w, part_status_name(t->status));
        text_put(w, ",");
        text_put_bool(w, rollup->complete);
        text_put_csv_end(w);
    }
}

static void put_enclave(struct avro_writer *w, const struct rated_line *rated)
{
    const struct usage_line *line = rated->line;
    const struct event_run *run = &line->run;
    uint32_t has = run->has;

    put_text_cell(w, rated->match.tenant);
    put_text_cell(w, bytes_of_string(rated->match.matched_by));
    put_text_cell(w, line->instance_id);
    put_text_cell(w, run->enclave_id);
    put_text_cell(w, run->run_id);
    put_text_cell(w, run->name);
    put_text_cell(w, run->eif_path);
    put_text_cell(w, line->region);
    put_text_cell(w, line->instance_type);
    put_int_or_empty(w, (has & RUN_HAS_VCPUS) != 0, run->vcpus);
    put_int_or_empty(w, (has & RUN_HAS_MEMORY_MIB) != 0, run->memory_mib);
    put_time_or_empty(w, true, line->hour);
    text_put(w, line->kind == LINE_USAGE ? "USAGE," : "CORRECTION,");
    put_int_cell(w, line->held_ms);
    put_int_cell(w, line->running_ms);
    put_int_cell(w, line->vcpu_ms);
    put_int_cell(w, line->mib_ms);
    put_time_or_empty(w, (has & RUN_HAS_ALLOCATED_TIME) != 0, run->allocated_time);
    put_time_or_empty(w, (has & RUN_HAS_RUNNING_TIME) != 0, run->running_time);
    put_time_or_empty(w, line->end_time != NO_TIME, line->end_time);
    text_put(w, end_cause_name(line->end_cause));
    text_put(w, ",");
    put_text_cell(w, line->end_detail);
    text_put_bool(w, (line->flags & LINE_PROVISIONAL) != 0);
    text_put(w, ",,,,"); /* basis, quantity, rate, amount: no price book */
    text_put_csv_end(w);
}

void rollup_write_enclaves_csv(struct avro_writer *w, const struct rated_line *lines,
                               size_t lines_n)
{
    text_put(w, "tenant,matched_by,instance_id,enclave_id,run_id,name,eif_path,region,"
                "instance_type,vcpus,memory_mib,hour,kind,held_ms,running_ms,vcpu_ms,mib_ms,"
                "allocated_time,running_time,end_time,end_cause,end_detail,provisional,basis,"
                "quantity,rate,amount");
    text_put_csv_end(w);
    for (size_t i = 0; i < lines_n; i++)
        put_enclave(w, &lines[i]);
}
