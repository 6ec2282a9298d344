/*
 * The consumer's loop: batches from each partition's queue into its worker, checkpoints in between.
 */
#include "aggregator/edge/consumer_state.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"

enum {
    CONSUMER_LEAVE_MAX_MS = 5 * 1000, /* how long a stopping process waits for the coordinator */
    CONSUMER_LEAVE_POLL_MS = 100,
};

/* ---- taking records ------------------------------------------------------------------------- */

static struct worker_record record_of(const rd_kafka_message_t *m)
{
    rd_kafka_timestamp_type_t type;

    return (struct worker_record){
        .offset = m->offset,
        .append_time = rd_kafka_message_timestamp(m, &type),
        .log_append_time = type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME,
        .key = bytes_of(m->key, m->key_len),
        .value = bytes_of(m->payload, m->len),
    };
}

/* What librdkafka says about the partition in place of a record. */
static void take_error(struct slot *slot, const rd_kafka_message_t *m, int64_t mono_ms)
{
    log_warn("consumer", "partition error", field_int("partition", m->partition),
             field_string("error", rd_kafka_err2name(m->err)),
             field_string("detail", rd_kafka_message_errstr(m)));
    /* The offset wanted does not exist: opening again compares checkpoint and log and says why. */
    if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
        consumer_slot_reset(slot, mono_ms + CONSUMER_OPEN_RETRY_MS);
}

/* Offers what is left of the batch. Stops where the worker holds its position. */
static void take_batch(struct consumer *c, struct slot *slot, int64_t now_ms, int64_t mono_ms)
{
    while (slot->batch_at < slot->batch_n) {
        rd_kafka_message_t *m = slot->batch[slot->batch_at];
        struct err_detail why;

        if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            slot->batch_at++;
            take_error(slot, m, mono_ms);
            rd_kafka_message_destroy(m);
            continue;
        }
        struct worker_record record = record_of(m);
        enum err e = worker_take(slot->worker, &record, now_ms, &why);
        if (e == ERR_AGAIN)
            return;
        if (e != ERR_OK) {
            c->reassign = true; /* stopped: nothing more is to be fetched */
            return;
        }
        slot->batch_at++;
        slot->heard_ms = mono_ms;
        rd_kafka_message_destroy(m);
    }
}

static void checkpoint_slot(struct slot *slot, int32_t partition, int64_t now_ms, int64_t mono_ms)
{
    struct err_detail why = {.text = ""};
    enum err e = worker_checkpoint(slot->worker, now_ms, false, &why);

    if (e != ERR_FENCED)
        return;
    log_warn("consumer", "another process owns the partition; loading it again",
             field_int("partition", partition), field_string("detail", why.text));
    slot->reason = why;
    consumer_slot_reset(slot, mono_ms + CONSUMER_OPEN_RETRY_MS);
}

/* Serves one partition once. True: there may be more at once. */
static bool serve_slot(struct consumer *c, int32_t partition, int64_t now_ms, int64_t mono_ms)
{
    struct slot *slot = &c->slots[partition];
    bool fetched = false;

    if (slot->worker == NULL || worker_state(slot->worker) == WORKER_STOPPED)
        return false;
    if (slot->batch_at == slot->batch_n) {
        ssize_t n = rd_kafka_consume_batch_queue(slot->queue, 0, slot->batch, CONSUMER_BATCH);

        slot->batch_at = 0;
        slot->batch_n = n > 0 ? (size_t)n : 0;
        fetched = slot->batch_n > 0;
        for (size_t i = 0; i < slot->batch_n; i++) {
            if (slot->batch[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR)
                slot->fetch_offset = slot->batch[i]->offset + 1;
        }
    }
    take_batch(c, slot, now_ms, mono_ms);
    if (slot->worker != NULL)
        checkpoint_slot(slot, partition, now_ms, mono_ms);
    return fetched && slot->batch_at == slot->batch_n;
}

void consumer_commit_advisory(struct consumer *c)
{
    rd_kafka_topic_partition_list_t *list = NULL;

    for (int32_t p = 0; p < c->options.partitions_n; p++) {
        struct slot *slot = &c->slots[p];

        if (slot->worker == NULL || worker_counts(slot->worker)->checkpoints == slot->committed)
            continue;
        if (list == NULL)
            list = rd_kafka_topic_partition_list_new(16);
        slot->committed = worker_counts(slot->worker)->checkpoints;
        rd_kafka_topic_partition_list_add(list, c->topic, p)->offset =
            partition_next_offset(worker_partition(slot->worker));
    }
    if (list == NULL)
        return;
    rd_kafka_resp_err_t code = rd_kafka_commit(c->rk, list, 1);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        log_debug("consumer", "advisory offsets not committed",
                  field_string("detail", rd_kafka_err2str(code)));
    rd_kafka_topic_partition_list_destroy(list);
}

/* ---- the loop ------------------------------------------------------------------------------- */

static void drain_wakeups(const struct consumer *c)
{
    uint64_t n;

    if (read(c->wake_fd, &n, sizeof n) < 0 && errno != EAGAIN && errno != EINTR)
        log_error("consumer", "eventfd cannot be read", field_int("errno", errno));
}

/* Rebalances, client errors. The group's queue carries no records: partitions have their own. */
static enum err serve_group(struct consumer *c, struct err_detail *detail)
{
    rd_kafka_message_t *m;

    while ((m = rd_kafka_consumer_poll(c->rk, 0)) != NULL) {
        log_warn("consumer", "group error", field_string("error", rd_kafka_err2name(m->err)),
                 field_string("detail", rd_kafka_message_errstr(m)));
        rd_kafka_message_destroy(m);
    }
    char why[ERR_DETAIL_MAX];
    rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(c->rk, why, sizeof why);
    if (fatal != RD_KAFKA_RESP_ERR_NO_ERROR)
        return err_set(detail, ERR_KAFKA, "%s: %s", rd_kafka_err2name(fatal), why);
    return ERR_OK;
}

enum err consumer_poll(struct consumer *c, int timeout_ms, struct err_detail *detail)
{
    int64_t mono_ms = clock_monotonic_ms();
    int64_t now_ms = clock_wall_ms();
    bool more = false;

    drain_wakeups(c);
    enum err e = serve_group(c, detail);
    if (e != ERR_OK)
        return e;
    consumer_open_due(c, mono_ms);
    for (int32_t p = 0; p < c->options.partitions_n; p++)
        more |= serve_slot(c, p, now_ms, mono_ms);
    consumer_commit_advisory(c);
    if (!more) {
        struct pollfd wake = {.fd = c->wake_fd, .events = POLLIN};

        if (poll(&wake, 1, timeout_ms) < 0 && errno != EINTR)
            return err_set(detail, ERR_IO, "poll: %m");
    }
    return ERR_OK;
}

/* ---- joining and leaving -------------------------------------------------------------------- */

static void consumer_free(struct consumer *c)
{
    if (c->group_queue != NULL)
        rd_kafka_queue_destroy(c->group_queue);
    if (c->rk != NULL)
        rd_kafka_destroy(c->rk);
    if (c->wake_fd >= 0)
        close(c->wake_fd);
    free(c->slots);
    free(c->topic);
    free(c);
}

static enum err join(struct consumer *c, struct err_detail *detail)
{
    static const uint64_t one = 1;
    rd_kafka_topic_partition_list_t *topics;
    rd_kafka_resp_err_t code = rd_kafka_poll_set_consumer(c->rk);

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return err_set(detail, ERR_KAFKA, "consumer: %s", rd_kafka_err2str(code));
    c->group_queue = rd_kafka_queue_get_consumer(c->rk);
    if (c->group_queue == NULL)
        return err_set(detail, ERR_KAFKA, "consumer: no group.id");
    rd_kafka_queue_io_event_enable(c->group_queue, c->wake_fd, &one, sizeof one);
    topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, c->topic, RD_KAFKA_PARTITION_UA);
    code = rd_kafka_subscribe(c->rk, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return err_set(detail, ERR_KAFKA, "subscribe to %s: %s", c->topic, rd_kafka_err2str(code));
    return ERR_OK;
}

enum err consumer_new(rd_kafka_conf_t *conf, const struct consumer_options *options,
                      struct consumer **consumer, struct err_detail *detail)
{
    char why[ERR_DETAIL_MAX];
    struct consumer *c = calloc(1, sizeof *c);
    enum err e = ERR_NOMEM;

    if (c == NULL) {
        rd_kafka_conf_destroy(conf);
        return err_set(detail, ERR_NOMEM, "consumer: out of memory");
    }
    c->options = *options;
    c->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    c->topic = strdup(options->topic);
    c->slots = calloc((size_t)options->partitions_n, sizeof *c->slots);
    if (c->wake_fd < 0 || c->topic == NULL || c->slots == NULL) {
        rd_kafka_conf_destroy(conf);
        err_set(detail, ERR_NOMEM, "consumer: out of memory or file descriptors");
        goto failed;
    }
    rd_kafka_conf_set_opaque(conf, c);
    rd_kafka_conf_set_rebalance_cb(conf, consumer_rebalance);
    c->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (c->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        e = err_set(detail, ERR_KAFKA, "consumer: %s", why);
        goto failed;
    }
    e = join(c, detail);
    if (e != ERR_OK)
        goto failed;
    *consumer = c;
    return ERR_OK;
failed:
    consumer_free(c);
    return e;
}

/* Revokes (final checkpoints), then tells the group. Not rd_kafka_consumer_close: that waits for
 * ever while the coordinator is away (seen with 2.0.2), and the group finds out anyhow. False: it
 * does not answer; then rd_kafka_destroy would wait for ever, too. */
static bool leave_group(struct consumer *c)
{
    int64_t give_up_at = clock_monotonic_ms() + CONSUMER_LEAVE_MAX_MS;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(c->rk);
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(c->rk, queue);

    if (error != NULL)
        log_warn("consumer", "leaving the group failed",
                 field_string("detail", rd_kafka_error_string(error)));
    while (error == NULL && !rd_kafka_consumer_closed(c->rk) && clock_monotonic_ms() < give_up_at)
        rd_kafka_queue_poll_callback(queue, CONSUMER_LEAVE_POLL_MS);
    rd_kafka_error_destroy(error);
    rd_kafka_queue_destroy(queue);
    return rd_kafka_consumer_closed(c->rk) != 0;
}

void consumer_close(struct consumer *c)
{
    if (c == NULL)
        return;
    bool left = leave_group(c);
    for (int32_t p = 0; p < c->options.partitions_n; p++)
        consumer_slot_reset(&c->slots[p], 0);
    if (left)
        consumer_free(c);
    else /* the process ends now; the client's threads end with it, and until then point to `c` */
        log_warn("consumer", "stopped without telling the group: its coordinator does not answer");
}

/* ---- looking -------------------------------------------------------------------------------- */

static struct consumer_view view_of(const struct consumer *c, int32_t partition, int64_t mono_ms)
{
    const struct slot *slot = &c->slots[partition];
    struct consumer_view view = {
        .partition = partition,
        .worker = slot->worker,
        .reason = slot->reason.text,
        .lag = -1,
        .silent_ms = mono_ms - slot->heard_ms,
    };
    int64_t low, high;

    if (slot->worker == NULL)
        return view;
    view.reason = worker_reason(slot->worker);
    if (rd_kafka_get_watermark_offsets(c->rk, c->topic, partition, &low, &high) ==
            RD_KAFKA_RESP_ERR_NO_ERROR &&
        high >= 0) {
        int64_t next = partition_next_offset(worker_partition(slot->worker));

        view.lag = high > next ? high - next : 0;
        view.caught_up = view.lag == 0 && worker_state(slot->worker) == WORKER_RUNNING;
    }
    return view;
}

size_t consumer_views(const struct consumer *c, struct consumer_view *views, size_t cap)
{
    int64_t mono_ms = clock_monotonic_ms();
    size_t n = 0;

    for (int32_t p = 0; p < c->options.partitions_n; p++) {
        if (!c->slots[p].owned)
            continue;
        if (n < cap)
            views[n] = view_of(c, p, mono_ms);
        n++;
    }
    return n;
}

bool consumer_joined(const struct consumer *c)
{
    return c->joined;
}
