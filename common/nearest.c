/*
 * Damerau-Levenshtein distance (optimal string alignment) over short names.
 */
#include "common/nearest.h"

#include <stdint.h>
#include <string.h>

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t nearest_distance(const char *a, const char *b)
{
    /* Three rows of the table: row i holds the distances of a[0…i) to every b[0…j). */
    size_t rows[3][NEAREST_NAME_MAX + 1];
    size_t *before = rows[0];
    size_t *above = rows[1];
    size_t *row = rows[2];
    size_t a_len = strlen(a);
    size_t b_len = strlen(b);

    if (a_len > NEAREST_NAME_MAX || b_len > NEAREST_NAME_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= b_len; j++)
        above[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t substituted = above[j - 1] + (a[i - 1] != b[j - 1]);

            row[j] = least_of(substituted, least_of(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least_of(row[j], before[j - 2] + 1);
        }
        size_t *reused = before;
        before = above;
        above = row;
        row = reused;
    }
    return above[b_len];
}

void nearest_init(struct nearest *nearest, const char *wanted)
{
    *nearest = (struct nearest){.wanted = wanted, .distance = SIZE_MAX};
}

void nearest_offer(struct nearest *nearest, const char *name)
{
    size_t wanted_len = strlen(nearest->wanted);
    size_t name_len = strlen(name);
    size_t longer = wanted_len > name_len ? wanted_len : name_len;
    size_t distance = nearest_distance(nearest->wanted, name);

    if (distance > (longer + 2) / 3 || distance >= nearest->distance)
        return;
    nearest->distance = distance;
    memcpy(nearest->best, name, name_len + 1);
}

const char *nearest_best(const struct nearest *nearest)
{
    return nearest->best[0] != '\0' ? nearest->best : NULL;
}
