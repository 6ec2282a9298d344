/*
 * enclave-aggregator check: is everything as it must be? Says what is not, and what repairs it.
 *
 * Writes nothing and joins no group.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "aggregator/commands.h"
#include "aggregator/preflight.h"
#include "common/clock.h"
#include "common/time_text.h"

static void say_finding(const struct topic_finding *f)
{
    printf("%s  %s\n", f->waived ? "waived" : "FAILED", f->text);
    if (!f->waived)
        printf("        repair: %s\n", f->command);
}

static enum err check_topic(struct preflight *p, size_t *failed_n, struct err_detail *detail)
{
    enum err e = preflight_topic(p, detail);

    if (e != ERR_OK)
        return e;
    printf("ok      topic %s: %" PRId32 " partitions, cluster %s\n", p->config->topic,
           p->facts.partitions_n, p->facts.cluster_id);
    for (size_t i = 0; i < p->findings_n; i++)
        say_finding(&p->findings[i]);
    if (p->findings_n == 0)
        printf("ok      settings of the topic\n");
    *failed_n += preflight_open_findings(p);
    return ERR_OK;
}

/* Compares with eras.json, if there is one; a sink that is new stays so. */
static enum err check_era(struct preflight *p, struct era *era, struct err_detail *detail)
{
    char hour[TIME_TEXT_SIZE];
    struct era wanted = preflight_wanted_era(p, clock_wall_ms());
    enum err e = eras_read(p->store, era, detail);

    if (e == ERR_NOT_FOUND) {
        *era = wanted;
        printf("ok      sink %s is new; its era will begin at %s\n", p->config->sink,
               time_text_format(era->first_hour, hour));
        return ERR_OK;
    }
    if (e == ERR_OK)
        e = eras_ensure(p->store, &wanted, era, detail);
    if (e == ERR_OK)
        printf("ok      sink %s, era %" PRIu32 " since %s\n", p->config->sink, era->era,
               time_text_format(era->first_hour, hour));
    return e;
}

static enum err check_all(struct preflight *p, size_t *failed_n, struct err_detail *detail)
{
    struct era era;

    printf("ok      tenant map %s\n",
           p->book != NULL ? p->config->tenants : "not configured: all usage is unattributed");
    enum err e = check_topic(p, failed_n, detail);
    if (e == ERR_OK)
        e = check_era(p, &era, detail);
    if (e == ERR_OK)
        e = preflight_partitions(p, &era, detail);
    if (e == ERR_OK)
        printf("ok      checkpoints and log agree in %" PRId32 " partitions\n", era.partitions_n);
    return e;
}

int command_check(const struct cli *cli)
{
    const struct aggregator_config *config = cli->config->target;
    struct preflight p;
    struct err_detail detail = {.text = ""};
    size_t failed_n = 0;

    if (cli_has(cli, "explain"))
        return check_explain(cli);
    enum err e = preflight_open(config, &p, &detail);
    if (e == ERR_OK)
        e = check_all(&p, &failed_n, &detail);
    preflight_close(&p);
    if (e != ERR_OK) {
        printf("FAILED  %s\n", detail.text);
        fflush(stdout);
        return e == ERR_CONFIG || e == ERR_USAGE ? CLI_USAGE : CLI_FAILED;
    }
    return failed_n == 0 ? CLI_OK : CLI_FAILED;
}
