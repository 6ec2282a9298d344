/*
 * TICK and POLICY records: when they are due and how they get into a partition.
 */
#include "aggregator/edge/control.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/log.h"
#include "schemas/c/codec.h"

enum {
    CONTROL_RECORD_MAX = 16 * 1024,
    CONTROL_FAILED_RETRY_MS = 5000,
};

struct line {
    bool in_flight;
    int64_t not_before_ms; /* monotonic */
};

struct control {
    rd_kafka_conf_t *conf; /* to make another producer when this one is beyond repair */
    rd_kafka_t *rk;
    char *topic;
    int32_t partitions_n;
    struct event_policy policy;
    struct line *lines; /* by partition */
    int64_t mono_ms;    /* of the current control_poll */
};

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct control *control = opaque;
    struct line *line = &control->lines[m->partition];

    (void)rk;
    line->in_flight = false;
    if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    line->not_before_ms = control->mono_ms + CONTROL_FAILED_RETRY_MS;
    log_warn("control", "record not delivered; will be made again",
             field_int("partition", m->partition),
             field_string("detail", rd_kafka_err2str(m->err)));
}

/* ---- records -------------------------------------------------------------------------------- */

static enum err encode(const struct event *event, uint8_t *buffer, size_t cap, size_t *len)
{
    size_t frame_len = frame_put_single_object(buffer), body_len;
    enum err e = event_encode(event, buffer + frame_len, cap - frame_len, &body_len);

    *len = frame_len + body_len;
    return e;
}

static struct event control_event(const struct control *control, enum event_type type,
                                  int64_t now_ms)
{
    struct event event = {.type = type, .event_time = now_ms, .observed_time = now_ms};

    if (type == EVENT_POLICY) {
        event.has = EVENT_HAS_POLICY;
        event.policy = control->policy;
    }
    return event;
}

static void append(struct control *control, int32_t partition, enum event_type type, int64_t now_ms)
{
    uint8_t buffer[CONTROL_RECORD_MAX];
    struct event event = control_event(control, type, now_ms);
    struct line *line = &control->lines[partition];
    size_t len;

    if (encode(&event, buffer, sizeof buffer, &len) != ERR_OK)
        return; /* control_new has shown that it fits */
    rd_kafka_resp_err_t code = rd_kafka_producev(
        control->rk, RD_KAFKA_V_TOPIC(control->topic), RD_KAFKA_V_PARTITION(partition),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE(buffer, len), RD_KAFKA_V_END);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        line->not_before_ms = control->mono_ms + CONTROL_FAILED_RETRY_MS;
        log_warn("control", "record not made", field_int("partition", partition),
                 field_string("detail", rd_kafka_err2str(code)));
        return;
    }
    line->in_flight = true;
    if (type == EVENT_POLICY)
        log_info("policy", "appended", field_int("partition", partition),
                 field_int("version", control->policy.version));
}

/* ---- when ----------------------------------------------------------------------------------- */

/* Only at the end of the log: further back it may already hold what would be appended. */
static void consider(struct control *control, const struct consumer_view *view, int64_t now_ms)
{
    struct line *line = &control->lines[view->partition];

    if (view->worker == NULL || !view->caught_up || line->in_flight ||
        control->mono_ms < line->not_before_ms)
        return;
    const struct policy *in_force = partition_policy(worker_partition(view->worker));
    if (control->policy.version > in_force->version) {
        append(control, view->partition, EVENT_POLICY, now_ms);
        line->not_before_ms = control->mono_ms + CONTROL_FAILED_RETRY_MS; /* it is read meanwhile */
    } else if (view->silent_ms >= in_force->tick_interval_ms) {
        append(control, view->partition, EVENT_TICK, now_ms);
        line->not_before_ms = control->mono_ms + in_force->tick_interval_ms;
    }
}

/* ---- making and freeing --------------------------------------------------------------------- */

static enum err make_producer(struct control *control, struct err_detail *detail)
{
    char why[ERR_DETAIL_MAX];
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(control->conf);

    control->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (control->rk != NULL)
        return ERR_OK;
    rd_kafka_conf_destroy(conf);
    return err_set(detail, ERR_KAFKA, "control producer: %s", why);
}

/* A fatal error of the client: what was on its way is considered again. */
static void replace_if_fatal(struct control *control)
{
    struct err_detail detail = {.text = ""};
    char why[ERR_DETAIL_MAX];

    if (control->rk != NULL) {
        if (rd_kafka_fatal_error(control->rk, why, sizeof why) == RD_KAFKA_RESP_ERR_NO_ERROR)
            return;
        log_warn("control", "producer replaced", field_string("detail", why));
        rd_kafka_purge(control->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_destroy(control->rk);
    }
    for (int32_t p = 0; p < control->partitions_n; p++)
        control->lines[p].in_flight = false;
    if (make_producer(control, &detail) != ERR_OK)
        log_error("control", "no producer", field_string("detail", detail.text));
}

void control_poll(struct control *control, const struct consumer_view *views, size_t views_n,
                  int64_t now_ms, int64_t mono_ms)
{
    control->mono_ms = mono_ms;
    replace_if_fatal(control);
    if (control->rk == NULL)
        return;
    rd_kafka_poll(control->rk, 0);
    for (size_t i = 0; i < views_n; i++)
        consider(control, &views[i], now_ms);
}

void control_free(struct control *control, int flush_ms)
{
    if (control == NULL)
        return;
    if (control->rk != NULL) {
        if (rd_kafka_flush(control->rk, flush_ms) != RD_KAFKA_RESP_ERR_NO_ERROR)
            rd_kafka_purge(control->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_destroy(control->rk);
    }
    rd_kafka_conf_destroy(control->conf);
    free(control->lines);
    free(control->topic);
    free(control);
}

/* The policy must fit into a record: found out here and not at the end of a silent partition. */
static enum err check_policy_fits(const struct control *control, struct err_detail *detail)
{
    uint8_t buffer[CONTROL_RECORD_MAX];
    struct event event = control_event(control, EVENT_POLICY, 0);
    size_t len;
    enum err e = encode(&event, buffer, sizeof buffer, &len);

    return e == ERR_OK ? ERR_OK : err_set(detail, e, "the policy values do not fit into a record");
}

enum err control_new(rd_kafka_conf_t *conf, const char *topic, int32_t partitions_n,
                     const struct event_policy *policy, struct control **control,
                     struct err_detail *detail)
{
    struct control *made = calloc(1, sizeof *made);
    enum err e;

    if (made == NULL) {
        rd_kafka_conf_destroy(conf);
        return err_set(detail, ERR_NOMEM, "control: out of memory");
    }
    rd_kafka_conf_set_opaque(conf, made);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    made->conf = conf;
    made->policy = *policy;
    made->partitions_n = partitions_n;
    made->topic = strdup(topic);
    made->lines = calloc((size_t)partitions_n, sizeof *made->lines);
    if (made->topic == NULL || made->lines == NULL)
        e = err_set(detail, ERR_NOMEM, "control: out of memory");
    else
        e = check_policy_fits(made, detail);
    if (e == ERR_OK)
        e = make_producer(made, detail);
    if (e != ERR_OK) {
        control_free(made, 0);
        return e;
    }
    *control = made;
    return ERR_OK;
}
