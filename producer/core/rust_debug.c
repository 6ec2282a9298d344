/*
 * A recursive-descent parser over a cursor; see rust_debug.h. Every function returns false as soon
 * as the text is not what `{:?}` prints, with the cursor where that was seen.
 */
#include "producer/core/rust_debug.h"

#include "common/utf8.h"

enum { CODE_POINT_MAX = 0x10FFFF, ESCAPE_DIGITS_MAX = 6 };

struct cursor {
    struct bytes text;
    size_t at;
    bool in_string;
};

/* Where an unescaped string goes; cut: it was longer than `cap`, nothing more is stored. */
struct sink {
    uint8_t *out;
    size_t cap;
    size_t len;
    bool cut;
};

static bool at_end(const struct cursor *c)
{
    return c->at >= c->text.len;
}

static bool take(struct cursor *c, const char *literal)
{
    size_t n = strlen(literal);

    if (c->text.len - c->at < n || memcmp(c->text.ptr + c->at, literal, n) != 0)
        return false;
    c->at += n;
    return true;
}

static bool take_byte(struct cursor *c, uint8_t *byte)
{
    if (at_end(c))
        return false;
    *byte = c->text.ptr[c->at++];
    return true;
}

static bool is_name_byte(uint8_t b)
{
    return (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') || b == '_' ||
           b == ':';
}

/* An identifier or a path of them (`std::Thing`). A field's name ends before its ": ". */
static bool take_name(struct cursor *c, struct bytes *name)
{
    size_t from = c->at;

    while (!at_end(c) && c->at - from < RUST_DEBUG_NAME_MAX && is_name_byte(c->text.ptr[c->at])) {
        if (c->text.ptr[c->at] == ':' &&
            (c->at + 1 >= c->text.len || c->text.ptr[c->at + 1] == ' '))
            break;
        c->at++;
    }
    *name = bytes_of(c->text.ptr + from, c->at - from);
    return name->len > 0;
}

static void sink_put(struct sink *sink, const uint8_t *bytes, size_t n)
{
    if (sink == NULL || sink->cut)
        return;
    if (sink->cap - sink->len < n) {
        sink->cut = true;
        return;
    }
    memcpy(sink->out + sink->len, bytes, n);
    sink->len += n;
}

static void sink_put_code_point(struct sink *sink, uint32_t cp)
{
    uint8_t b[4];
    size_t n = 0;

    if (cp < 0x80) {
        b[n++] = (uint8_t)cp;
    } else if (cp < 0x800) {
        b[n++] = (uint8_t)(0xC0 | cp >> 6);
        b[n++] = (uint8_t)(0x80 | (cp & 0x3F));
    } else if (cp < 0x10000) {
        b[n++] = (uint8_t)(0xE0 | cp >> 12);
        b[n++] = (uint8_t)(0x80 | (cp >> 6 & 0x3F));
        b[n++] = (uint8_t)(0x80 | (cp & 0x3F));
    } else {
        b[n++] = (uint8_t)(0xF0 | cp >> 18);
        b[n++] = (uint8_t)(0x80 | (cp >> 12 & 0x3F));
        b[n++] = (uint8_t)(0x80 | (cp >> 6 & 0x3F));
        b[n++] = (uint8_t)(0x80 | (cp & 0x3F));
    }
    sink_put(sink, b, n);
}

static int hex_digit(uint8_t b)
{
    if (b >= '0' && b <= '9')
        return b - '0';
    if (b >= 'a' && b <= 'f')
        return b - 'a' + 10;
    return b >= 'A' && b <= 'F' ? b - 'A' + 10 : -1;
}

/* What follows `\u`: {1 to 6 hex digits} of a Unicode scalar value. */
static bool take_unicode_escape(struct cursor *c, struct sink *sink)
{
    uint32_t cp = 0;
    int digits = 0;
    uint8_t b;

    if (!take(c, "{"))
        return false;
    while (take_byte(c, &b) && b != '}') {
        int d = hex_digit(b);
        if (d < 0 || ++digits > ESCAPE_DIGITS_MAX)
            return false;
        cp = cp << 4 | (uint32_t)d;
    }
    if (digits == 0 || c->text.ptr[c->at - 1] != '}' || cp > CODE_POINT_MAX ||
        (cp >= 0xD800 && cp <= 0xDFFF))
        return false;
    sink_put_code_point(sink, cp);
    return true;
}

static bool take_escape(struct cursor *c, struct sink *sink)
{
    static const char from[] = "nrt0'\"\\";
    static const char to[] = "\n\r\t\0'\"\\";
    uint8_t b;

    if (!take_byte(c, &b))
        return false;
    if (b == 'u')
        return take_unicode_escape(c, sink);
    const char *found = b == 0 ? NULL : strchr(from, b);
    if (found == NULL)
        return false;
    sink_put(sink, (const uint8_t *)to + (found - from), 1);
    return true;
}

/* "…" with its quotation marks; `sink` may be NULL. */
static bool take_string(struct cursor *c, struct sink *sink)
{
    if (!take(c, "\""))
        return false;
    c->in_string = true;
    while (!at_end(c)) {
        uint8_t b = c->text.ptr[c->at];
        size_t n = 1;
        if (b == '"') {
            c->at++;
            c->in_string = false;
            return true;
        }
        if (b == '\\') {
            c->at++;
            if (!take_escape(c, sink))
                return false;
            continue;
        }
        if (b < 0x80)
            sink_put(sink, &b, 1);
        else if (utf8_next(bytes_skip(c->text, c->at), &n) == UTF8_INVALID)
            sink_put(sink, (const uint8_t *)UTF8_REPLACEMENT, sizeof UTF8_REPLACEMENT - 1);
        else
            sink_put(sink, c->text.ptr + c->at, n);
        c->at += n;
    }
    return false;
}

static bool take_int(struct cursor *c, int64_t maximum, int64_t *value)
{
    size_t from = c->at;
    int64_t v = 0;

    while (!at_end(c) && c->text.ptr[c->at] >= '0' && c->text.ptr[c->at] <= '9') {
        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, c->text.ptr[c->at] - '0', &v) || v > maximum)
            return false;
        c->at++;
    }
    *value = v;
    return c->at > from;
}

/* A number, a word, or a value that is skipped byte by byte: 1, -2.5e9, true, None. */
static bool skip_word(struct cursor *c)
{
    size_t from = c->at;

    while (!at_end(c)) {
        uint8_t b = c->text.ptr[c->at];
        if (!is_name_byte(b) && b != '-' && b != '+' && b != '.')
            break;
        c->at++;
    }
    return c->at > from;
}

/* 'x', with the character escaped as in a string. */
static bool skip_char(struct cursor *c)
{
    size_t n = 1;

    if (!take(c, "'") || at_end(c))
        return false;
    if (take(c, "\\"))
        return take_escape(c, NULL) && take(c, "'");
    utf8_next(bytes_skip(c->text, c->at), &n);
    c->at += n;
    return take(c, "'");
}

/* Any value: string, character, word, Name(…), Name { … }, [ … ], { … }, ( … ). */
static bool skip_value(struct cursor *c, int depth)
{
    if (depth > RUST_DEBUG_DEPTH_MAX || at_end(c))
        return false;
    if (c->text.ptr[c->at] == '"')
        return take_string(c, NULL);
    if (c->text.ptr[c->at] == '\'')
        return skip_char(c);
    bool word = skip_word(c);
    const char *close = NULL;
    if (take(c, "(")) {
        close = ")";
    } else if (!word && take(c, "[")) {
        close = "]";
    } else if ((word && take(c, " { ")) || (!word && take(c, "{"))) {
        close = "}";
    } else {
        return word;
    }
    while (!take(c, close)) { /* items, keys and the punctuation between them */
        if (take(c, ", ") || take(c, ": ") || take(c, " ") || take(c, ",") || take(c, ":"))
            continue;
        if (!skip_value(c, depth + 1))
            return false;
    }
    return true;
}

/* None → *given = false; Some(v) and v → true. `some` says that a ')' must follow the value. */
static bool take_option(struct cursor *c, bool *given, bool *some)
{
    *some = false;
    *given = !take(c, "None");
    if (*given)
        *some = take(c, "Some(");
    return true;
}

static bool end_option(struct cursor *c, bool some)
{
    return !some || take(c, ")");
}

static bool take_string_field(struct cursor *c, uint8_t *memory, bool *has, struct bytes *value,
                              bool *shortened)
{
    struct sink sink = {.out = memory, .cap = EVENT_STRING_MAX};
    bool some;

    if (!take_option(c, has, &some))
        return false;
    if (!*has)
        return true;
    if (!take_string(c, &sink))
        return false;
    *value = bytes_of(memory, sink.len);
    *shortened = *shortened || sink.cut;
    return end_option(c, some);
}

static bool take_int_field(struct cursor *c, int64_t maximum, bool *has, int64_t *value)
{
    bool some;

    return take_option(c, has, &some) &&
           (!*has || (take_int(c, maximum, value) && end_option(c, some)));
}

static bool take_bool_field(struct cursor *c, bool *has, bool *value)
{
    bool some;

    if (!take_option(c, has, &some))
        return false;
    if (!*has) { /* v1.0 prints None for "not given" */
        *has = true;
        *value = false;
        return true;
    }
    *value = take(c, "true");
    return (*value || take(c, "false")) && end_option(c, some);
}

/* [1, 5]: listed up to RUN_ARGS_CPU_IDS_MAX, counted to the end. */
static bool take_cpu_ids(struct cursor *c, int32_t *memory, struct run_args *args)
{
    bool some, given;
    int32_t count = 0;

    if (!take_option(c, &given, &some) || !given)
        return true;
    if (!take(c, "["))
        return false;
    args->cpu_ids_n = 0;
    while (!take(c, "]")) {
        int64_t id;
        if ((count > 0 && !take(c, ", ")) || !take_int(c, INT32_MAX, &id) || count == INT32_MAX)
            return false;
        if (args->cpu_ids_n < RUN_ARGS_CPU_IDS_MAX)
            memory[args->cpu_ids_n++] = (int32_t)id;
        count++;
    }
    args->cpu_ids = memory;
    args->has_cpu_ids = true;
    args->has_cpus = true;
    args->vcpus = count; /* stronger than cpu_count, which is None then */
    return end_option(c, some);
}

static bool take_cpu_count(struct cursor *c, struct run_args *args)
{
    bool given;
    int64_t count = 0;

    if (!take_int_field(c, INT32_MAX, &given, &count))
        return false;
    if (given && !args->has_cpu_ids) {
        args->has_cpus = true;
        args->vcpus = (int32_t)count;
    }
    return true;
}

static bool is(struct bytes name, const char *literal)
{
    return bytes_equal(name, bytes_of_string(literal));
}

static bool take_field(struct cursor *c, const struct rust_debug_memory *memory,
                       struct run_args *args)
{
    struct bytes name;

    if (!take_name(c, &name) || !take(c, ": "))
        return false;
    if (is(name, "eif_path"))
        return take_string_field(c, memory->text, &args->has_eif_path, &args->eif_path,
                                 &args->shortened);
    if (is(name, "enclave_name"))
        return take_string_field(c, memory->text + EVENT_STRING_MAX, &args->has_name, &args->name,
                                 &args->shortened);
    if (is(name, "memory_mib"))
        return take_int_field(c, INT64_MAX, &args->has_memory, &args->memory_mib);
    if (is(name, "enclave_cid"))
        return take_int_field(c, INT64_MAX, &args->has_cid, &args->enclave_cid);
    if (is(name, "debug_mode"))
        return take_bool_field(c, &args->has_debug, &args->debug_mode);
    if (is(name, "cpu_count"))
        return take_cpu_count(c, args);
    if (is(name, "cpu_ids"))
        return take_cpu_ids(c, memory->cpu_ids, args);
    return skip_value(c, 0);
}

static bool take_struct(struct cursor *c, const struct rust_debug_memory *memory,
                        struct run_args *args)
{
    if (!take(c, "RunEnclavesArgs { "))
        return false;
    do {
        if (!take_field(c, memory, args))
            return false;
    } while (take(c, ", "));
    return take(c, " }") && at_end(c);
}

enum err rust_debug_run_args(struct bytes text, const struct rust_debug_memory *memory,
                             struct run_args *args, struct rust_debug_failure *failure)
{
    struct cursor c = {.text = text};

    memset(args, 0, sizeof *args);
    if (take_struct(&c, memory, args))
        return ERR_OK;
    memset(args, 0, sizeof *args);
    *failure = (struct rust_debug_failure){.at = c.at, .in_string = c.in_string};
    return ERR_MALFORMED;
}
