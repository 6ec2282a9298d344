/*
 * Records that the owner of a partition appends to it: TICK so that log time goes on in silence,
 * POLICY so that values that change output bytes are part of the log (R14).
 *
 * Its own producer (kafka_conf_build, KAFKA_PRODUCER), explicit partition, no key, epoch or seq.
 * What is appended takes effect where it is read, like any other record; losing one costs nothing
 * but time.
 */
#ifndef AGGREGATOR_EDGE_CONTROL_H
#define AGGREGATOR_EDGE_CONTROL_H

#include <librdkafka/rdkafka.h>

#include "aggregator/edge/consumer.h"
#include "schemas/c/event.h"

struct control;

/* `policy->version` 0: the built-in values, nothing is appended. What `policy->values` points to
 * must outlive the control. Takes over `conf`, also on error. ERR_LIMIT: the policy is too large
 * for a record. */
enum err control_new(rd_kafka_conf_t *conf, const char *topic, int32_t partitions_n,
                     const struct event_policy *policy, struct control **control,
                     struct err_detail *detail) MUST_CHECK;

/* Appends what the owned partitions need; serves delivery reports. At most one record of each
 * partition is on its way at a time. `now_ms`: owner's clock, `mono_ms`: its monotonic clock. */
void control_poll(struct control *control, const struct consumer_view *views, size_t views_n,
                  int64_t now_ms, int64_t mono_ms);

/* Waits up to `flush_ms` for what is on its way. NULL is fine. */
void control_free(struct control *control, int flush_ms);

#endif
