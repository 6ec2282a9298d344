/*
 * Group membership: settings, assignment and revocation, opening partitions at their checkpoints.
 */
#include "aggregator/edge/consumer_state.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"

/* Before librdkafka 2.2.0 a full queue stalls its fetcher for a second, so it must hold more than
 * that of traffic (0.35 M records/s with the defaults, 1.4 M with larger ones). Both limits count
 * per partition here, because every partition has a queue of its own. */
const struct kafka_property consumer_kafka_properties[CONSUMER_KAFKA_PROPERTIES_N] = {
    {"queued.min.messages", "500000"},
    {"queued.max.messages.kbytes", "131072"},
    {"fetch.message.max.bytes", "4194304"},
    {"isolation.level", "read_committed"},
    {"enable.auto.offset.store", "false"},
    /* A killed process's partitions move within seconds; librdkafka's 45 s are for slow networks.
     */
    {"session.timeout.ms", "10000"},
};

/* ---- one partition -------------------------------------------------------------------------- */

static void slot_drop_batch(struct slot *slot)
{
    for (size_t i = slot->batch_at; i < slot->batch_n; i++)
        rd_kafka_message_destroy(slot->batch[i]);
    slot->batch_n = slot->batch_at = 0;
}

void consumer_slot_reset(struct slot *slot, int64_t open_at_ms)
{
    slot_drop_batch(slot);
    if (slot->queue != NULL)
        rd_kafka_queue_destroy(slot->queue);
    slot->queue = NULL;
    worker_free(slot->worker);
    slot->worker = NULL;
    slot->committed = 0;
    slot->open_at_ms = open_at_ms;
}

enum err consumer_log_range(rd_kafka_t *rk, const char *topic, int32_t partition,
                            struct worker_log_range *range, struct err_detail *detail)
{
    rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
        rk, topic, partition, &range->low, &range->high, CONSUMER_WATERMARK_TIMEOUT_MS);

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return ERR_OK;
    return err_set(detail, ERR_KAFKA,
                   "partition %" PRId32 ": the broker does not tell its range of offsets: %s",
                   partition, rd_kafka_err2str(code));
}

static enum err ask_range(void *context, int32_t partition, struct worker_log_range *range,
                          struct err_detail *detail)
{
    const struct consumer *c = context;

    return consumer_log_range(c->rk, c->topic, partition, range, detail);
}

static void pass_on_part(void *context, int64_t hour)
{
    const struct consumer *c = context;

    if (c->options.worker.on_part != NULL)
        c->options.worker.on_part(c->options.worker.context, hour);
}

static enum err open_worker(struct consumer *c, int32_t partition, struct slot *slot,
                            struct err_detail *detail)
{
    struct worker_options options = c->options.worker;

    options.partition = partition;
    options.log_range = ask_range;
    options.on_part = pass_on_part;
    options.context = c;
    return worker_open(&options, clock_wall_ms(), &slot->worker, detail);
}

/* A partition's own queue, not forwarded to the group's. */
static rd_kafka_queue_t *own_queue(struct consumer *c, int32_t partition)
{
    static const uint64_t one = 1;
    rd_kafka_queue_t *queue = rd_kafka_queue_get_partition(c->rk, c->topic, partition);

    if (queue == NULL)
        return NULL;
    rd_kafka_queue_forward(queue, NULL);
    rd_kafka_queue_io_event_enable(queue, c->wake_fd, &one, sizeof one);
    return queue;
}

static enum err slot_open(struct consumer *c, int32_t partition, int64_t mono_ms)
{
    struct slot *slot = &c->slots[partition];
    struct err_detail why = {.text = ""};
    enum err e = open_worker(c, partition, slot, &why);

    if (e == ERR_OK) {
        slot->queue = own_queue(c, partition);
        if (slot->queue == NULL)
            e = err_set(&why, ERR_KAFKA, "partition %" PRId32 " has no queue", partition);
    }
    if (e == ERR_OK) {
        slot->reason.text[0] = '\0';
        slot->fetch_offset = worker_start_offset(slot->worker);
        slot->heard_ms = mono_ms;
        c->reassign = true;
        return ERR_OK;
    }
    bool person = e != ERR_KAFKA && e != ERR_IO && e != ERR_AGAIN && e != ERR_NOMEM;
    bool news = strcmp(slot->reason.text, why.text) != 0;
    consumer_slot_reset(slot,
                        mono_ms + (person ? CONSUMER_INCIDENT_RETRY_MS : CONSUMER_OPEN_RETRY_MS));
    slot->reason = why;
    if (person || news)
        log_error("alarm", "partition cannot be opened", field_int("partition", partition),
                  field_string("error", err_name(e)), field_string("reason", why.text));
    return e;
}

/* ---- the assigned list ---------------------------------------------------------------------- */

static bool slot_fetches(const struct slot *slot)
{
    return slot->worker != NULL && worker_state(slot->worker) != WORKER_STOPPED;
}

/* Eager protocol: the list is always whole, every partition with the offset it stands at. */
static void assign_ready(struct consumer *c)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
    rd_kafka_resp_err_t code;

    for (int32_t p = 0; p < c->options.partitions_n; p++) {
        if (slot_fetches(&c->slots[p]))
            rd_kafka_topic_partition_list_add(list, c->topic, p)->offset = c->slots[p].fetch_offset;
    }
    code = rd_kafka_assign(c->rk, list);
    c->reassign = code != RD_KAFKA_RESP_ERR_NO_ERROR;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        log_error("consumer", "assign failed", field_string("detail", rd_kafka_err2str(code)));
    rd_kafka_topic_partition_list_destroy(list);
}

void consumer_open_due(struct consumer *c, int64_t mono_ms)
{
    for (int32_t p = 0; p < c->options.partitions_n; p++) {
        struct slot *slot = &c->slots[p];

        if (!slot->owned || slot->worker != NULL || mono_ms < slot->open_at_ms)
            continue;
        /* One slow failure a call: the others must be served meanwhile. */
        if (slot_open(c, p, mono_ms) == ERR_KAFKA)
            break;
    }
    if (c->reassign)
        assign_ready(c);
}

static void on_assign(struct consumer *c, const rd_kafka_topic_partition_list_t *list)
{
    int64_t mono_ms = clock_monotonic_ms();

    for (int i = 0; i < list->cnt; i++) {
        int32_t p = list->elems[i].partition;

        if (p < 0 || p >= c->options.partitions_n) {
            log_error("alarm", "the topic has more partitions than its era; ignored",
                      field_int("partition", p));
            continue;
        }
        c->slots[p].owned = true;
        c->slots[p].open_at_ms = mono_ms;
        log_info("consumer", "assigned", field_int("partition", p));
    }
    c->reassign = true; /* also with an empty list: the callback must answer */
    consumer_open_due(c, mono_ms);
    c->joined = true;
}

static void checkpoint_all(struct consumer *c)
{
    for (int32_t p = 0; p < c->options.partitions_n; p++) {
        struct worker *worker = c->slots[p].worker;
        struct err_detail why = {.text = ""};

        if (worker != NULL && worker_checkpoint(worker, clock_wall_ms(), true, &why) != ERR_OK)
            log_warn("consumer", "no final checkpoint", field_int("partition", p),
                     field_string("detail", why.text));
    }
    consumer_commit_advisory(c);
}

/* A lost partition may be somebody else's already: no checkpoint then. */
static void on_revoke(struct consumer *c, bool lost)
{
    if (!lost)
        checkpoint_all(c);
    for (int32_t p = 0; p < c->options.partitions_n; p++) {
        struct slot *slot = &c->slots[p];

        if (!slot->owned)
            continue;
        consumer_slot_reset(slot, 0);
        slot->owned = false;
        slot->reason.text[0] = '\0';
        log_info("consumer", "revoked", field_int("partition", p), field_bool("lost", lost));
    }
    c->reassign = false;
    rd_kafka_assign(c->rk, NULL);
}

void consumer_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t event,
                        rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct consumer *c = opaque;

    if (event == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        on_assign(c, list);
        return;
    }
    if (event != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS)
        log_error("consumer", "rebalance failed", field_string("detail", rd_kafka_err2str(event)));
    on_revoke(c, rd_kafka_assignment_lost(rk) != 0);
}
