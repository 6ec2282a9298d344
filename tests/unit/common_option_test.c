/*
 * Options (common/option.h): defaults, the strict YAML reader, --set, and what is printed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/option_sample.h"
#include "tests/unit/temp_dir.h"

struct fixture {
    struct config config;
    struct sample sample;
    struct err_detail detail;
};

static int begin(void **state)
{
    static struct fixture f;

    f = (struct fixture){0};
    *state = &f;
    return config_init(&f.config, &sample_table, &f.sample, &f.detail) != ERR_OK;
}

static int end(void **state)
{
    struct fixture *f = *state;

    config_free(&f->config);
    return 0;
}

static void assert_reads(struct fixture *f, const char *yaml)
{
    enum err err = config_read_text(&f->config, "conf.yaml", bytes_of_string(yaml), &f->detail);

    if (err != ERR_OK)
        fail_msg("not read: %s", f->detail.text);
}

static void assert_sets(struct fixture *f, const char *assignment)
{
    if (config_set(&f->config, assignment, &f->detail) != ERR_OK)
        fail_msg("not set: %s", f->detail.text);
}

static void the_defaults_of_the_table_are_set(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(f->sample.name, "");
    assert_string_equal(f->sample.journal_path, "/var/lib/sample");
    assert_int_equal(f->sample.journal_max_bytes, 64 << 20);
    assert_int_equal(f->sample.journal_sync_ms, 150000);
    assert_int_equal(f->sample.http_port, 8080);
    assert_true(f->sample.http_enabled);
    assert_int_equal(f->sample.mode, 2);
    assert_int_equal(f->sample.hosts.n, 2);
    assert_string_equal(f->sample.hosts.items[1], "two");
    assert_int_equal(f->sample.tags.n, 0);
    assert_string_equal(config_origin(&f->config, "http.port"), "default");
}

static void nested_maps_and_dotted_names_are_the_same(void **state)
{
    struct fixture *f = *state;

    assert_reads(f, "# a comment\n"
                    "journal:\n"
                    "  path: /j\n"
                    "  max_bytes: 1GiB\n"
                    "  sync.interval: 500ms\n"
                    "http.port: 9\n"
                    "http: {enabled: false}\n"
                    "mode: off\n"
                    "hosts: [a, 'b,c', \"d\"]\n"
                    "offset: -9223372036854775808\n");
    assert_string_equal(f->sample.journal_path, "/j");
    assert_int_equal(f->sample.journal_max_bytes, 1 << 30);
    assert_int_equal(f->sample.journal_sync_ms, 500);
    assert_int_equal(f->sample.http_port, 9);
    assert_false(f->sample.http_enabled);
    assert_int_equal(f->sample.mode, 0);
    assert_int_equal(f->sample.hosts.n, 3);
    assert_string_equal(f->sample.hosts.items[1], "b,c");
    assert_true(f->sample.offset == INT64_MIN);
    assert_string_equal(config_origin(&f->config, "journal.max_bytes"), "conf.yaml:4");
    assert_string_equal(config_origin(&f->config, "hosts"), "conf.yaml:9");
    assert_string_equal(config_origin(&f->config, "name"), "default");
}

static const char *value_of(const struct option_map *map, const char *key, const char **origin)
{
    for (size_t i = 0; i < map->n; i++)
        if (strcmp(map->items[i].key, key) == 0) {
            *origin = map->items[i].origin;
            return map->items[i].value;
        }
    return NULL;
}

static void any_property_passes_through_below_a_prefix(void **state)
{
    struct fixture *f = *state;
    const char *origin;

    assert_reads(f, "kafka:\n"
                    "  bootstrap.servers: a:1,b:2\n"
                    "  linger.ms: 5\n"
                    "  sasl:\n"
                    "    mechanism: PLAIN\n"
                    "kafka.acks: all\n"
                    "tags: {team.name: x, 7: '', \"sp ace\": y}\n");
    assert_int_equal(f->sample.kafka.n, 4);
    assert_string_equal(value_of(&f->sample.kafka, "bootstrap.servers", &origin), "a:1,b:2");
    assert_string_equal(origin, "conf.yaml:2");
    assert_string_equal(value_of(&f->sample.kafka, "linger.ms", &origin), "5");
    assert_string_equal(value_of(&f->sample.kafka, "sasl.mechanism", &origin), "PLAIN");
    assert_string_equal(origin, "conf.yaml:5");
    assert_string_equal(value_of(&f->sample.kafka, "acks", &origin), "all");
    assert_int_equal(f->sample.tags.n, 3);
    assert_string_equal(value_of(&f->sample.tags, "7", &origin), "");
    assert_sets(f, "kafka.linger.ms=7");
    assert_sets(f, "kafka.debug=broker=1");
    assert_sets(f, "tags.new=z");
    assert_int_equal(f->sample.kafka.n, 5);
    assert_string_equal(value_of(&f->sample.kafka, "linger.ms", &origin), "7");
    assert_string_equal(origin, "--set");
    assert_string_equal(value_of(&f->sample.kafka, "debug", &origin), "broker=1");
    assert_string_equal(value_of(&f->sample.tags, "new", &origin), "z");
}

static void set_overrides_the_file(void **state)
{
    struct fixture *f = *state;

    assert_reads(f, "journal.path: /file\nhosts: [x]\n");
    assert_sets(f, "journal.path=/set");
    assert_sets(f, "hosts=p,q,r");
    assert_sets(f, "name=a=b");
    assert_string_equal(f->sample.journal_path, "/set");
    assert_string_equal(f->sample.name, "a=b");
    assert_int_equal(f->sample.hosts.n, 3);
    assert_string_equal(f->sample.hosts.items[0], "p");
    assert_string_equal(config_origin(&f->config, "journal.path"), "--set");
    assert_sets(f, "hosts=");
    assert_int_equal(f->sample.hosts.n, 0);
}

static void nothing_and_comments_leave_the_defaults(void **state)
{
    static const char *const empty[] = {"",           "\n",   "# only a comment\n", "---\n",
                                        "---\n...\n", "{}\n", "journal: {}\n",      "\xEF\xBB\xBF"};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++)
        assert_reads(f, empty[i]);
    assert_int_equal(f->sample.http_port, 8080);
    assert_int_equal(config_read_text(&f->config, "c", bytes_of(NULL, 0), &f->detail), ERR_OK);
}

struct refusal {
    const char *text;
    const char *message;
};

static void assert_refused(enum err err, const struct err_detail *detail, const struct refusal *row)
{
    if (err != ERR_CONFIG)
        fail_msg("'%s' gave %s", row->text, err_name(err));
    if (strcmp(detail->text, row->message) != 0)
        fail_msg("'%s' said: %s", row->text, detail->text);
}

static void what_is_wrong_in_a_file_is_named_with_its_line(void **state)
{
    static const struct refusal rows[] = {
        {"\njurnal.path: x", "conf.yaml:2: unknown option 'jurnal.path'; did you mean "
                             "'journal.path'?"},
        {"\njurnal:\n  path: x", "conf.yaml:2: unknown option 'jurnal'; did you mean 'journal'?"},
        {"journal: {pathh: x}",
         "conf.yaml:1: unknown option 'journal.pathh'; did you mean 'journal.path'?"},
        {"zzz: 1", "conf.yaml:1: unknown option 'zzz'; --help lists all options"},
        {"journal.sync.interval.x: 1",
         "conf.yaml:1: unknown option 'journal.sync.interval.x'; did you mean "
         "'journal.sync.interval'?"},
        {"<<: {name: x}", "conf.yaml:1: unknown option '<<'; --help lists all options"},
        {"name: a\n\nname: b", "conf.yaml:3: duplicate key 'name', given before on line 1"},
        {"journal.path: a\njournal:\n  path: b",
         "conf.yaml:3: duplicate key 'journal.path', given before on line 1"},
        {"journal: {path: a}\njournal: {max_bytes: 1MiB}",
         "conf.yaml:2: duplicate key 'journal', given before on line 1"},
        {"kafka: {acks: 1, acks: 2}",
         "conf.yaml:1: duplicate key 'kafka.acks', given before on line 1"},
        {"http.port: eighty", "conf.yaml:1: http.port: 'eighty' is not an integer"},
        {"http.port: 0x50", "conf.yaml:1: http.port: '0x50' is not an integer"},
        {"http.port: 080", "conf.yaml:1: http.port: '080' is not an integer"},
        {"http.port: 8_0", "conf.yaml:1: http.port: '8_0' is not an integer"},
        {"http.port: 80.0", "conf.yaml:1: http.port: '80.0' is not an integer"},
        {"http.port: '80'", "conf.yaml:1: http.port: expected an integer without quotes"},
        {"http.port: 0", "conf.yaml:1: http.port: 0 is below the minimum 1"},
        {"http.port: 65536", "conf.yaml:1: http.port: 65536 is above the maximum 65535"},
        {"http.port: 9223372036854775808",
         "conf.yaml:1: http.port: 9223372036854775808 is too large"},
        {"http.port: [1]", "conf.yaml:1: http.port: expected a single value"},
        {"http.port:", "conf.yaml:1: http.port: has no value; give one or remove the line"},
        {"name: ~", "conf.yaml:1: name: has no value; give one or remove the line"},
        {"http.enabled: yes", "conf.yaml:1: http.enabled: 'yes' is not true or false"},
        {"http.enabled: 'true'",
         "conf.yaml:1: http.enabled: expected true or false without quotes"},
        {"mode: maybe", "conf.yaml:1: mode: 'maybe' is not one of: off, on, auto"},
        {"journal.max_bytes: 64MB", "conf.yaml:1: journal.max_bytes: '64MB' is not a size; write "
                                    "for example 512KiB, 64MiB or 1GiB"},
        {"journal.max_bytes: 1048575",
         "conf.yaml:1: journal.max_bytes: 1048575 is below the minimum 1MiB"},
        {"journal.max_bytes: 1025GiB",
         "conf.yaml:1: journal.max_bytes: 1025GiB is above the maximum 1TiB"},
        {"journal.max_bytes: 9000000TiB",
         "conf.yaml:1: journal.max_bytes: 9000000TiB is too large"},
        {"journal.sync.interval: 5", "conf.yaml:1: journal.sync.interval: '5' is not a duration; "
                                     "write for example 500ms, 30s, 2m30s or 24h"},
        {"journal.sync.interval: 25h",
         "conf.yaml:1: journal.sync.interval: 25h is above the maximum 24h"},
        {"journal.path: ''", "conf.yaml:1: journal.path: must not be empty"},
        {"journal: x", "conf.yaml:1: journal: expected a map of keys and values"},
        {"journal:", "conf.yaml:1: journal: expected a map of keys and values"},
        {"journal: [x]", "conf.yaml:1: journal: expected a map of keys and values"},
        {"kafka: x", "conf.yaml:1: kafka: expected a map of keys and values"},
        {"kafka: {a: [b]}", "conf.yaml:1: kafka.a: expected a single value"},
        {"tags: x", "conf.yaml:1: tags: expected a map of keys and values"},
        {"tags: {a: {b: c}}", "conf.yaml:1: tags.a: expected a single value"},
        {"hosts: x", "conf.yaml:1: hosts: expected a list; write [a, b]"},
        {"hosts: [[x]]", "conf.yaml:1: hosts: every item must be a single value"},
        {"hosts: [a,\n ~]", "conf.yaml:2: hosts: every item must be a single value"},
        {"hosts: [a, '']", "conf.yaml:1: hosts: an item is empty"},
        {"name: {a: b}", "conf.yaml:1: name: expected a single value"},
        {"name: \"a\\0b\"", "conf.yaml:1: name: not text in UTF-8"},
        {"'': x", "conf.yaml:1: '' is not a name of an option"},
        {"? [a]\n: b", "conf.yaml:1: a key must be a name"},
        {"- name", "conf.yaml:1: expected options as 'name: value'"},
        {"just text", "conf.yaml:1: expected options as 'name: value'"},
        {"name: &a x", "conf.yaml:1: anchors and aliases are not supported; write the value out"},
        {"name: *a", "conf.yaml:1: anchors and aliases are not supported; write the value out"},
        {"name: !!str x", "conf.yaml:1: tags are not supported; remove the '!…'"},
        {"name: ! x", "conf.yaml:1: tags are not supported; remove the '!…'"},
        {"name: a\n---\nname: b", "conf.yaml:2: a second document; there may be only one"},
        {"name: a\n  b: c", "conf.yaml:2: not valid YAML: mapping values are not allowed in this "
                            "context"},
        {"name: \"a", "conf.yaml:1: not valid YAML: found unexpected end of stream"},
        {"token: '********'", "conf.yaml:1: token: this is the mask that --print-config shows; "
                              "give the secret itself"},
        {"kafka: {sasl.password: '********'}",
         "conf.yaml:1: kafka.sasl.password: this is the mask that --print-config shows; give the "
         "secret itself"},
        {"\"na\\e[31mme\\n\": x", "conf.yaml:1: unknown option 'na?[31mme?'; --help lists all "
                                  "options"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        end(state);
        begin(state);
        assert_refused(
            config_read_text(&f->config, "conf.yaml", bytes_of_string(rows[i].text), &f->detail),
            &f->detail, &rows[i]);
    }
}

static void what_is_wrong_in_an_argument_is_named(void **state)
{
    static const struct refusal rows[] = {
        {"jurnal.path=x", "--set: unknown option 'jurnal.path'; did you mean 'journal.path'?"},
        {"http.port", "--set http.port: write --set name=value"},
        {"=x", "--set : write --set name=value"},
        {"http.port=x", "--set: http.port: 'x' is not an integer"},
        {"http.port=", "--set: http.port: '' is not an integer"},
        {"journal=x", "--set: 'journal' is a section; set an option of it"},
        {"kafka=x", "--set: 'kafka' is a section; set an option of it"},
        {"tags=x", "--set: 'tags' is a map; write --set tags.KEY=value"},
        {"hosts=a,,b", "--set: hosts: an item is empty"},
        {"hosts=a,", "--set: hosts: an item is empty"},
        {"name=\xFF", "--set: name: not text in UTF-8"},
        {"tags.\xFF=x", "--set: tags.?: not text in UTF-8"},
        {"token=********",
         "--set: token: this is the mask that --print-config shows; give the secret itself"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_refused(config_set(&f->config, rows[i].text, &f->detail), &f->detail, &rows[i]);
}

static void secrets_do_not_appear_in_errors(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(config_set(&f->config, "tokn=hunter2", &f->detail), ERR_CONFIG);
    assert_null(strstr(f->detail.text, "hunter2"));
    assert_int_equal(config_set(&f->config, "token=hunter2\xFF", &f->detail), ERR_CONFIG);
    assert_null(strstr(f->detail.text, "hunter2"));
}

/* Reads YAML made of `n` times `item` between `head` and `tail`; %d in it becomes the number. */
static enum err read_repeated(struct fixture *f, const char *head, int n, bool numbered,
                              const char *item, const char *tail)
{
    size_t size = strlen(head) + strlen(tail) + 1 + (size_t)n * (strlen(item) + 12);
    char *text = malloc(size);
    size_t len;

    assert_non_null(text);
    len = (size_t)snprintf(text, size, "%s", head);
    for (int i = 0; i < n; i++)
        len += numbered ? (size_t)snprintf(text + len, size - len, "%s%d: x\n", item, i)
                        : (size_t)snprintf(text + len, size - len, "%s", item);
    len += (size_t)snprintf(text + len, size - len, "%s", tail);
    enum err err = config_read_text(&f->config, "c", bytes_of(text, len), &f->detail);
    free(text);
    return err;
}

static void every_limit_holds_at_it_and_not_above(void **state)
{
    struct fixture *f = *state;
    static char name[OPTION_VALUE_MAX + 2];

    assert_int_equal(read_repeated(f, "hosts: [", OPTION_ITEMS_MAX, false, "x,", "]"), ERR_OK);
    assert_int_equal(f->sample.hosts.n, OPTION_ITEMS_MAX);
    assert_int_equal(read_repeated(f, "hosts: [", OPTION_ITEMS_MAX + 1, false, "x,", "]"),
                     ERR_CONFIG);
    assert_int_equal(read_repeated(f, "", OPTION_KEYS_MAX, true, "kafka.k", ""), ERR_OK);
    assert_int_equal(read_repeated(f, "", OPTION_KEYS_MAX + 1, true, "kafka.k", ""), ERR_CONFIG);
    assert_non_null(strstr(f->detail.text, "more than 1024 keys"));
    assert_int_equal(config_set(&f->config, "kafka.more=x", &f->detail), ERR_CONFIG);
    assert_non_null(strstr(f->detail.text, "more than 1024 entries"));
    assert_sets(f, "kafka.k7=y");

    assert_int_equal(
        read_repeated(f, "kafka: {", OPTION_DEPTH_MAX - 2, false, "a: {", "b: c}}}}}}}"),
        ERR_CONFIG); /* the entries are full; the depth was not the reason */
    assert_non_null(strstr(f->detail.text, "entries"));
    assert_int_equal(read_repeated(f, "kafka: {", OPTION_DEPTH_MAX - 1, false, "a: {", ""),
                     ERR_CONFIG);
    assert_non_null(strstr(f->detail.text, "nested deeper than 8"));

    memset(name, 'v', sizeof name);
    memcpy(name, "name: ", 6);
    assert_int_equal(
        config_read_text(&f->config, "c", bytes_of(name, 6 + OPTION_VALUE_MAX - 6), &f->detail),
        ERR_OK);
    char *set = malloc(OPTION_VALUE_MAX + 8);
    assert_non_null(set);
    memset(set, 'v', OPTION_VALUE_MAX + 7);
    memcpy(set, "name=", 5);
    set[5 + OPTION_VALUE_MAX] = '\0';
    assert_sets(f, set);
    set[5 + OPTION_VALUE_MAX] = 'v';
    set[6 + OPTION_VALUE_MAX] = '\0';
    assert_int_equal(config_set(&f->config, set, &f->detail), ERR_CONFIG);
    free(set);

    assert_int_equal(read_repeated(f, "", OPTION_FILE_MAX / 2, false, "\n\n", ""), ERR_OK);
    assert_int_equal(read_repeated(f, "\n", OPTION_FILE_MAX / 2, false, "\n\n", ""), ERR_CONFIG);
}

static void names_have_a_longest_length(void **state)
{
    struct fixture *f = *state;
    char text[OPTION_NAME_MAX + 8];

    memset(text, 'k', sizeof text);
    memcpy(text, "kafka.", 6);
    memcpy(text + OPTION_NAME_MAX, "=x", 3);
    assert_sets(f, text);
    text[OPTION_NAME_MAX] = ':';
    text[OPTION_NAME_MAX + 1] = ' ';
    memcpy(text + OPTION_NAME_MAX + 2, "x", 2);
    assert_reads(f, text);
    memcpy(text + OPTION_NAME_MAX, "k=x", 4);
    assert_int_equal(config_set(&f->config, text, &f->detail), ERR_CONFIG);
    memcpy(text + OPTION_NAME_MAX, "k: x", 5);
    assert_int_equal(config_read_text(&f->config, "c", bytes_of_string(text), &f->detail),
                     ERR_CONFIG);
}

static char *printed(const struct config *config)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    config_print(config, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void printed_values_can_be_read_back(void **state)
{
    struct fixture *f = *state;
    struct config again;
    struct sample sample;

    assert_reads(f, "name: \"a\\\"b\\\\c: #\\n\\t\\u2028\\u0085\\uFEFF é 😀 \\U0001FFFE\\x7f\"\n"
                    "journal: {path: 'null', max_bytes: 1025KiB, sync.interval: 1h1ms}\n"
                    "http: {enabled: false, port: 1}\n"
                    "mode: off\n"
                    "hosts: ['a,b', ' c ', '~']\n"
                    "tags: {'a b': '', c.d: 'x: y', \"\\\"\\n\": '- z'}\n"
                    "kafka: {bootstrap.servers: 'h:1', linger.ms: 5}\n"
                    "offset: -5\n");
    char *text = printed(&f->config);
    assert_int_equal(config_init(&again, &sample_table, &sample, &f->detail), ERR_OK);
    if (config_read_text(&again, "printed", bytes_of_string(text), &f->detail) != ERR_OK)
        fail_msg("%s\n%s", f->detail.text, text);
    assert_string_equal(sample.name, f->sample.name);
    assert_string_equal(sample.journal_path, "null");
    assert_int_equal(sample.journal_max_bytes, 1025 << 10);
    assert_int_equal(sample.journal_sync_ms, 3600001);
    assert_int_equal(sample.http_port, 1);
    assert_false(sample.http_enabled);
    assert_int_equal(sample.mode, 0);
    assert_int_equal(sample.offset, -5);
    assert_int_equal(sample.hosts.n, 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(sample.hosts.items[i], f->sample.hosts.items[i]);
    assert_int_equal(sample.tags.n, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(sample.tags.items[i].key, f->sample.tags.items[i].key);
        assert_string_equal(sample.tags.items[i].value, f->sample.tags.items[i].value);
    }
    assert_int_equal(sample.kafka.n, 2);
    assert_string_equal(sample.kafka.items[1].key, "linger.ms");
    config_free(&again);
    free(text);
}

static void the_printed_configuration_says_where_values_come_from(void **state)
{
    struct fixture *f = *state;

    assert_reads(f, "http:\n  port: 9\nkafka:\n  sasl.password: hunter2\n  acks: all\n");
    assert_sets(f, "token=hunter2");
    char *text = printed(&f->config);
    assert_string_equal(text, "name: \"\" # default\n"
                              "journal:\n"
                              "  path: \"/var/lib/sample\" # default\n"
                              "  max_bytes: 64MiB # default\n"
                              "  sync:\n"
                              "    interval: 2m30s # default\n"
                              "http:\n"
                              "  port: 9 # conf.yaml:2\n"
                              "  enabled: true # default\n"
                              "mode: \"auto\" # default\n"
                              "hosts: [\"one\", \"two\"] # default\n"
                              "tags: {} # default\n"
                              "kafka:\n"
                              "  \"sasl.password\": \"********\" # conf.yaml:4\n"
                              "  \"acks\": \"all\" # conf.yaml:5\n"
                              "token: \"********\" # --set\n"
                              "offset: 0 # default\n");
    free(text);
}

static void help_and_the_reference_page_name_every_option(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    option_print_help(&sample_table, out);
    option_print_markdown(&sample_table, out);
    assert_int_equal(fclose(out), 0);
    assert_non_null(strstr(text, "\n  journal.max_bytes  (size; 1MiB to 1TiB; default 64MiB; scope "
                                 "process)\n      Size of the journal.\n"));
    assert_non_null(strstr(text, "\n| `journal.sync.interval` | duration, 1ms to 24h | `2m30s` | "
                                 "policy | How often it is synced. |\n"));
    assert_non_null(strstr(text, "\n| `mode` | word, one of off, on, auto | `auto` |"));
    for (size_t i = 0; i < sample_table.rows_n; i++)
        assert_non_null(strstr(text, sample_rows[i].name));
    free(text);
}

static void a_file_that_cannot_be_read_is_named(void **state)
{
    struct fixture *f = *state;
    char *dir = temp_dir_new();
    char path[1200];

    snprintf(path, sizeof path, "%s/c.yaml", dir);
    assert_int_equal(config_read_file(&f->config, path, &f->detail), ERR_NOT_FOUND);
    assert_non_null(strstr(f->detail.text, path));
    temp_write_file(path, "http.port: 7\n", 13);
    assert_int_equal(config_read_file(&f->config, path, &f->detail), ERR_OK);
    assert_int_equal(f->sample.http_port, 7);
    temp_write_file(path, "http.port: x\n", 13);
    assert_int_equal(config_read_file(&f->config, path, &f->detail), ERR_CONFIG);
    assert_non_null(strstr(f->detail.text, "c.yaml:1: http.port"));
    temp_dir_free(dir);
}

static void checks_of_several_options_name_where_the_value_stands(void **state)
{
    struct fixture *f = *state;

    assert_reads(f, "\n\nhttp.port: 7\n");
    assert_int_equal(config_error(&f->config, &f->detail, "http.port", "needs %s", "root"),
                     ERR_CONFIG);
    assert_string_equal(f->detail.text, "conf.yaml:3: http.port: needs root");
}

int main(void)
{
#define WITH_CONFIG(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        WITH_CONFIG(the_defaults_of_the_table_are_set),
        WITH_CONFIG(nested_maps_and_dotted_names_are_the_same),
        WITH_CONFIG(any_property_passes_through_below_a_prefix),
        WITH_CONFIG(set_overrides_the_file),
        WITH_CONFIG(nothing_and_comments_leave_the_defaults),
        WITH_CONFIG(what_is_wrong_in_a_file_is_named_with_its_line),
        WITH_CONFIG(what_is_wrong_in_an_argument_is_named),
        WITH_CONFIG(secrets_do_not_appear_in_errors),
        WITH_CONFIG(every_limit_holds_at_it_and_not_above),
        WITH_CONFIG(names_have_a_longest_length),
        WITH_CONFIG(printed_values_can_be_read_back),
        WITH_CONFIG(the_printed_configuration_says_where_values_come_from),
        WITH_CONFIG(help_and_the_reference_page_name_every_option),
        WITH_CONFIG(a_file_that_cannot_be_read_is_named),
        WITH_CONFIG(checks_of_several_options_name_where_the_value_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
