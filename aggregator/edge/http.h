/*
 * The HTTP server of a running aggregator: health, metrics, a live view, a page. Loopback only.
 *
 * Its threads never touch a partition. The metering loop builds a read-only snapshot
 * (http_snapshot) while somebody asks, at most once a second, and publishes it here; replies are
 * made from the newest one. Nothing here changes what is metered.
 *
 *     /healthz             200 while the metering loop goes round
 *     /readyz              200 when every owned partition is being metered, else 503 and why not
 *     /metrics             Prometheus text, no per-enclave labels
 *     /v1/status           partitions, lag, completeness, sealing
 *     /v1/enclaves         ?tenant= ?limit=   running enclaves and recent ends
 *     /v1/usage            ?tenant= ?hour=    usage per tenant of an hour that is not closed yet
 *     /                    one page that shows these
 */
#ifndef AGGREGATOR_EDGE_HTTP_H
#define AGGREGATOR_EDGE_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregator/edge/http_snapshot.h"
#include "common/err.h"

enum {
    HTTP_CONNECTIONS_MAX = 64,
    HTTP_TIMEOUT_S = 10,
    HTTP_SNAPSHOT_INTERVAL_MS = 1000,
    HTTP_ASKED_MS = 10 * 1000, /* snapshots go on so long after the last request */
    HTTP_FIRST_WAIT_MS = 3000, /* a request waits so long for the first snapshot */
    HTTP_STUCK_MS = 60 * 1000, /* a metering loop that takes longer for one round is not healthy */
};

struct http;

/* "off", "127.0.0.1:8080", "[::1]:8080"; port 0 takes a free one. ERR_CONFIG: anything else, and
 * any address that other machines can reach. */
enum err http_listen_check(const char *listen, struct err_detail *detail) MUST_CHECK;

/* Starts serving; *http is NULL for "off". `tenants` (may be NULL) must outlive it. ERR_IO. */
enum err http_start(const char *listen, const struct tenant_map *tenants, struct http **http,
                    struct err_detail *detail) MUST_CHECK;
/* NULL is fine, here and below. */
void http_stop(struct http *http);

/* The port that is listened to; 0 if there is none. */
uint16_t http_port(const struct http *http);

/* The metering loop tells that it goes round. True: somebody asks, and a new snapshot is due. */
bool http_beat(struct http *http, int64_t mono_ms);
/* Takes over the snapshot. */
void http_publish(struct http *http, struct http_snapshot *snapshot);

#endif
