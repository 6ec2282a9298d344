/*
 * Judging a topic's settings. Pure but for the text of its answers; topic_check_describe.c asks the
 * broker.
 */
#include "aggregator/edge/topic_check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/nearest.h"
#include "common/time_text.h"

static const struct rule {
    const char *word, *property;
    bool waivable;
} rules[TOPIC_RULES_N] = {
#define X(symbol, word, property, waivable) {word, property, waivable},
    TOPIC_RULE_TABLE(X)
#undef X
};

#define BIT(rule) (1u << TOPIC_RULE_##rule)

enum err topic_waiver(const char *word, uint32_t *bits, struct err_detail *detail)
{
    struct nearest nearest;

    nearest_init(&nearest, word);
    for (unsigned i = 0; i < TOPIC_RULES_N; i++) {
        if (strcmp(rules[i].word, word) != 0) {
            if (rules[i].waivable)
                nearest_offer(&nearest, rules[i].word);
            continue;
        }
        if (!rules[i].waivable)
            return err_set(detail, ERR_CONFIG,
                           "\"%s\" cannot be waived: without %s bills are wrong", word,
                           rules[i].property);
        *bits = i == TOPIC_RULE_REPLICATION ? BIT(REPLICATION) | BIT(MIN_INSYNC) | BIT(UNCLEAN)
                                            : 1u << i;
        return ERR_OK;
    }
    const char *best = nearest_best(&nearest);
    return err_set(detail, ERR_CONFIG, "\"%s\" is nothing that can be waived%s%s%s", word,
                   best != NULL ? "; did you mean \"" : "", best != NULL ? best : "",
                   best != NULL ? "\"?" : "");
}

/* ---- findings ------------------------------------------------------------------------------- */

struct judge {
    const struct topic_facts *facts;
    const struct topic_demands *demands;
    struct topic_finding *findings;
    size_t n;
};

static void find(struct judge *j, enum topic_rule rule, const char *wanted, const char *why)
{
    struct topic_finding *f = &j->findings[j->n++];
    const struct topic_demands *d = j->demands;

    f->rule = rule;
    f->waived = (d->waived & (1u << rule)) != 0;
    snprintf(f->text, sizeof f->text, "%s: %s is %s, must be %s: %s", d->topic,
             rules[rule].property, j->facts->values[rule], wanted, why);
    snprintf(f->command, sizeof f->command,
             "kafka-configs.sh --bootstrap-server %s --alter --entity-type topics --entity-name %s"
             " --add-config %s=%s",
             d->bootstrap, d->topic, rules[rule].property, wanted);
}

static void judge_text(struct judge *j, enum topic_rule rule, const char *wanted, const char *why)
{
    if (strcmp(j->facts->values[rule], wanted) != 0)
        find(j, rule, wanted, why);
}

/* False if a value is no number, which no broker says. */
static bool number_of(const struct judge *j, enum topic_rule rule, int64_t *number)
{
    const char *text = j->facts->values[rule];
    char *end;

    errno = 0;
    *number = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0';
}

static void judge_retention(struct judge *j)
{
    int64_t kept_ms;
    char wanted[32], why[256], duration[DURATION_TEXT_SIZE];

    if (number_of(j, TOPIC_RULE_RETENTION, &kept_ms) &&
        (kept_ms == -1 || kept_ms >= j->demands->retention_ms_min))
        return;
    snprintf(wanted, sizeof wanted, "%" PRId64, j->demands->retention_ms_min);
    snprintf(why, sizeof why, "records must outlast an outage of the aggregator (at least %s)",
             duration_format(j->demands->retention_ms_min, duration));
    find(j, TOPIC_RULE_RETENTION, wanted, why);
}

static void judge_replication(struct judge *j)
{
    const struct topic_demands *d = j->demands;
    struct topic_finding *f;

    if (j->facts->replicas_min >= 2)
        return;
    f = &j->findings[j->n++];
    f->rule = TOPIC_RULE_REPLICATION;
    f->waived = (d->waived & BIT(REPLICATION)) != 0;
    snprintf(f->text, sizeof f->text,
             "%s: a partition has %" PRId32 " replica, must have at least 2 (better 3): with that"
             " broker's disk the record of what was used is gone",
             d->topic, j->facts->replicas_min);
    snprintf(f->command, sizeof f->command,
             "kafka-reassign-partitions.sh --bootstrap-server %s --reassignment-json-file FILE"
             " --execute   (FILE: 3 replicas for every partition of %s)",
             d->bootstrap, d->topic);
}

static void judge_min_insync(struct judge *j)
{
    int64_t n;

    if (!number_of(j, TOPIC_RULE_MIN_INSYNC, &n) || n < 2)
        find(j, TOPIC_RULE_MIN_INSYNC, "2",
             "else a record counts as written when one broker has it");
}

size_t topic_judge(const struct topic_facts *facts, const struct topic_demands *demands,
                   struct topic_finding findings[TOPIC_RULES_N])
{
    struct judge j = {facts, demands, findings, 0};

    judge_text(&j, TOPIC_RULE_TIMESTAMP, "LogAppendTime",
               "hours are closed by the time at which the broker stamped a record");
    judge_text(&j, TOPIC_RULE_CLEANUP, "delete", "compaction removes records that are billed from");
    judge_retention(&j);
    judge_text(&j, TOPIC_RULE_RETENTION_BYTES, "-1",
               "a limit by size deletes records early when there are many");
    judge_replication(&j);
    judge_min_insync(&j);
    judge_text(&j, TOPIC_RULE_UNCLEAN, "false",
               "an unclean election loses records that were acknowledged");
    return j.n;
}
