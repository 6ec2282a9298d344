/*
 * What the parts of the option module share: memory, values, wording of errors. Only option*.c
 * include it.
 */
#ifndef COMMON_OPTION_INTERNAL_H
#define COMMON_OPTION_INTERNAL_H

#include "common/option.h"

#define OPTION_MASK "********"

enum {
    OPTION_NUMBER_SIZE = 40, /* a number of any type as text */
    OPTION_SHOWN_SIZE = 100, /* a name or value as error texts show it */
};

/* ---- option_memory.c: strings that live as long as the configuration ---- */

/* Aligned for pointers, zeroed; NULL when out of memory. */
void *option_memory_take(struct option_memory **memory, size_t size);
/* A NUL-terminated copy, or NULL. */
const char *option_memory_copy(struct option_memory **memory, struct bytes text);
void option_memory_free(struct option_memory *memory);

/* ---- option_value.c: text ↔ value of a row ---- */

/* Sets the value of `name`, which `row` matches, from text. Lists are separated by commas. */
MUST_CHECK enum err option_set_value(struct config *config, const struct option_row *row,
                                     const char *name, struct bytes text, const char *origin,
                                     struct err_detail *detail);
/* Empties a list, so that items can be added. */
void option_list_clear(struct config *config, const struct option_row *row);
MUST_CHECK enum err option_list_add(struct config *config, const struct option_row *row,
                                    struct bytes item, const char *origin,
                                    struct err_detail *detail);
/* A number in the row's own notation ("64MiB", "2m30s"). Returns `out`. */
const char *option_number_format(const struct option_row *row, int64_t value,
                                 char out[OPTION_NUMBER_SIZE]);
/* "integer", "size", …: for help and errors. */
const char *option_type_name(enum option_type type);
const char *option_scope_name(enum option_scope scope);

/* ---- option.c ---- */

/* ERR_CONFIG: "<origin>: unknown option '<name>'; did you mean …?" */
enum err option_unknown(const struct config *config, const char *name, const char *origin,
                        struct err_detail *detail);
/* Whether some option's name begins with "<name>.". */
bool option_is_section(const struct option_table *table, const char *name);
/* The length of the fixed part of a row's name: "kafka.*" → 5. */
size_t option_section_length(const struct option_row *row);
/* Text from outside, cut and cleaned so that it can stand in a one-line message. Returns `out`. */
const char *option_shown(struct bytes text, char out[OPTION_SHOWN_SIZE]);

static inline void *option_target(const struct config *config, const struct option_row *row)
{
    return (char *)config->target + row->target;
}

#endif
