/*
 * Any bytes as inputs.json, manifest.json or a tenant's manifest.json: an error, or something whose
 * slices lie within the input.
 */
#include <stdlib.h>

#include "aggregator/rating/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM = 64 };

static void need_within(struct bytes slice, struct bytes whole)
{
    if (slice.len > 0 && (slice.ptr < whole.ptr || slice.ptr + slice.len > whole.ptr + whole.len))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct inputs_part parts[ROOM];
    static struct manifest_file files[ROOM];
    static struct manifest_tenant tenants[ROOM];
    const struct manifest_arena arena = {files, ROOM, tenants, ROOM};
    struct bytes json = bytes_of(data, size);
    struct inputs inputs;
    struct manifest manifest;
    struct tenant_manifest tenant;
    struct tenant_statement statement;

    if (inputs_read(json, parts, ROOM, &inputs) == ERR_OK && inputs.parts_n > ROOM)
        abort();
    if (manifest_read(json, &arena, &manifest) == ERR_OK) {
        for (size_t i = 0; i < manifest.tenants_n; i++)
            need_within(tenants[i].tenant, json);
    }
    if (tenant_manifest_read(json, &tenant, &statement) == ERR_OK) {
        struct merkle_hash leaf = merkle_leaf(tenant.statement);

        need_within(tenant.statement, json);
        need_within(statement.tenant, json);
        (void)merkle_check(&leaf, tenant.index, tenant.leaves_n, tenant.path, tenant.path_n,
                           &tenant.root);
    }
    return 0;
}
