/*
 * Build tool: writes the C file that holds the schema texts and their fingerprints, declared in
 * schemas/c/schema_text.h. Usage: embed OUT.c SCHEMA.avsc…  Not installed.
 */
#include "schemas/c/schema_parse.h"

#include <stdio.h>
#include <stdlib.h>

static bool read_file(const char *path, uint8_t *text, size_t cap, size_t *len)
{
    FILE *f = fopen(path, "rb");

    if (f == NULL)
        return false;
    *len = fread(text, 1, cap, f);
    return fclose(f) == 0 && *len > 0 && *len < cap;
}

/* "…/usage_line.avsc" → "usage_line" */
static struct bytes schema_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash == NULL ? path : slash + 1;

    return bytes_of(base, strcspn(base, "."));
}

static bool embed(FILE *out, const char *path, uint8_t *text, size_t cap)
{
    struct bytes name = schema_name(path);
    struct err_detail detail;
    struct schema schema;
    size_t len;

    if (!read_file(path, text, cap, &len)) {
        fprintf(stderr, "%s: cannot be read, empty or too long\n", path);
        return false;
    }
    if (schema_parse(bytes_of(text, len), &schema, &detail) != ERR_OK) {
        fprintf(stderr, "%s: %s\n", path, detail.text);
        return false;
    }
    fprintf(out, "\nstatic const uint8_t %.*s[] = {", BYTES_ARGS(name));
    for (size_t i = 0; i < len; i++)
        fprintf(out, "%s%u,", i % 24 == 0 ? "\n    " : "", text[i]);
    fprintf(out, " 0};\n\nstruct bytes schema_text_%.*s(void)\n{\n", BYTES_ARGS(name));
    fprintf(out, "    return bytes_of(%.*s, %zu);\n}\n", BYTES_ARGS(name), len);
    fprintf(out, "\nuint64_t schema_fingerprint_%.*s(void)\n{\n", BYTES_ARGS(name));
    fprintf(out, "    return UINT64_C(0x%016llx);\n}\n",
            (unsigned long long)schema_fingerprint(&schema));
    schema_free(&schema);
    return true;
}

int main(int argc, char **argv)
{
    static uint8_t text[SCHEMA_TEXT_MAX];
    FILE *out;

    if (argc < 3)
        return 2;
    out = fopen(argv[1], "w");
    if (out == NULL) {
        perror(argv[1]);
        return 1;
    }
    fprintf(out, "/* Generated from the .avsc files by schemas/embed.c. */\n"
                 "#include \"schemas/c/schema_text.h\"\n");
    for (int i = 2; i < argc; i++)
        if (!embed(out, argv[i], text, sizeof text))
            return 1;
    return fclose(out) == 0 ? 0 : 1;
}
