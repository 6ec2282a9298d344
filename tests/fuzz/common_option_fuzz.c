/*
 * The YAML option reader on arbitrary text. What it accepts must survive being printed and read
 * again, unchanged; what it refuses must be explained.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/option_sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static char *print(const struct config *config, size_t *len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, len);

    require(out != NULL);
    config_print(config, out);
    require(fclose(out) == 0);
    return text;
}

/* Without the comments that say where a value came from: those differ. */
static void drop_origins(char *text)
{
    for (char *mark; (mark = strstr(text, " # ")) != NULL; text = mark) {
        size_t n = strcspn(mark, "\n");
        memmove(mark, mark + n, strlen(mark + n) + 1);
    }
}

static bool holds_secret(const struct sample *sample)
{
    bool secret = sample->token[0] != '\0';

    for (size_t i = 0; i < sample->kafka.n; i++)
        secret = secret || option_key_is_secret(sample->kafka.items[i].key);
    return secret;
}

static void check_round_trip(const struct config *config, const struct sample *sample)
{
    struct config again;
    struct sample read;
    struct err_detail detail;
    size_t len;
    size_t again_len;

    if (holds_secret(sample))
        return;
    char *text = print(config, &len);
    /* Escapes may carry what was printed over the limit of a file: then there is nothing to say. */
    require(config_init(&again, &sample_table, &read, &detail) == ERR_OK);
    if (len <= OPTION_FILE_MAX) {
        require(config_read_text(&again, "printed", bytes_of(text, len), &detail) == ERR_OK);
        char *second = print(&again, &again_len);
        /* A value may hold " # " itself; then both lose the same. */
        drop_origins(text);
        drop_origins(second);
        require(strcmp(text, second) == 0);
        free(second);
    }
    config_free(&again);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config config;
    struct sample sample;
    struct err_detail detail = {0};

    require(config_init(&config, &sample_table, &sample, &detail) == ERR_OK);
    enum err err = config_read_text(&config, "fuzz", bytes_of(data, size), &detail);
    if (err == ERR_OK)
        check_round_trip(&config, &sample);
    else
        require(err == ERR_CONFIG && detail.text[0] != '\0' && strchr(detail.text, '\n') == NULL);
    config_free(&config);
    return 0;
}
