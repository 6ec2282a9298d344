/*
 * Tenant map files; see the header. The YAML is read strictly: what is not understood is an error
 * with its line, because a rule that is silently ignored is a tenant that is not billed.
 */
#include "aggregator/edge/books.h"

#include <stdlib.h>
#include <yaml.h>

#include "aggregator/rating/glob.h"
#include "common/hex.h"
#include "common/nearest.h"
#include "common/sha256.h"
#include "common/time_text.h"

enum { PCR_BYTES = 48 };

/* A piece of text that rules point to. */
struct kept {
    struct kept *next;
    uint8_t bytes[];
};

/* The public struct with the memory it points into. */
struct book_memory {
    struct tenant_book book;
    struct tenant_rule *rules;
    uint32_t rules_cap;
    struct kept *kept;
    uint8_t *content;
};

/* A book under construction, and from where. */
struct reading {
    yaml_document_t document;
    const char *origin;
    struct book_memory *memory;
    struct err_detail *detail;
};

static enum err complain(const struct reading *r, const yaml_node_t *node, const char *subject,
                         const char *what)
{
    return err_set(r->detail, ERR_CONFIG, "%s:%zu: %s %s", r->origin, node->start_mark.line + 1,
                   subject, what);
}

static const yaml_node_t *node_at(struct reading *r, int index)
{
    return yaml_document_get_node(&r->document, index);
}

static const char *text_of(const yaml_node_t *scalar)
{
    return (const char *)scalar->data.scalar.value;
}

static struct bytes bytes_of_scalar(const yaml_node_t *scalar)
{
    return bytes_of(scalar->data.scalar.value, scalar->data.scalar.length);
}

/* Copies into memory of the book. ERR_NOMEM. */
static enum err keep(struct reading *r, struct bytes text, struct bytes *copy)
{
    struct kept *kept = malloc(sizeof *kept + text.len);

    if (kept == NULL)
        return err_set(r->detail, ERR_NOMEM, "no memory for %s", r->origin);
    kept->next = r->memory->kept;
    r->memory->kept = kept;
    memcpy(kept->bytes, text.ptr, text.len);
    *copy = bytes_of(kept->bytes, text.len);
    return ERR_OK;
}

/* ERR_CONFIG unless `node` is a text of 1 … EVENT_STRING_MAX bytes without NUL. */
static enum err need_text(const struct reading *r, const yaml_node_t *node, const char *subject)
{
    if (node->type != YAML_SCALAR_NODE)
        return complain(r, node, subject, "must be a text");
    if (node->data.scalar.length == 0)
        return complain(r, node, subject, "must not be empty");
    if (node->data.scalar.length > EVENT_STRING_MAX)
        return complain(r, node, subject, "is too long");
    if (memchr(node->data.scalar.value, 0, node->data.scalar.length) != NULL)
        return complain(r, node, subject, "must not contain a NUL");
    return ERR_OK;
}

static enum err need_mapping(const struct reading *r, const yaml_node_t *node, const char *subject)
{
    return node->type == YAML_MAPPING_NODE ? ERR_OK
                                           : complain(r, node, subject, "must be a mapping");
}

/* The position of `key` in `names`; ERR_CONFIG with the nearest name otherwise. `seen` is a bit set
 * of the keys that this mapping has had. */
static enum err find_key(const struct reading *r, const yaml_node_t *key, const char *const *names,
                         size_t names_n, uint32_t *seen, size_t *at)
{
    enum err e = need_text(r, key, "a key");
    struct nearest nearest;

    if (e != ERR_OK)
        return e;
    nearest_init(&nearest, text_of(key));
    for (size_t i = 0; i < names_n; i++) {
        nearest_offer(&nearest, names[i]);
        if (strcmp(text_of(key), names[i]) == 0) {
            *at = i;
            if ((*seen & 1u << i) != 0)
                return complain(r, key, names[i], "is given twice");
            *seen |= 1u << i;
            return ERR_OK;
        }
    }
    const char *best = nearest_best(&nearest);

    return err_set(r->detail, ERR_CONFIG, "%s:%zu: unknown key '%.100s'%s%s%s", r->origin,
                   key->start_mark.line + 1, text_of(key), best != NULL ? "; did you mean '" : "",
                   best != NULL ? best : "", best != NULL ? "'?" : "");
}

/* ---- one rule ---- */

static enum err read_tenant(struct reading *r, const yaml_node_t *node, struct tenant_rule *rule)
{
    enum err e = need_text(r, node, "tenant");

    if (e != ERR_OK)
        return e;
    if (bytes_equal(bytes_of_scalar(node), BYTES_LITERAL(TENANT_UNATTRIBUTED)))
        return complain(r, node, "tenant '" TENANT_UNATTRIBUTED "'",
                        "is reserved for what nobody claims");
    if (!tenant_id_valid(bytes_of_scalar(node)))
        return complain(r, node, "tenant", "must be 1 to 63 of a-z, 0-9 and '-'");
    return keep(r, bytes_of_scalar(node), &rule->tenant);
}

static enum err read_hour(const struct reading *r, const yaml_node_t *node, const char *subject,
                          int64_t *hour)
{
    enum err e = need_text(r, node, subject);

    if (e != ERR_OK)
        return e;
    if (time_text_parse_loose(bytes_of_scalar(node), hour) != ERR_OK || *hour % HOUR_MS != 0)
        return complain(r, node, subject, "must be a whole hour in UTC, such as 2026-11-01T00:00Z");
    return ERR_OK;
}

static enum err read_pcr(struct reading *r, const yaml_node_t *node, const char *subject,
                         struct tenant_rule *rule)
{
    uint8_t raw[PCR_BYTES];
    enum err e = need_text(r, node, subject);

    if (e != ERR_OK)
        return e;
    if (hex_parse(bytes_of_scalar(node), raw, sizeof raw) != ERR_OK)
        return complain(r, node, subject, "must be 96 hexadecimal digits (48 bytes)");
    return keep(r, bytes_of(raw, sizeof raw), &rule->value);
}

/* {key: value}, one pair. */
static enum err read_pair(struct reading *r, const yaml_node_t *node, const char *subject,
                          struct tenant_rule *rule)
{
    enum err e = need_mapping(r, node, subject);

    if (e != ERR_OK)
        return e;
    if (node->data.mapping.pairs.top - node->data.mapping.pairs.start != 1)
        return complain(r, node, subject, "must be one pair, {key: value}");
    const yaml_node_t *key = node_at(r, node->data.mapping.pairs.start->key);
    const yaml_node_t *value = node_at(r, node->data.mapping.pairs.start->value);

    e = need_text(r, key, subject);
    if (e == ERR_OK)
        e = need_text(r, value, subject);
    if (e == ERR_OK)
        e = keep(r, bytes_of_scalar(key), &rule->key);
    if (e == ERR_OK)
        e = keep(r, bytes_of_scalar(value), &rule->value);
    return e;
}

static enum err read_glob(struct reading *r, const yaml_node_t *node, const char *subject,
                          struct tenant_rule *rule)
{
    struct err_detail why = {""};
    enum err e = need_text(r, node, subject);

    if (e != ERR_OK)
        return e;
    if (glob_check(bytes_of_scalar(node), &why) != ERR_OK)
        return err_set(r->detail, ERR_CONFIG, "%s:%zu: %s: %s", r->origin,
                       node->start_mark.line + 1, subject, why.text);
    return keep(r, bytes_of_scalar(node), &rule->value);
}

static enum err read_match(struct reading *r, const yaml_node_t *node, struct tenant_rule *rule)
{
    static const char *const names[TENANT_EVIDENCE_N] = {
#define X(symbol, name) name,
        TENANT_EVIDENCE_TABLE(X)
#undef X
    };
    uint32_t seen = 0;
    size_t at = 0;
    enum err e = need_mapping(r, node, "match");

    if (e != ERR_OK)
        return e;
    if (node->data.mapping.pairs.top - node->data.mapping.pairs.start != 1)
        return complain(r, node, "match",
                        "must have exactly one key; write one entry per kind of evidence");
    const yaml_node_t *value = node_at(r, node->data.mapping.pairs.start->value);

    e = find_key(r, node_at(r, node->data.mapping.pairs.start->key), names, TENANT_EVIDENCE_N,
                 &seen, &at);
    if (e != ERR_OK)
        return e;
    rule->by = (enum tenant_evidence)at;
    switch (rule->by) {
    case TENANT_BY_PCR8:
    case TENANT_BY_PCR0: return read_pcr(r, value, names[at], rule);
    case TENANT_BY_METADATA:
    case TENANT_BY_INSTANCE_TAG: return read_pair(r, value, names[at], rule);
    case TENANT_BY_EIF_PATH:
    case TENANT_BY_NAME: return read_glob(r, value, names[at], rule);
    case TENANT_EVIDENCE_N: break;
    }
    return ERR_OK;
}

static enum err add_rule(struct reading *r, const struct tenant_rule *rule)
{
    struct book_memory *m = r->memory;

    if (m->book.map.rules_n == TENANT_RULES_MAX)
        return err_set(r->detail, ERR_CONFIG, "%s: more than %d entries", r->origin,
                       TENANT_RULES_MAX);
    if (m->book.map.rules_n == m->rules_cap) {
        uint32_t cap = m->rules_cap == 0 ? 16 : m->rules_cap * 2;
        struct tenant_rule *grown = reallocarray(m->rules, cap, sizeof *grown);

        if (grown == NULL)
            return err_set(r->detail, ERR_NOMEM, "no memory for %s", r->origin);
        m->rules = grown;
        m->rules_cap = cap;
    }
    m->rules[m->book.map.rules_n++] = *rule;
    m->book.map.rules = m->rules;
    return ERR_OK;
}

static enum err read_rule(struct reading *r, const yaml_node_t *node)
{
    enum { TENANT, FROM, TO, MATCH, KEYS_N };
    static const char *const names[KEYS_N] = {"tenant", "from", "to", "match"};
    struct tenant_rule rule = {.from = INT64_MIN, .to = INT64_MAX};
    uint32_t seen = 0;
    enum err e = need_mapping(r, node, "an entry of tenants");

    rule.source_line = (uint32_t)node->start_mark.line + 1;
    if (e != ERR_OK)
        return e;
    for (const yaml_node_pair_t *p = node->data.mapping.pairs.start;
         p < node->data.mapping.pairs.top && e == ERR_OK; p++) {
        const yaml_node_t *value = node_at(r, p->value);
        size_t at = 0;

        e = find_key(r, node_at(r, p->key), names, KEYS_N, &seen, &at);
        if (e != ERR_OK)
            return e;
        switch (at) {
        case TENANT: e = read_tenant(r, value, &rule); break;
        case FROM: e = read_hour(r, value, "from", &rule.from); break;
        case TO: e = read_hour(r, value, "to", &rule.to); break;
        default: e = read_match(r, value, &rule); break;
        }
    }
    if (e != ERR_OK)
        return e;
    if ((seen & 1u << TENANT) == 0 || (seen & 1u << MATCH) == 0)
        return complain(r, node, "an entry of tenants", "needs 'tenant' and 'match'");
    if (rule.from >= rule.to)
        return complain(r, node, "this entry", "is never in force: 'to' must be after 'from'");
    return add_rule(r, &rule);
}

static enum err read_document(struct reading *r)
{
    static const char *const names[] = {"tenants"};
    const yaml_node_t *root = yaml_document_get_root_node(&r->document);
    uint32_t seen = 0;
    enum err e;

    if (root == NULL)
        return err_set(r->detail, ERR_CONFIG, "%s: empty; a tenant map is 'tenants: [...]'",
                       r->origin);
    e = need_mapping(r, root, "a tenant map");
    if (e != ERR_OK)
        return e;
    for (const yaml_node_pair_t *p = root->data.mapping.pairs.start;
         p < root->data.mapping.pairs.top; p++) {
        const yaml_node_t *list = node_at(r, p->value);
        size_t at;

        e = find_key(r, node_at(r, p->key), names, 1, &seen, &at);
        if (e != ERR_OK)
            return e;
        if (list->type != YAML_SEQUENCE_NODE)
            return complain(r, list, "tenants", "must be a list");
        for (const yaml_node_item_t *item = list->data.sequence.items.start;
             item < list->data.sequence.items.top; item++) {
            e = read_rule(r, node_at(r, *item));
            if (e != ERR_OK)
                return e;
        }
    }
    return seen != 0 ? ERR_OK : complain(r, root, "a tenant map", "needs the key 'tenants'");
}

/* Loads the one document of the file and reads it. */
static enum err read_yaml(struct reading *r, yaml_parser_t *parser)
{
    yaml_document_t second;
    enum err e;

    if (!yaml_parser_load(parser, &r->document))
        return err_set(r->detail, ERR_CONFIG, "%s:%zu: not YAML: %s", r->origin,
                       parser->problem_mark.line + 1,
                       parser->problem != NULL ? parser->problem : "unknown problem");
    e = read_document(r);
    yaml_document_delete(&r->document);
    if (e != ERR_OK)
        return e;
    if (!yaml_parser_load(parser, &second))
        return err_set(r->detail, ERR_CONFIG, "%s:%zu: not YAML: %s", r->origin,
                       parser->problem_mark.line + 1,
                       parser->problem != NULL ? parser->problem : "unknown problem");
    if (yaml_document_get_root_node(&second) != NULL)
        e = err_set(r->detail, ERR_CONFIG, "%s:%zu: a second document; a tenant map is one",
                    r->origin, second.start_mark.line + 1);
    yaml_document_delete(&second);
    return e;
}

enum err books_tenants_parse(struct bytes yaml, const char *origin, struct tenant_book **book,
                             struct err_detail *detail)
{
    struct book_memory *m = calloc(1, sizeof *m);
    struct reading r = {.origin = origin, .memory = m, .detail = detail};
    yaml_parser_t parser;
    enum err e;

    if (m != NULL)
        m->content = malloc(yaml.len + 1);
    if (m == NULL || m->content == NULL || !yaml_parser_initialize(&parser)) {
        books_tenants_free(m != NULL ? &m->book : NULL);
        return err_set(detail, ERR_NOMEM, "no memory for %s", origin);
    }
    if (yaml.len > 0)
        memcpy(m->content, yaml.ptr, yaml.len);
    m->book.content = bytes_of(m->content, yaml.len);
    (void)sha256_text_of(m->book.content, m->book.sha256);
    yaml_parser_set_input_string(&parser, m->content, yaml.len);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    e = yaml.len > BOOK_BYTES_MAX
            ? err_set(detail, ERR_CONFIG, "%s has more than %d bytes", origin, BOOK_BYTES_MAX)
            : read_yaml(&r, &parser);
    yaml_parser_delete(&parser);
    if (e != ERR_OK) {
        books_tenants_free(&m->book);
        return e;
    }
    *book = &m->book;
    return ERR_OK;
}

void books_tenants_free(struct tenant_book *book)
{
    struct book_memory *m = (struct book_memory *)book; /* its first member */

    if (m == NULL)
        return;
    for (struct kept *kept = m->kept, *next; kept != NULL; kept = next) {
        next = kept->next;
        free(kept);
    }
    free(m->rules);
    free(m->content);
    free(m);
}
