/*
 * `enclave-producer check`: everything that must be right before `run` can work, a line each, with
 * what to do about it. Changes nothing but a probe file in the journal's directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/cli.h"
#include "common/kafka_conf.h"
#include "producer/commands.h"
#include "producer/edge/host.h"
#include "producer/edge/settings.h"
#include "producer/edge/topic_check.h"

enum { CHECK_TIMEOUT_MS = 10000, CHECK_PATH_MAX = 4096 + 32 };

/* Prints a line; returns `ok`. */
__attribute__((format(printf, 3, 4))) static bool line(bool ok, const char *subject,
                                                       const char *format, ...)
{
    va_list args;

    printf("%-4s  %-8s  ", ok ? "OK" : "FAIL", subject);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    return ok;
}

static bool check_host(const struct producer_settings *settings)
{
    struct err_detail detail = {{0}};
    static struct host host;

    if (host_init(&host, settings, &detail) != ERR_OK)
        return line(false, "host", "%s", detail.text);
    return line(true, "host", "instance %s", host.instance_id);
}

static bool check_log(const struct producer_settings *settings)
{
    char directory[CHECK_PATH_MAX];
    struct stat st;

    snprintf(directory, sizeof directory, "%s", settings->log_path);
    char *slash = strrchr(directory, '/');
    if (slash == NULL)
        snprintf(directory, sizeof directory, ".");
    else
        slash[slash == directory] = '\0';
    if (access(directory, R_OK | X_OK) != 0)
        return line(false, "log",
                    "directory %s: %s; install aws-nitro-enclaves-cli, or set log.path, "
                    "or let this user read it",
                    directory, strerror(errno));
    if (stat(settings->log_path, &st) != 0 && errno == ENOENT)
        return line(true, "log", "%s does not exist yet; it is waited for", settings->log_path);
    if (access(settings->log_path, R_OK) != 0)
        return line(false, "log", "%s: %s; let this user read it (group ne)", settings->log_path,
                    strerror(errno));
    return line(true, "log", "%s is readable", settings->log_path);
}

/* Bytes that the journal has on the disk already count as free for it. */
static bool check_journal_space(const struct producer_settings *settings, uint64_t used)
{
    struct statvfs fs;

    if (statvfs(settings->journal_dir, &fs) != 0)
        return line(false, "journal", "%s: %s", settings->journal_dir, strerror(errno));
    uint64_t available = (uint64_t)fs.f_bavail * fs.f_frsize + used;
    if (available < (uint64_t)settings->journal_max_bytes)
        return line(false, "journal",
                    "%s has room for %" PRIu64 " bytes, journal.max_bytes is %" PRId64
                    "; make room or lower it",
                    settings->journal_dir, available, settings->journal_max_bytes);
    return line(true, "journal", "room for journal.max_bytes=%" PRId64,
                settings->journal_max_bytes);
}

static bool check_journal(const struct producer_settings *settings)
{
    struct journal_options options = producer_journal_options(settings);
    struct journal *journal;
    struct err_detail detail = {{0}};
    struct journal_state state = {0};
    char probe[CHECK_PATH_MAX];

    if (mkdir(settings->journal_dir, 0700) == 0) {
        rmdir(settings->journal_dir);
        return line(true, "journal", "%s does not exist yet; run makes it", settings->journal_dir);
    }
    snprintf(probe, sizeof probe, "%s/check-probe", settings->journal_dir);
    int fd = open(probe, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return line(false, "journal", "%s: %s; create it, owned by this user (mode 0700)",
                    settings->journal_dir, strerror(errno));
    close(fd);
    unlink(probe);
    options.read_only = true;
    enum err err = journal_open(&options, &journal, &detail);
    if (err == ERR_OK) {
        journal_get_state(journal, &state);
        journal_close(journal);
        line(true, "journal", "%s is writable and sound, %" PRIu64 " events wait",
             settings->journal_dir, state.last_index - state.acked);
    } else if (err == ERR_NOT_FOUND)
        line(true, "journal", "%s is writable and empty", settings->journal_dir);
    else
        return line(false, "journal", "%s", detail.text);
    return check_journal_space(settings, state.bytes);
}

static bool check_kafka(const struct producer_settings *settings)
{
    struct kafka_conf_request request = {.role = KAFKA_ADMIN, .properties = &settings->kafka};
    struct err_detail detail = {{0}};
    static struct topic_check check;
    rd_kafka_conf_t *conf;
    char text[512];

    if (kafka_conf_build(&request, &conf, &detail) != ERR_OK)
        return line(false, "broker", "%s", detail.text);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (client == NULL) {
        rd_kafka_conf_destroy(conf);
        return line(false, "broker", "%s", text);
    }
    struct topic_check_options options = {.client = client,
                                          .topic = settings->topic,
                                          .waive = settings->check_waive.items,
                                          .waive_n = settings->check_waive.n,
                                          .timeout_ms = CHECK_TIMEOUT_MS};
    bool ok = topic_check_run(&options, &check);
    for (size_t i = 0; i < check.n; i++)
        line(check.lines[i].ok, check.lines[i].subject, "%s", check.lines[i].text);
    rd_kafka_destroy(client);
    return ok;
}

int command_check(const struct cli *cli)
{
    const struct producer_settings *settings = cli->config->target;
    bool ok = line(true, "config", "valid"); /* cli_main has refused it otherwise */

    ok = check_host(settings) && ok;
    ok = check_log(settings) && ok;
    ok = check_journal(settings) && ok;
    ok = check_kafka(settings) && ok;
    return ok ? CLI_OK : CLI_FAILED;
}
