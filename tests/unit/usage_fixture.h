/*
 * Usage lines and parts for the tests of rating and sealing: small, readable, deterministic.
 */
#ifndef TESTS_UNIT_USAGE_FIXTURE_H
#define TESTS_UNIT_USAGE_FIXTURE_H

#include <stdlib.h>

#include "aggregator/core/part.h"
#include "aggregator/edge/store.h"
#include "aggregator/rating/part_codec.h"

/* 2026-11-20T13:00:00Z */
static const int64_t FIXTURE_HOUR = 1795179600000;

static const struct event_pair fixture_tags[] = {
    {{(const uint8_t *)"team", 4}, {(const uint8_t *)"blue", 4}},
};

/* A run of `minutes` from the start of the hour, 2 vCPUs, 512 MiB, ended. */
static inline struct usage_line fixture_line(const char *instance, const char *run,
                                             const char *name, int64_t hour, int64_t minutes)
{
    struct usage_line line = {.kind = LINE_USAGE, .hour = hour};

    line.instance_id = bytes_of_string(instance);
    line.run.run_id = bytes_of_string(run);
    line.run.name = bytes_of_string(name);
    line.run.vcpus = 2;
    line.run.memory_mib = 512;
    line.run.allocated_time = hour;
    line.run.running_time = hour + 1000;
    line.run.has = RUN_HAS_NAME | RUN_HAS_VCPUS | RUN_HAS_MEMORY_MIB | RUN_HAS_ALLOCATED_TIME |
                   RUN_HAS_RUNNING_TIME;
    line.account = bytes_of_string("123456789012");
    line.region = bytes_of_string("eu-central-1");
    line.zone = bytes_of_string("eu-central-1a");
    line.instance_type = bytes_of_string("m5.2xlarge");
    line.tags = (struct event_map){fixture_tags, 1};
    line.end_cause = END_TERMINATED;
    line.end_time = hour + minutes * 60000;
    line.held_from = line.run.allocated_time;
    line.held_to = line.end_time;
    line.running_from = line.run.running_time;
    line.running_to = line.end_time;
    line.held_ms = minutes * 60000;
    line.running_ms = minutes * 60000 - 1000;
    line.vcpu_ms = line.held_ms * 2;
    line.mib_ms = line.held_ms * 512;
    return line;
}

/* A complete, closed part. */
static inline struct part fixture_part(int32_t partition, int64_t hour, uint32_t revision,
                                       const struct usage_line *lines, uint32_t lines_n)
{
    return (struct part){
        .era = 1,
        .partition = partition,
        .hour = hour,
        .revision = revision,
        .cut_log_time = hour + HOUR_MS + 120000 + (int64_t)(revision - 1) * 900000,
        .offset_first = 0,
        .offset_next = 100 * (int64_t)revision,
        .policy_version = 0,
        .rules_version = 1,
        .reasons = revision > 1 ? REASON_LATE_EVENT : 0,
        .status = PART_CLOSED,
        .complete = true,
        .expected_n = 1,
        .lines = lines,
        .lines_n = lines_n,
    };
}

static inline void fixture_write_part(struct store *store, const struct part *part)
{
    char name[PART_NAME_MAX];
    size_t cap = part_encoded_bound(part), len = 0;
    uint8_t *buffer = malloc(cap);
    struct err_detail detail = {""};

    part_object_name(name, part->era, part->partition, part->hour, part->revision);
    if (buffer == NULL || part_encode(part, buffer, cap, &len) != ERR_OK ||
        store_create_same(store, name, bytes_of(buffer, len), &detail) != ERR_OK)
        abort();
    free(buffer);
}

#endif
