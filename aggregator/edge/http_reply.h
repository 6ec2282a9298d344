/*
 * What the HTTP server answers, made from one snapshot. No sockets, no clock.
 */
#ifndef AGGREGATOR_EDGE_HTTP_REPLY_H
#define AGGREGATOR_EDGE_HTTP_REPLY_H

#include "aggregator/edge/http_snapshot.h"
#include "common/buffer.h"

enum {
    HTTP_LIMIT_STANDARD = 1000, /* enclaves in one answer unless told */
    HTTP_LIMIT_MAX = 100 * 1000,
};

/* The page: HTML without external resources. */
extern const char http_page[];

/* Arguments of a request; NULL: not given. */
struct http_query {
    const char *tenant, *hour, *limit;
};

/* All append to `out`. ERR_NOMEM. */
enum err http_reply_metrics(const struct http_snapshot *s, struct buffer *out) MUST_CHECK;
enum err http_reply_status(const struct http_snapshot *s, struct buffer *out) MUST_CHECK;
/* ERR_USAGE: an argument is wrong, the detail says which. */
enum err http_reply_enclaves(const struct http_snapshot *s, const struct tenant_map *tenants,
                             const struct http_query *query, struct buffer *out,
                             struct err_detail *detail) MUST_CHECK;
/* ERR_NOT_FOUND: the hour is closed; the detail says where its usage is. */
enum err http_reply_usage(const struct http_snapshot *s, const struct tenant_map *tenants,
                          const struct http_query *query, struct buffer *out,
                          struct err_detail *detail) MUST_CHECK;

#endif
