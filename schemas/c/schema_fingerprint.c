/*
 * CRC-64-AVRO of a schema's Parsing Canonical Form (Avro 1.11 specification, "Transforming into
 * Parsing Canonical Form", "Schema Fingerprints"). The canonical text is never built: every piece
 * goes straight into the checksum.
 */
#include "schemas/c/codec.h"
#include "schemas/c/schema_parse.h"

#include <stdio.h>

/* The specification's EMPTY: initial value and polynomial. */
static const uint64_t crc64_avro_empty = 0xc15d213aa4d7a795u;

static uint64_t put(uint64_t crc, const char *text)
{
    for (; *text != '\0'; text++) {
        crc ^= (uint8_t)*text;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (crc64_avro_empty & (0 - (crc & 1)));
    }
    return crc;
}

/* Names consist of letters, digits, underscores and dots: nothing to escape. */
static uint64_t put_quoted(uint64_t crc, const char *name)
{
    return put(put(put(crc, "\""), name), "\"");
}

static uint64_t put_node(uint64_t crc, const struct schema_node *node);

static uint64_t put_fields(uint64_t crc, const struct schema_node *record)
{
    for (uint32_t i = 0; i < record->members_n; i++) {
        crc = put(crc, i == 0 ? "{\"name\":" : ",{\"name\":");
        crc = put_quoted(crc, record->members[i].name);
        crc = put(crc, ",\"type\":");
        crc = put_node(crc, record->members[i].type);
        crc = put(crc, "}");
    }
    return crc;
}

static uint64_t put_branches(uint64_t crc, const struct schema_node *node)
{
    for (uint32_t i = 0; i < node->members_n; i++) {
        crc = put(crc, i == 0 ? "" : ",");
        crc = put_node(crc, node->members[i].type);
    }
    return crc;
}

static uint64_t put_symbols(uint64_t crc, const struct schema_node *node)
{
    for (uint32_t i = 0; i < node->members_n; i++) {
        crc = put(crc, i == 0 ? "" : ",");
        crc = put_quoted(crc, node->members[i].name);
    }
    return crc;
}

static uint64_t put_named(uint64_t crc, const struct schema_node *node)
{
    char size[sizeof "4294967295"];

    crc = put(crc, "{\"name\":");
    crc = put_quoted(crc, node->full_name);
    crc = put(crc, ",\"type\":");
    crc = put_quoted(crc, schema_kind_name(node->kind));
    switch (node->kind) {
    case SCHEMA_RECORD: return put(put_fields(put(crc, ",\"fields\":["), node), "]}");
    case SCHEMA_ENUM: return put(put_symbols(put(crc, ",\"symbols\":["), node), "]}");
    default:
        snprintf(size, sizeof size, "%u", node->fixed_bytes);
        return put(put(put(crc, ",\"size\":"), size), "}");
    }
}

static uint64_t put_node(uint64_t crc, const struct schema_node *node)
{
    switch (node->kind) {
    case SCHEMA_REFERENCE: return put_quoted(crc, node->referent->full_name);
    case SCHEMA_RECORD:
    case SCHEMA_ENUM:
    case SCHEMA_FIXED: return put_named(crc, node);
    case SCHEMA_ARRAY:
        crc = put(crc, "{\"type\":\"array\",\"items\":");
        return put(put_node(crc, node->members[0].type), "}");
    case SCHEMA_MAP:
        crc = put(crc, "{\"type\":\"map\",\"values\":");
        return put(put_node(crc, node->members[0].type), "}");
    case SCHEMA_UNION: return put(put_branches(put(crc, "["), node), "]");
    default: return put_quoted(crc, schema_kind_name(node->kind));
    }
}

uint64_t schema_fingerprint(const struct schema *schema)
{
    return put_node(crc64_avro_empty, schema->root);
}

enum err avro_schema_fingerprint(struct bytes schema_json, uint64_t *fingerprint,
                                 struct err_detail *detail)
{
    struct schema schema;
    enum err err = schema_parse(schema_json, &schema, detail);

    if (err != ERR_OK)
        return err;
    *fingerprint = schema_fingerprint(&schema);
    schema_free(&schema);
    return ERR_OK;
}
