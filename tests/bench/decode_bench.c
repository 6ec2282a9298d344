/*
 * What decoding one lifecycle event costs: our operation table and, as the peer, Avro-C's generic
 * reader over the same bytes. Prints ns per record as minimum, median and maximum of five runs; it
 * asserts nothing, because a machine's speed is not a property of the program.
 */
#include <avro.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "schemas/c/codec.h"
#include "tests/unit/schemas_random_event.h"

enum { RUNS_N = 5, RECORDS_N = 4096, OURS_ROUNDS = 512, PEER_ROUNDS = 8, SLOT_BYTES = 1024 };

/* Records lie one behind the other, as in a fetched batch. */
struct batch {
    uint8_t *bytes;
    struct bytes records[RECORDS_N];
};

struct peer {
    avro_value_t value;
    avro_reader_t reader;
};

static struct event_decoder *decoder;
static struct event_arena arena;
static volatile int64_t sink; /* keeps the work from being optimised away */

static void decode_ours(const struct batch *batch, void *context)
{
    int64_t sum = 0;

    (void)context;
    for (size_t i = 0; i < RECORDS_N; i++) {
        static struct event event; /* not initialised anew each time */

        if (event_decode(decoder, batch->records[i], &arena, &event) != ERR_OK)
            abort();
        sum += event.seq + event.running_n;
    }
    sink = sum;
}

static void decode_peer(const struct batch *batch, void *context)
{
    struct peer *peer = context;

    for (size_t i = 0; i < RECORDS_N; i++) {
        avro_reader_memory_set_source(peer->reader, (const char *)batch->records[i].ptr,
                                      (int64_t)batch->records[i].len);
        if (avro_value_read(peer->reader, &peer->value) != 0)
            abort();
    }
}

static double now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double measure(const char *what, void (*decode)(const struct batch *, void *), void *context,
                      const struct batch *batch, int rounds)
{
    double ns[RUNS_N];

    decode(batch, context);
    for (int run = 0; run < RUNS_N; run++) {
        double begin = now_ns();

        for (int round = 0; round < rounds; round++)
            decode(batch, context);
        ns[run] = (now_ns() - begin) / ((double)rounds * RECORDS_N);
    }
    qsort(ns, RUNS_N, sizeof ns[0], compare);
    printf("  %-22s %8.1f %8.1f %8.1f\n", what, ns[0], ns[RUNS_N / 2], ns[RUNS_N - 1]);
    return ns[RUNS_N / 2];
}

/* `sample` RECORDS_N times, with sequence numbers and times that go on. */
static void fill(struct batch *batch, struct event sample)
{
    uint8_t *at = batch->bytes;

    for (size_t i = 0; i < RECORDS_N; i++) {
        size_t len;

        sample.seq++;
        sample.event_time += 60000;
        sample.observed_time += 60000;
        sample.low_watermark += 60000;
        if (event_encode(&sample, at, SLOT_BYTES, &len) != ERR_OK)
            abort();
        batch->records[i] = bytes_of(at, len);
        at += len;
    }
}

static void compare_on(const char *name, struct batch *batch, struct event sample,
                       struct peer *peer)
{
    double ours, theirs;

    fill(batch, sample);
    printf("%s, %zu bytes                min   median      max   ns per record\n", name,
           batch->records[RECORDS_N - 1].len);
    ours = measure("operation table", decode_ours, NULL, batch, OURS_ROUNDS);
    theirs = measure("Avro-C generic reader", decode_peer, peer, batch, PEER_ROUNDS);
    printf("  ratio of the medians   %8.1f\n", theirs / ours);
}

int main(void)
{
    static struct batch batch;
    struct event_run runs[4];
    struct err_detail detail;
    struct bytes schema_json = event_schema_json();
    avro_schema_t schema;
    avro_value_iface_t *iface;
    struct peer peer = {.reader = avro_reader_memory("", 0)};

    batch.bytes = malloc((size_t)RECORDS_N * SLOT_BYTES);
    if (batch.bytes == NULL || event_decoder_new(schema_json, &decoder, &detail) != ERR_OK ||
        avro_schema_from_json_length((const char *)schema_json.ptr, schema_json.len, &schema) != 0)
        return 1;
    iface = avro_generic_class_from_schema(schema);
    avro_generic_value_new(iface, &peer.value);

    compare_on("HEARTBEAT", &batch, heartbeat_sample(runs), &peer);
    compare_on("ENDED    ", &batch, ended_sample(), &peer);

    avro_value_decref(&peer.value);
    avro_value_iface_decref(iface);
    avro_schema_decref(schema);
    avro_reader_free(peer.reader);
    event_decoder_free(decoder);
    free(batch.bytes);
    return 0;
}
