/*
 * The fold of a part's revisions; see the header.
 */
#include "aggregator/rating/fold.h"

#include "aggregator/rating/part_codec.h"
#include "aggregator/rating/sort.h"

size_t fold_bound(const struct part *const *revisions, uint32_t revisions_n)
{
    size_t n = 0;

    for (uint32_t i = 0; i < revisions_n; i++)
        n += revisions[i]->lines_n;
    return n;
}

static int fold_line_compare(const void *a, const void *b)
{
    const struct fold_line *x = a, *y = b;
    int c = usage_line_compare(x->line, y->line);

    if (c != 0)
        return c;
    return x->revision < y->revision ? -1 : x->revision > y->revision;
}

static enum err check_revisions(const struct part *const *revisions, uint32_t n,
                                struct err_detail *detail)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct part *p = revisions[i], *first = revisions[0];

        if (p->era != first->era || p->partition != first->partition || p->hour != first->hour)
            return err_set(detail, ERR_MALFORMED,
                           "revisions of different eras, partitions or hours cannot be folded");
        if (p->revision != i + 1)
            return err_set(detail, ERR_MALFORMED,
                           "era %u partition %d: revision %u stands where revision %u belongs",
                           p->era, p->partition, p->revision, i + 1);
    }
    return ERR_OK;
}

/* Of lines about one run, keeps those of the newest revision (one, unless ids that were not UTF-8
 * have become equal: then all of them, so that nobody's usage is lost). `to` is at or before
 * `lines`. */
static size_t keep_newest(const struct fold_line *lines, size_t n, struct fold_line *to)
{
    uint32_t newest = lines[n - 1].revision;
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        if (lines[i].revision == newest && (lines[i].line->flags & LINE_REMOVED) == 0)
            to[kept++] = lines[i];
    }
    return kept;
}

enum err fold_revisions(const struct part *const *revisions, uint32_t revisions_n,
                        struct fold_line *out, size_t cap, size_t *out_n, struct err_detail *detail)
{
    enum err e = check_revisions(revisions, revisions_n, detail);
    size_t n = 0, kept = 0;

    if (e != ERR_OK)
        return e;
    if (fold_bound(revisions, revisions_n) > cap)
        return err_set(detail, ERR_CAPACITY, "the fold needs room for %zu lines",
                       fold_bound(revisions, revisions_n));
    for (uint32_t i = 0; i < revisions_n; i++) {
        for (uint32_t j = 0; j < revisions[i]->lines_n; j++)
            out[n++] = (struct fold_line){&revisions[i]->lines[j], revisions[i]->revision};
    }
    sort_items(out, n, sizeof *out, fold_line_compare);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && usage_line_compare(out[i].line, out[end].line) == 0;)
            end++;
        kept += keep_newest(out + i, end - i, out + kept);
    }
    *out_n = kept;
    return ERR_OK;
}

void usage_totals_add(struct usage_totals *totals, const struct usage_line *line)
{
    totals->held_ms += line->held_ms;
    totals->running_ms += line->running_ms;
    totals->vcpu_ms += line->vcpu_ms;
    totals->mib_ms += line->mib_ms;
}

enum err usage_total_narrow(__int128 total, int64_t *value)
{
    if (total > INT64_MAX || total < INT64_MIN)
        return ERR_LIMIT;
    *value = (int64_t)total;
    return ERR_OK;
}
