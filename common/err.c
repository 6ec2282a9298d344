/*
 * Error names, texts and the formatting of details. Pure: no I/O, no allocation, no logging.
 */
#include "common/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    const char *text;
} err_rows[ERR_N] = {
#define X(code, name, text) [code] = {name, text},
    ERR_TABLE(X)
#undef X
};

const char *err_name(enum err code)
{
    return (unsigned)code < ERR_N ? err_rows[code].name : "unknown";
}

const char *err_text(enum err code)
{
    return (unsigned)code < ERR_N ? err_rows[code].text : "unknown error";
}

enum err err_set(struct err_detail *detail, enum err code, const char *format, ...)
{
    static const char ellipsis[] = "…";
    va_list args;

    if (detail == NULL)
        return code;
    va_start(args, format);
    int n = vsnprintf(detail->text, sizeof detail->text, format, args);
    va_end(args);
    if (n < 0)
        detail->text[0] = '\0';
    else if ((size_t)n >= sizeof detail->text)
        memcpy(detail->text + sizeof detail->text - sizeof ellipsis, ellipsis, sizeof ellipsis);
    return code;
}
