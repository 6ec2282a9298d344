/*
 * The publisher: journal events into librdkafka, delivery reports into acknowledgements.
 */
#include "producer/edge/publisher.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/kafka_conf.h"
#include "schemas/c/codec.h"

/* A framed event: header, then the body. */
struct outgoing {
    uint8_t *bytes; /* FRAME_SINGLE_OBJECT_BYTES + EVENT_RECORD_MAX */
    size_t len;
    bool is_waiting;
};

struct publisher {
    rd_kafka_conf_t *conf;
    char topic_name[256];
    uint8_t key[PUBLISHER_KEY_MAX];
    size_t key_len;
    uint32_t in_flight_max;
    struct journal *journal;
    void (*log)(void *user, int level, const char *text);
    void *log_user;

    int fd;             /* eventfd, signalled by librdkafka */
    rd_kafka_t *client; /* NULL = WAITING */
    rd_kafka_topic_t *topic;
    rd_kafka_queue_t *queue;
    int64_t retry_ms; /* WAITING: when to build the next client */
    int64_t backoff_ms;
    bool is_failed; /* the client has to go at the end of this publisher_serve */

    struct outgoing event; /* read from the journal, not taken by the client yet */
    uint64_t event_index;
    uint64_t sent;      /* index of the last event given to the present client */
    uint64_t acked;     /* ≤ sent */
    uint32_t in_flight; /* messages, the heartbeat included */
    uint64_t in_flight_bytes;

    struct outgoing heartbeat;
    uint64_t heartbeat_after; /* it follows this event */
    bool heartbeat_in_flight;
    struct publisher_counters counters;
};

/* What the promises of publisher.h rest on, whatever else is configured. */
static enum err set_required(rd_kafka_conf_t *conf, struct err_detail *detail)
{
    static const char *const required[][2] = {
        {"enable.idempotence", "true"}, /* order and no duplicates within a client; acks=all */
        {"acks", "all"},
        {"message.timeout.ms", "0"}, /* the journal owns retrying */
        {"queue.buffering.max.kbytes", "16384"},
        {"log.queue", "true"},
    };
    char text[256];

    for (size_t i = 0; i < sizeof required / sizeof required[0]; i++)
        if (rd_kafka_conf_set(conf, required[i][0], required[i][1], text, sizeof text) !=
            RD_KAFKA_CONF_OK)
            return err_set(detail, ERR_CONFIG, "kafka.%s: %s", required[i][0], text);
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG);
    return ERR_OK;
}

static void say(const struct publisher *p, int level, const char *text)
{
    if (p->log != NULL)
        p->log(p->log_user, level, text);
}

static void destroy_client(struct publisher *p)
{
    if (p->client == NULL)
        return;
    rd_kafka_purge(p->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_queue_io_event_enable(p->queue, -1, NULL, 0);
    rd_kafka_queue_destroy(p->queue);
    rd_kafka_topic_destroy(p->topic);
    rd_kafka_destroy(p->client);
    p->client = NULL;
}

/* WAITING → PUBLISHING. */
static enum err build_client(struct publisher *p, struct err_detail *detail)
{
    static const uint64_t one = 1;
    char text[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(p->conf);

    p->client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (p->client == NULL) {
        rd_kafka_conf_destroy(conf);
        return err_set(detail, ERR_CONFIG, "kafka: %s", text);
    }
    p->topic = rd_kafka_topic_new(p->client, p->topic_name, NULL);
    if (p->topic == NULL) {
        rd_kafka_destroy(p->client);
        p->client = NULL;
        return err_set(detail, ERR_CONFIG, "topic %s: %s", p->topic_name,
                       rd_kafka_err2str(rd_kafka_last_error()));
    }
    p->queue = rd_kafka_queue_get_main(p->client);
    rd_kafka_queue_io_event_enable(p->queue, p->fd, &one, sizeof one);
    rd_kafka_set_log_queue(p->client, NULL);
    p->event.is_waiting = false;
    p->heartbeat_in_flight = false;
    p->is_failed = false;
    p->in_flight = 0;
    p->in_flight_bytes = 0;
    p->sent = p->acked;
    journal_seek(p->journal, p->acked + 1);
    return ERR_OK;
}

enum err publisher_new(const struct publisher_options *options, struct publisher **publisher,
                       struct err_detail *detail)
{
    struct journal_state state;
    enum err err = ERR_NOMEM;

    assert(options->in_flight_max > 0 && options->in_flight_max <= PUBLISHER_IN_FLIGHT_MAX);
    *publisher = NULL;
    if (options->key.len > PUBLISHER_KEY_MAX || strlen(options->topic) >= 256)
        return err_set(detail, ERR_LIMIT, "the topic's name or the instance id is too long");
    struct publisher *p = calloc(1, sizeof *p);
    if (p == NULL)
        return err_set(detail, ERR_NOMEM, "out of memory");
    p->fd = -1;
    p->conf = rd_kafka_conf_dup(options->conf);
    p->event.bytes = malloc(FRAME_SINGLE_OBJECT_BYTES + EVENT_RECORD_MAX);
    p->heartbeat.bytes = malloc(FRAME_SINGLE_OBJECT_BYTES + EVENT_RECORD_MAX);
    if (p->event.bytes == NULL || p->heartbeat.bytes == NULL) {
        err_set(detail, err, "out of memory");
        goto fail;
    }
    memcpy(p->topic_name, options->topic, strlen(options->topic));
    memcpy(p->key, options->key.ptr, options->key.len);
    p->key_len = options->key.len;
    p->in_flight_max = options->in_flight_max;
    p->journal = options->journal;
    p->log = options->log;
    p->log_user = options->log_user;
    p->backoff_ms = PUBLISHER_BACKOFF_MIN_MS;
    p->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (p->fd < 0) {
        err = err_set(detail, ERR_IO, "eventfd: %s", strerror(errno));
        goto fail;
    }
    journal_get_state(p->journal, &state);
    p->acked = state.acked;
    err = set_required(p->conf, detail);
    if (err == ERR_OK)
        err = build_client(p, detail);
    if (err != ERR_OK)
        goto fail;
    *publisher = p;
    return ERR_OK;
fail:
    publisher_free(p);
    return err;
}

void publisher_free(struct publisher *p)
{
    if (p == NULL)
        return;
    destroy_client(p);
    if (p->fd >= 0)
        close(p->fd);
    rd_kafka_conf_destroy(p->conf);
    free(p->event.bytes);
    free(p->heartbeat.bytes);
    free(p);
}

int publisher_fd(const struct publisher *p)
{
    return p->fd;
}

int64_t publisher_next_deadline(const struct publisher *p)
{
    return p->client == NULL ? p->retry_ms : INT64_MAX;
}

rd_kafka_t *publisher_client(const struct publisher *p)
{
    return p->client;
}

bool publisher_is_drained(const struct publisher *p)
{
    struct journal_state state;

    journal_get_state(p->journal, &state);
    return state.acked == state.last_index;
}

struct publisher_counters publisher_get_counters(const struct publisher *p)
{
    struct publisher_counters counters = p->counters;

    counters.in_flight = p->in_flight;
    return counters;
}

void publisher_heartbeat(struct publisher *p, struct bytes event)
{
    struct journal_state state;

    assert(event.len <= EVENT_RECORD_MAX);
    journal_get_state(p->journal, &state);
    size_t head = frame_put_single_object(p->heartbeat.bytes);
    memcpy(p->heartbeat.bytes + head, event.ptr, event.len);
    p->heartbeat.len = head + event.len;
    p->heartbeat.is_waiting = true;
    p->heartbeat_after = state.last_index;
}

static void fail_client(struct publisher *p, const char *what, const char *why)
{
    char text[512];

    if (p->is_failed)
        return;
    p->is_failed = true;
    snprintf(text, sizeof text, "%s: %s; starting a new client from the first unacknowledged event",
             what, why);
    say(p, 3, text);
}

/* One delivery report. Opaque 0 is the heartbeat. */
static void take_report(struct publisher *p, const rd_kafka_message_t *message)
{
    uint64_t index = (uint64_t)(uintptr_t)message->_private;

    p->in_flight--;
    p->in_flight_bytes -= message->len;
    if (index == 0)
        p->heartbeat_in_flight = false;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        fail_client(p, "an event was not delivered", rd_kafka_err2str(message->err));
        return;
    }
    p->backoff_ms = PUBLISHER_BACKOFF_MIN_MS;
    if (index == 0)
        p->counters.heartbeats++;
    else if (p->is_failed)
        return; /* behind a failed one: it will be sent again */
    else if (index == p->acked + 1) {
        p->acked = index;
        p->counters.delivered++;
    } else
        fail_client(p, "a delivery report came out of order", "this should not happen");
}

/* The client goes on by itself; a person may have something to do. */
static void say_error(const struct publisher *p, rd_kafka_event_t *event)
{
    const char *advice = kafka_conf_advice(p->client, rd_kafka_event_error(event));

    say(p, 4, rd_kafka_event_error_string(event));
    if (advice != NULL)
        say(p, 4, advice);
}

static void take_event(struct publisher *p, rd_kafka_event_t *event)
{
    const char *facility, *text;
    int level;

    switch (rd_kafka_event_type(event)) {
    case RD_KAFKA_EVENT_DR:
        for (const rd_kafka_message_t *message;
             (message = rd_kafka_event_message_next(event)) != NULL;)
            take_report(p, message);
        break;
    case RD_KAFKA_EVENT_ERROR:
        if (rd_kafka_event_error_is_fatal(event))
            fail_client(p, "fatal error of the Kafka client", rd_kafka_event_error_string(event));
        else
            say_error(p, event);
        break;
    case RD_KAFKA_EVENT_LOG:
        if (rd_kafka_event_log(event, &facility, &text, &level) == 0)
            say(p, level, text);
        break;
    default: break;
    }
}

/* true: the client took it; false: full for now, or it failed. */
static bool produce(struct publisher *p, const struct outgoing *out, uint64_t index)
{
    if (rd_kafka_produce(p->topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, out->bytes, out->len,
                         p->key, p->key_len, (void *)(uintptr_t)index) == 0) {
        p->in_flight++;
        p->in_flight_bytes += out->len;
        return true;
    }
    if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
        fail_client(p, "the Kafka client took no event", rd_kafka_err2str(rd_kafka_last_error()));
    return false;
}

/* The next event of the journal into p->event. ERR_NOT_FOUND: none. */
static enum err load_event(struct publisher *p, struct err_detail *detail)
{
    size_t len;

    if (p->event.is_waiting)
        return ERR_OK;
    size_t head = frame_put_single_object(p->event.bytes);
    enum err err = journal_read(p->journal, p->event.bytes + head, EVENT_RECORD_MAX, &len,
                                &p->event_index, detail);
    if (err != ERR_OK)
        return err;
    p->event.len = head + len;
    p->event.is_waiting = true;
    return ERR_OK;
}

/* Sends heartbeat and events, each in its place, as far as the bounds allow. */
static enum err pump(struct publisher *p, struct err_detail *detail)
{
    while (!p->is_failed && p->in_flight < p->in_flight_max &&
           p->in_flight_bytes < PUBLISHER_IN_FLIGHT_BYTES_MAX) {
        if (p->heartbeat.is_waiting && p->sent >= p->heartbeat_after && !p->heartbeat_in_flight) {
            if (!produce(p, &p->heartbeat, 0))
                break;
            p->heartbeat.is_waiting = false;
            p->heartbeat_in_flight = true;
            continue;
        }
        enum err err = load_event(p, detail);
        if (err != ERR_OK)
            return err == ERR_NOT_FOUND ? ERR_OK : err;
        assert(p->event_index == p->sent + 1);
        if (!produce(p, &p->event, p->event_index))
            break;
        p->event.is_waiting = false;
        p->sent = p->event_index;
        if (p->heartbeat.is_waiting && p->sent > p->heartbeat_after)
            p->heartbeat.is_waiting = false; /* overtaken: the event says more */
    }
    return ERR_OK;
}

/* PUBLISHING → WAITING. */
static void give_up_client(struct publisher *p, int64_t now_ms)
{
    destroy_client(p);
    p->counters.failures++;
    p->in_flight = 0;
    p->retry_ms = now_ms + p->backoff_ms;
    p->backoff_ms *= 2;
    if (p->backoff_ms > PUBLISHER_BACKOFF_MAX_MS)
        p->backoff_ms = PUBLISHER_BACKOFF_MAX_MS;
}

enum err publisher_serve(struct publisher *p, int64_t now_ms, struct err_detail *detail)
{
    uint64_t signals;
    enum err err;

    while (read(p->fd, &signals, sizeof signals) > 0)
        ;
    if (p->client == NULL) {
        if (now_ms < p->retry_ms)
            return ERR_OK;
        err = build_client(p, detail);
        if (err != ERR_OK)
            return err;
    }
    uint64_t acked = p->acked;
    for (rd_kafka_event_t *event; (event = rd_kafka_queue_poll(p->queue, 0)) != NULL;) {
        take_event(p, event);
        rd_kafka_event_destroy(event);
    }
    if (p->acked > acked) {
        err = journal_ack(p->journal, p->acked, detail);
        if (err != ERR_OK)
            return err;
    }
    err = p->is_failed ? ERR_OK : pump(p, detail);
    if (p->is_failed)
        give_up_client(p, now_ms);
    return err;
}
