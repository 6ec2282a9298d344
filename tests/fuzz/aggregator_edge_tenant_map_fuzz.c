/*
 * Any bytes as a tenant map: an error that says something, or rules that are all valid.
 */
#include <stdlib.h>

#include "aggregator/edge/books.h"
#include "aggregator/rating/glob.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tenant_book *book;
    struct err_detail detail = {""};

    if (books_tenants_parse(bytes_of(data, size), "fuzz", &book, &detail) != ERR_OK) {
        if (detail.text[0] == '\0')
            abort();
        return 0;
    }
    for (uint32_t i = 0; i < book->map.rules_n; i++) {
        const struct tenant_rule *rule = &book->map.rules[i];

        if (!tenant_id_valid(rule->tenant) || rule->from >= rule->to)
            abort();
        if ((rule->by == TENANT_BY_NAME || rule->by == TENANT_BY_EIF_PATH) &&
            glob_check(rule->value, NULL) != ERR_OK)
            abort();
    }
    books_tenants_free(book);
    return 0;
}
