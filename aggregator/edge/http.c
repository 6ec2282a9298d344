/*
 * libmicrohttpd in front of the replies: addresses, routes, and the hand-over of snapshots.
 */
#include "aggregator/edge/http.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "aggregator/edge/http_reply.h"
#include "common/clock.h"
#include "common/log.h"

/* Handlers may wait for the first snapshot: more than one of them. */
enum { HTTP_THREADS = 4 };

struct http {
    struct MHD_Daemon *daemon;
    const struct tenant_map *tenants;
    uint16_t port;

    pthread_mutex_t lock; /* all below */
    pthread_cond_t published;
    struct http_snapshot *newest; /* NULL: none yet */
    int64_t newest_ms;            /* monotonic time of its publication */
    int64_t asked_ms;             /* of the last request that wanted one */
    int64_t beat_ms;              /* of the metering loop's last round */
    bool stopping;
};

/* ---- addresses ------------------------------------------------------------------------------ */

/* Splits "HOST:PORT"; [] around an IPv6 address. */
static bool split_listen(const char *listen, char host[64], uint16_t *port)
{
    const char *colon = strrchr(listen, ':');
    char *end;

    if (colon == NULL || colon[1] < '0' || colon[1] > '9')
        return false;
    unsigned long number = strtoul(colon + 1, &end, 10);
    if (*end != '\0' || number > UINT16_MAX)
        return false;
    size_t len = (size_t)(colon - listen);
    if (len >= 2 && listen[0] == '[' && listen[len - 1] == ']') {
        listen++;
        len -= 2;
    }
    if (len == 0 || len >= 64)
        return false;
    memcpy(host, listen, len);
    host[len] = '\0';
    *port = (uint16_t)number;
    return true;
}

static enum err parse_listen(const char *listen, struct sockaddr_storage *address,
                             struct err_detail *detail)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
    char host[64];
    uint16_t port;
    bool loopback = false;

    memset(address, 0, sizeof *address);
    if (!split_listen(listen, host, &port))
        return err_set(detail, ERR_CONFIG, "\"%s\" is no address: off, 127.0.0.1:8080, [::1]:8080",
                       listen);
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        loopback = ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    } else if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        loopback = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
    } else {
        return err_set(detail, ERR_CONFIG, "\"%s\" is no IP address", host);
    }
    return loopback ? ERR_OK
                    : err_set(detail, ERR_CONFIG,
                              "%s can be reached by other machines; only loopback addresses are"
                              " served, because nobody is asked who they are",
                              host);
}

enum err http_listen_check(const char *listen, struct err_detail *detail)
{
    struct sockaddr_storage address;

    return strcmp(listen, "off") == 0 ? ERR_OK : parse_listen(listen, &address, detail);
}

/* A page of another site that made its name point here must not read the answers. */
static bool host_is_local(const char *host)
{
    static const char *const local[] = {"localhost", "127.0.0.1", "[::1]"};

    if (host == NULL)
        return true; /* no browser */
    for (size_t i = 0; i < sizeof local / sizeof *local; i++) {
        size_t len = strlen(local[i]);

        if (strncmp(host, local[i], len) == 0 && (host[len] == '\0' || host[len] == ':'))
            return true;
    }
    return strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.:") == strlen(host);
}

/* ---- snapshots ------------------------------------------------------------------------------ */

/* A share of the newest snapshot; waits for the first one. NULL: there is none. */
static struct http_snapshot *newest(struct http *http)
{
    struct timespec until;
    struct http_snapshot *snapshot = NULL;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += HTTP_FIRST_WAIT_MS / 1000;
    pthread_mutex_lock(&http->lock);
    int64_t now_ms = clock_monotonic_ms();
    /* One that nobody asked for in between is old: a new one is on its way. */
    bool stale = http->newest_ms < now_ms - 3 * HTTP_SNAPSHOT_INTERVAL_MS;
    int64_t seen_ms = http->newest_ms;
    http->asked_ms = now_ms;
    while (stale && http->newest_ms == seen_ms && !http->stopping) {
        if (pthread_cond_timedwait(&http->published, &http->lock, &until) != 0)
            break;
    }
    if (http->newest != NULL)
        snapshot = http_snapshot_share(http->newest);
    pthread_mutex_unlock(&http->lock);
    return snapshot;
}

bool http_beat(struct http *http, int64_t mono_ms)
{
    if (http == NULL)
        return false;
    pthread_mutex_lock(&http->lock);
    http->beat_ms = mono_ms;
    bool due = mono_ms - http->asked_ms < HTTP_ASKED_MS &&
               mono_ms - http->newest_ms >= HTTP_SNAPSHOT_INTERVAL_MS;
    pthread_mutex_unlock(&http->lock);
    return due;
}

void http_publish(struct http *http, struct http_snapshot *snapshot)
{
    if (http == NULL) {
        http_snapshot_release(snapshot);
        return;
    }
    pthread_mutex_lock(&http->lock);
    struct http_snapshot *old = http->newest;
    http->newest = snapshot;
    http->newest_ms = clock_monotonic_ms();
    pthread_cond_broadcast(&http->published);
    pthread_mutex_unlock(&http->lock);
    http_snapshot_release(old);
}

/* ---- replies -------------------------------------------------------------------------------- */

struct reply {
    unsigned status;
    const char *content_type;
    struct buffer body;
};

static void say(struct reply *reply, unsigned status, const char *text)
{
    buffer_clear(&reply->body);
    reply->status = status;
    reply->content_type = "text/plain; charset=utf-8";
    if (buffer_append_format(&reply->body, "%s\n", text) != ERR_OK)
        reply->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
}

static void reply_health(struct http *http, struct reply *reply)
{
    pthread_mutex_lock(&http->lock);
    int64_t silent_ms = clock_monotonic_ms() - http->beat_ms;
    pthread_mutex_unlock(&http->lock);
    if (silent_ms < HTTP_STUCK_MS)
        say(reply, MHD_HTTP_OK, "ok");
    else
        say(reply, MHD_HTTP_SERVICE_UNAVAILABLE, "the metering loop does not go round");
}

static void reply_ready(const struct http_snapshot *s, struct reply *reply)
{
    char reason[ERR_DETAIL_MAX];

    if (http_snapshot_ready(s, reason, sizeof reason))
        say(reply, MHD_HTTP_OK, "ready");
    else
        say(reply, MHD_HTTP_SERVICE_UNAVAILABLE, reason);
}

static unsigned status_of(enum err e)
{
    switch (e) {
    case ERR_OK: return MHD_HTTP_OK;
    case ERR_USAGE: return MHD_HTTP_BAD_REQUEST;
    case ERR_NOT_FOUND: return MHD_HTTP_NOT_FOUND;
    default: return MHD_HTTP_INTERNAL_SERVER_ERROR;
    }
}

/* Everything that is made from a snapshot. */
static void reply_from(struct http *http, const struct http_snapshot *s, const char *path,
                       const struct http_query *query, struct reply *reply)
{
    struct err_detail detail = {.text = "failed"};
    enum err e;

    reply->status = MHD_HTTP_OK;
    reply->content_type = "application/json";
    if (strcmp(path, "/readyz") == 0) {
        reply_ready(s, reply);
        return;
    }
    if (strcmp(path, "/metrics") == 0) {
        reply->content_type = "text/plain; version=0.0.4; charset=utf-8";
        e = http_reply_metrics(s, &reply->body);
    } else if (strcmp(path, "/v1/status") == 0) {
        e = http_reply_status(s, &reply->body);
    } else if (strcmp(path, "/v1/enclaves") == 0) {
        e = http_reply_enclaves(s, http->tenants, query, &reply->body, &detail);
    } else {
        e = http_reply_usage(s, http->tenants, query, &reply->body, &detail);
    }
    if (e != ERR_OK)
        say(reply, status_of(e), detail.text);
}

static bool needs_snapshot(const char *path)
{
    static const char *const paths[] = {"/readyz", "/metrics", "/v1/status", "/v1/enclaves",
                                        "/v1/usage"};

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        if (strcmp(path, paths[i]) == 0)
            return true;
    }
    return false;
}

static void route(struct http *http, const char *path, const struct http_query *query,
                  struct reply *reply)
{
    if (strcmp(path, "/healthz") == 0) {
        reply_health(http, reply);
    } else if (strcmp(path, "/") == 0) {
        reply->status = MHD_HTTP_OK;
        reply->content_type = "text/html; charset=utf-8";
        if (buffer_append_string(&reply->body, http_page) != ERR_OK)
            reply->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
    } else if (needs_snapshot(path)) {
        struct http_snapshot *s = newest(http);

        if (s == NULL)
            say(reply, MHD_HTTP_SERVICE_UNAVAILABLE, "nothing is metered yet");
        else
            reply_from(http, s, path, query, reply);
        http_snapshot_release(s);
    } else {
        say(reply, MHD_HTTP_NOT_FOUND,
            "there is /, /metrics, /healthz, /readyz, /v1/status,"
            " /v1/enclaves and /v1/usage");
    }
}

static enum MHD_Result send_reply(struct MHD_Connection *connection, struct reply *reply)
{
    /* malloc'ed by the buffer, freed by the daemon */
    struct MHD_Response *response =
        MHD_create_response_from_buffer(reply->body.len, reply->body.ptr, MHD_RESPMEM_MUST_FREE);

    if (response == NULL) {
        buffer_fini(&reply->body);
        return MHD_NO;
    }
    MHD_add_response_header(response, "Content-Type", reply->content_type);
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Content-Security-Policy",
                            "default-src 'none'; style-src 'unsafe-inline'; script-src"
                            " 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'");
    enum MHD_Result result = MHD_queue_response(connection, reply->status, response);
    MHD_destroy_response(response);
    return result;
}

static const char *argument(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_len, void **request)
{
    struct http *http = context;
    struct reply reply = {.status = MHD_HTTP_OK};
    const struct http_query query = {argument(connection, "tenant"), argument(connection, "hour"),
                                     argument(connection, "limit")};

    (void)version, (void)upload, (void)request;
    if (*upload_len > 0) {
        *upload_len = 0; /* nothing is read from anybody */
        return MHD_YES;
    }
    buffer_init(&reply.body);
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        say(&reply, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET");
    else if (!host_is_local(
                 MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST)))
        say(&reply, MHD_HTTP_FORBIDDEN, "ask by a loopback address or localhost");
    else
        route(http, path, &query, &reply);
    return send_reply(connection, &reply);
}

/* ---- starting and stopping ------------------------------------------------------------------ */

static enum err init_sync(struct http *http, struct err_detail *detail)
{
    pthread_condattr_t monotonic;

    if (pthread_mutex_init(&http->lock, NULL) != 0 || pthread_condattr_init(&monotonic) != 0)
        return err_set(detail, ERR_NOMEM, "http: no lock");
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    int failed = pthread_cond_init(&http->published, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return failed == 0 ? ERR_OK : err_set(detail, ERR_NOMEM, "http: no condition");
}

static enum err start_daemon(struct http *http, const struct sockaddr_storage *address,
                             const char *listen, struct err_detail *detail)
{
    unsigned flags = MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD;

    if (address->ss_family == AF_INET6)
        flags |= MHD_USE_IPv6;
    http->daemon = MHD_start_daemon(flags, 0, NULL, NULL, handle, http, MHD_OPTION_SOCK_ADDR,
                                    (const struct sockaddr *)address, MHD_OPTION_CONNECTION_LIMIT,
                                    (unsigned)HTTP_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
                                    (unsigned)HTTP_TIMEOUT_S, MHD_OPTION_THREAD_POOL_SIZE,
                                    (unsigned)HTTP_THREADS, MHD_OPTION_END);
    if (http->daemon == NULL)
        return err_set(detail, ERR_IO, "http.listen: %s cannot be listened to: %m", listen);
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_BIND_PORT);
    http->port = info != NULL ? info->port : 0;
    return ERR_OK;
}

enum err http_start(const char *listen, const struct tenant_map *tenants, struct http **http,
                    struct err_detail *detail)
{
    struct sockaddr_storage address;

    *http = NULL;
    if (strcmp(listen, "off") == 0)
        return ERR_OK;
    enum err e = parse_listen(listen, &address, detail);
    if (e != ERR_OK)
        return e;
    struct http *made = calloc(1, sizeof *made);
    if (made == NULL)
        return err_set(detail, ERR_NOMEM, "http: out of memory");
    made->tenants = tenants;
    made->beat_ms = clock_monotonic_ms();
    made->asked_ms = made->newest_ms = made->beat_ms - HTTP_ASKED_MS;
    e = init_sync(made, detail);
    if (e == ERR_OK)
        e = start_daemon(made, &address, listen, detail);
    if (e != ERR_OK) {
        free(made);
        return e;
    }
    log_info("http", "listening", field_string("address", listen), field_int("port", made->port));
    *http = made;
    return ERR_OK;
}

void http_stop(struct http *http)
{
    if (http == NULL)
        return;
    pthread_mutex_lock(&http->lock);
    http->stopping = true;
    pthread_cond_broadcast(&http->published);
    pthread_mutex_unlock(&http->lock);
    MHD_stop_daemon(http->daemon);
    http_snapshot_release(http->newest);
    pthread_cond_destroy(&http->published);
    pthread_mutex_destroy(&http->lock);
    free(http);
}

uint16_t http_port(const struct http *http)
{
    return http == NULL ? 0 : http->port;
}
