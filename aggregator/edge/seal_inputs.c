/*
 * Reading inputs.json, and hashes of objects; see seal_build.h.
 */
#include <stdlib.h>

#include "aggregator/edge/seal_build.h"

struct sha256 seal_hash(struct bytes content)
{
    struct sha256 hash;

    sha256_of(content, hash.bytes);
    return hash;
}

enum err seal_hash_object(struct store *store, const char *name, struct sha256 *hash,
                          struct err_detail *detail)
{
    uint8_t *content;
    size_t len;
    enum err e = store_read(store, name, &content, &len, detail);

    if (e != ERR_OK)
        return e;
    *hash = seal_hash(bytes_of(content, len));
    free(content);
    return ERR_OK;
}

void seal_previous_name(char name[ROLLUP_NAME_MAX], int64_t hour, uint32_t revision)
{
    if (revision == 1)
        rollup_object_name(name, hour - HOUR_MS, 1, "manifest.json");
    else
        rollup_object_name(name, hour, revision - 1, "manifest.json");
}

static enum err parse(struct bytes content, const char *name, int64_t hour, uint32_t revision,
                      struct seal_inputs *inputs, struct err_detail *detail)
{
    enum err e = inputs_read(content, NULL, 0, &inputs->inputs);

    if (e == ERR_OK) {
        uint32_t n = inputs->inputs.parts_n;

        inputs->parts = calloc(n, sizeof *inputs->parts);
        if (inputs->parts == NULL)
            return err_set(detail, ERR_NOMEM, "no memory for %s", name);
        e = inputs_read(content, inputs->parts, n, &inputs->inputs);
    }
    if (e == ERR_UNSUPPORTED)
        return err_set(detail, e, "%s is of a format that this version does not know", name);
    if (e != ERR_OK || inputs->inputs.hour != hour || inputs->inputs.revision != revision)
        return err_set(detail, ERR_INCIDENT, "%s is damaged: %s", name,
                       e != ERR_OK ? err_text(e) : "it is about another hour or revision");
    inputs->sha256 = seal_hash(content);
    inputs->bytes = content.len;
    return ERR_OK;
}

enum err seal_inputs_read(struct store *store, int64_t hour, uint32_t revision,
                          struct seal_inputs *inputs, struct err_detail *detail)
{
    char name[ROLLUP_NAME_MAX];
    uint8_t *content;
    size_t len;
    enum err e;

    *inputs = (struct seal_inputs){0};
    rollup_object_name(name, hour, revision, "inputs.json");
    e = store_read(store, name, &content, &len, detail);
    if (e != ERR_OK)
        return e;
    e = parse(bytes_of(content, len), name, hour, revision, inputs, detail);
    free(content);
    if (e != ERR_OK)
        seal_inputs_fini(inputs);
    return e;
}

void seal_inputs_fini(struct seal_inputs *inputs)
{
    free(inputs->parts);
    *inputs = (struct seal_inputs){0};
}
