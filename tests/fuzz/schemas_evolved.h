/*
 * A writer's schema some versions ahead of ours: every way in which a decoder's program can branch.
 */
#ifndef TESTS_FUZZ_SCHEMAS_EVOLVED_H
#define TESTS_FUZZ_SCHEMAS_EVOLVED_H

#include <stdio.h>
#include <stdlib.h>

#include "schemas/c/codec.h"

/* Replaces the first `from` in `text`, which must be there; takes and gives memory. */
static inline char *evolved_replace(char *text, const char *from, const char *to)
{
    char *at = strstr(text, from);
    size_t len = strlen(text) + strlen(to) + 1;
    char *replaced = malloc(len);

    if (at == NULL || replaced == NULL)
        abort();
    snprintf(replaced, len, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    free(text);
    return replaced;
}

static inline char *evolved_schema_make(void)
{
    static const char *const changes[][2] = {
        {"{\"name\": \"seq\", \"type\": \"long\"",
         "{\"name\": \"x1\", \"type\": {\"type\": \"array\", \"items\": {\"type\": \"map\", "
         "\"values\": [\"null\", \"double\", \"bytes\"]}}}, {\"name\": \"x2\", \"type\": "
         "{\"type\": "
         "\"array\", \"items\": \"null\"}}, {\"name\": \"seq\", \"type\": [\"int\", \"long\"]"},
        {"\"UNKNOWN\", \"HOST_UP\"", "\"NEW\", \"UNKNOWN\", \"HOST_UP\""},
        {"{\"name\": \"prev_seq\", \"type\": [\"null\", \"long\"]",
         "{\"name\": \"prev_seq\", \"type\": [\"int\", \"string\", \"null\"]"},
        {"{\"name\": \"pid\", \"type\": [\"null\", \"long\"]",
         "{\"name\": \"pid\", \"type\": \"int\""},
        {"{\"name\": \"name\", \"type\": [\"null\", \"string\"]",
         "{\"name\": \"name\", \"type\": [\"bytes\", \"null\"]"},
        {"{\"name\": \"cpu_ids\", \"type\": [\"null\", {\"type\": \"array\", \"items\": \"int\"}]",
         "{\"name\": \"cpu_ids\", \"type\": {\"type\": \"array\", \"items\": [\"int\", "
         "\"string\"]}"},
        {"{\"name\": \"pool_vcpus\"", "{\"name\": \"pool_vcpus_renamed\""},
        {"{\"name\": \"end_detail\", \"type\": \"string\"",
         "{\"name\": \"x3\", \"type\": {\"type\": \"record\", \"name\": \"Added\", \"fields\": ["
         "{\"name\": \"a\", \"type\": {\"type\": \"fixed\", \"name\": \"F\", \"size\": 5}}, "
         "{\"name\": \"b\", \"type\": [\"null\", \"F\"]}]}}, {\"name\": \"x4\", \"type\": "
         "[\"null\", \"Added\"]}, {\"name\": \"end_detail\", \"type\": [\"null\", \"string\"]"},
    };
    struct bytes ours = event_schema_json();
    char *text = malloc(ours.len + 1);

    if (text == NULL)
        abort();
    memcpy(text, ours.ptr, ours.len + 1);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++)
        text = evolved_replace(text, changes[i][0], changes[i][1]);
    return text;
}

#endif
