/*
 * `enclave-producer parse FILE…`: the events that log files tell of, as JSON lines on stdout; what
 * was skipped, on stderr. Reads nothing but the files, needs neither configuration nor broker, and
 * gives the same output for the same files: times of observation are those of the lines.
 *
 * A directory stands for its nitro_enclaves.log and rotated files, the oldest (highest number)
 * first. The instance is instance.id if it is set, else the one that the first enclave ID names.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "producer/commands.h"
#include "producer/core/event_json.h"
#include "producer/core/line_split.h"
#include "producer/core/tracker.h"
#include "producer/edge/settings.h"

enum {
    PARSE_FILES_MAX = 4096,
    PARSE_PATH_MAX = 4096,
    PARSE_CHUNK_BYTES = 256 * 1024,
};

static const char log_name[] = "nitro_enclaves.log";
static const char unknown_instance[] = "i-0000000000000000"; /* as nitro-cli does */

struct parse_files {
    char *paths[PARSE_FILES_MAX];
    size_t n;
};

struct parse {
    struct log_parser parser;
    struct line_split split;
    struct tracker tracker;
    uint8_t chunk[PARSE_CHUNK_BYTES];
    struct event events[TRACKER_EVENTS_MAX];
    struct event_run running[TRACKER_LIVE_MAX];
    uint8_t json[EVENT_JSON_MAX];
    char instance_id[TRACKER_INSTANCE_ID_MAX];
    bool instance_is_known;
    bool output_failed;
};

/* Called per statement; false stops reading. */
typedef bool (*statement_fn)(struct parse *parse, const struct statement *statement);

/* ---- which files */

static enum err files_add(struct parse_files *files, const char *path, struct err_detail *detail)
{
    if (files->n == PARSE_FILES_MAX)
        return err_set(detail, ERR_LIMIT, "more than %d files", PARSE_FILES_MAX);
    files->paths[files->n] = strdup(path);
    if (files->paths[files->n] == NULL)
        return err_set(detail, ERR_NOMEM, "out of memory");
    files->n++;
    return ERR_OK;
}

static void files_fini(struct parse_files *files)
{
    for (size_t i = 0; i < files->n; i++)
        free(files->paths[i]);
}

/* nitro_enclaves.log → 0, nitro_enclaves.log.3 → 3, anything else → −1 */
static long rotation_of(const char *name)
{
    char *end;

    if (strncmp(name, log_name, sizeof log_name - 1) != 0)
        return -1;
    name += sizeof log_name - 1;
    if (*name == '\0')
        return 0;
    if (name[0] != '.' || name[1] < '1' || name[1] > '9' || strlen(name) > 9)
        return -1;
    long n = strtol(name + 1, &end, 10);
    return *end == '\0' ? n : -1;
}

static int newest_first(const void *a, const void *b)
{
    long x = *(const long *)a, y = *(const long *)b;

    return (x > y) - (x < y);
}

static enum err files_add_directory(struct parse_files *files, const char *path,
                                    struct err_detail *detail)
{
    long rotations[PARSE_FILES_MAX];
    char name[PARSE_PATH_MAX];
    size_t n = 0;
    enum err err = ERR_OK;

    DIR *d = opendir(path);
    if (d == NULL)
        return err_set(detail, ERR_IO, "%s: %s", path, strerror(errno));
    for (struct dirent *entry; (entry = readdir(d)) != NULL && n < PARSE_FILES_MAX;) {
        long rotation = rotation_of(entry->d_name);
        if (rotation >= 0)
            rotations[n++] = rotation;
    }
    closedir(d);
    if (n == 0)
        return err_set(detail, ERR_NOT_FOUND, "%s: holds no %s", path, log_name);
    qsort(rotations, n, sizeof *rotations, newest_first);
    while (err == ERR_OK && n-- > 0) {
        int len = rotations[n] == 0
                      ? snprintf(name, sizeof name, "%s/%s", path, log_name)
                      : snprintf(name, sizeof name, "%s/%s.%ld", path, log_name, rotations[n]);
        err = len < (int)sizeof name ? files_add(files, name, detail)
                                     : err_set(detail, ERR_LIMIT, "%s: path too long", path);
    }
    return err;
}

static enum err files_init(struct parse_files *files, const char *const *operands, size_t n,
                           struct err_detail *detail)
{
    enum err err = ERR_OK;
    struct stat st;

    files->n = 0;
    for (size_t i = 0; i < n && err == ERR_OK; i++) {
        if (strcmp(operands[i], "-") != 0 && stat(operands[i], &st) == 0 && S_ISDIR(st.st_mode))
            err = files_add_directory(files, operands[i], detail);
        else
            err = files_add(files, operands[i], detail);
    }
    return err;
}

/* ---- reading */

static bool read_line(struct parse *p, struct bytes line, bool cut, statement_fn take)
{
    struct statement statement;

    log_parser_line(&p->parser, line, cut, 0);
    while (log_parser_next(&p->parser, &statement))
        if (!take(p, &statement))
            return false;
    return true;
}

static enum err read_fd(struct parse *p, int fd, const char *path, statement_fn take,
                        struct err_detail *detail)
{
    struct bytes line;
    bool cut;

    line_split_init(&p->split);
    for (;;) {
        ssize_t n = read(fd, p->chunk, sizeof p->chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(detail, ERR_IO, "%s: %s", path, strerror(errno));
        if (n == 0)
            break;
        struct bytes chunk = bytes_of(p->chunk, (size_t)n);
        while (line_split_next(&p->split, &chunk, &line, &cut))
            if (!read_line(p, line, cut, take))
                return ERR_OK;
    }
    if (line_split_end(&p->split, &line, &cut))
        (void)read_line(p, line, cut, take);
    return ERR_OK;
}

static enum err read_file(struct parse *p, const char *path, statement_fn take,
                          struct err_detail *detail)
{
    if (strcmp(path, "-") == 0)
        return read_fd(p, STDIN_FILENO, "standard input", take, detail);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set(detail, ERR_IO, "%s: %s", path, strerror(errno));
    enum err err = read_fd(p, fd, path, take, detail);
    close(fd);
    return err;
}

/* ---- what is done with statements */

static bool take_instance(struct parse *p, const struct statement *statement)
{
    struct bytes id = statement->enclave_id;
    const uint8_t *enc = id.len == 0 ? NULL : memmem(id.ptr, id.len, "-enc", 4);

    if (statement->kind != STATEMENT_ENCLAVE_ID || enc == NULL)
        return true;
    snprintf(p->instance_id, sizeof p->instance_id, "%.*s", (int)(enc - id.ptr),
             (const char *)id.ptr);
    p->instance_is_known = true;
    return false;
}

static bool take_events(struct parse *p, const struct statement *statement)
{
    struct tracker_out out = {.events = p->events,
                              .events_cap = TRACKER_EVENTS_MAX,
                              .running = p->running,
                              .running_cap = TRACKER_LIVE_MAX};
    size_t len;

    if (tracker_step(&p->tracker, statement, &out) != ERR_OK)
        return true; /* not with the largest `out`, and only host facts have a limit */
    for (size_t i = 0; i < out.events_n && !p->output_failed; i++)
        p->output_failed =
            event_json_write(&out.events[i], p->json, sizeof p->json, &len) != ERR_OK ||
            fwrite(p->json, 1, len, stdout) != len;
    return !p->output_failed;
}

/* Configured, or found in the files. Standard input can be read only once. */
static void find_instance(struct parse *p, const struct producer_settings *settings,
                          const struct parse_files *files)
{
    snprintf(p->instance_id, sizeof p->instance_id, "%s", unknown_instance);
    if (settings->instance_id[0] != '\0') {
        snprintf(p->instance_id, sizeof p->instance_id, "%s", settings->instance_id);
        return;
    }
    for (size_t i = 0; i < files->n && !p->instance_is_known; i++)
        if (strcmp(files->paths[i], "-") != 0 &&
            read_file(p, files->paths[i], take_instance, NULL) != ERR_OK)
            return; /* said when it is read for its events */
}

static void print_stats(const struct parse *p)
{
    const struct tracker_counters *c = &p->tracker.counters;

    for (int i = 0; i < LOG_STAT_N; i++)
        if (p->parser.stats.n[i] > 0)
            fprintf(stderr, "%8" PRIu64 "  %s\n", p->parser.stats.n[i],
                    log_stat_help((enum log_stat)i));
    fprintf(stderr, "%8" PRIu64 "  events\n", c->events);
    if (c->unmatched > 0)
        fprintf(stderr, "%8" PRIu64 "  statements about no run that is known\n", c->unmatched);
    if (c->contradictions > 0)
        fprintf(stderr, "%8" PRIu64 "  statements against what was known: ignored\n",
                c->contradictions);
    if (c->runs_dropped > 0)
        fprintf(stderr, "%8" PRIu64 "  runs dropped: more than %d at once\n", c->runs_dropped,
                TRACKER_LIVE_MAX);
    fprintf(stderr, "%8zu  runs without an end\n", tracker_live_n(&p->tracker));
}

static enum err parse_files(struct parse *p, const struct producer_settings *settings,
                            const struct parse_files *files, struct err_detail *detail)
{
    struct tracker_options options = tracker_standard_options();

    log_parser_init(&p->parser);
    find_instance(p, settings, files);
    options.instance_id = bytes_of_string(p->instance_id);
    options.backfill = true;
    enum err err = tracker_init(&p->tracker, &options, detail);
    log_parser_init(&p->parser);
    for (size_t i = 0; i < files->n && err == ERR_OK && !p->output_failed; i++)
        err = read_file(p, files->paths[i], take_events, detail);
    if (fflush(stdout) != 0 || p->output_failed)
        return err_set(detail, ERR_IO, "standard output: %s", strerror(errno));
    print_stats(p);
    return err;
}

int command_parse(const struct cli *cli)
{
    const struct producer_settings *settings = cli->config->target;
    struct err_detail detail = {{0}};
    static struct parse_files files;

    struct parse *p = calloc(1, sizeof *p);
    enum err err = p == NULL ? err_set(&detail, ERR_NOMEM, "out of memory")
                             : files_init(&files, cli->operands, cli->operands_n, &detail);
    if (err == ERR_OK)
        err = parse_files(p, settings, &files, &detail);
    files_fini(&files);
    free(p);
    return err == ERR_OK ? CLI_OK : cli_fail(cli, err, &detail);
}
