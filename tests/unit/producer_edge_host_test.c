/*
 * Who this host is: configuration first, then DMI; the boot id; the clocks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/clock.h"
#include "producer/edge/host.h"
#include "tests/unit/temp_dir.h"

#define BOOT_ID "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"

struct world {
    char *directory;
    char boot_id_file[256], asset_tag_file[256];
    struct producer_settings settings;
    struct host host;
    struct err_detail detail;
};

static void write_text(const char *path, const char *text)
{
    temp_write_file(path, text, strlen(text));
}

static void setup(struct world *w)
{
    *w = (struct world){.directory = temp_dir_new()};
    snprintf(w->boot_id_file, sizeof w->boot_id_file, "%s/boot_id", w->directory);
    snprintf(w->asset_tag_file, sizeof w->asset_tag_file, "%s/asset_tag", w->directory);
    write_text(w->boot_id_file, BOOT_ID "\n");
    w->settings = (struct producer_settings){.instance_id = "",
                                             .instance_account = "123456789012",
                                             .instance_region = "eu-west-1",
                                             .instance_zone = "eu-west-1a",
                                             .instance_type = "m5.2xlarge",
                                             .host_boot_id_file = w->boot_id_file,
                                             .host_asset_tag_file = w->asset_tag_file,
                                             .pool_vcpus = 4,
                                             .pool_memory_mib = 6144};
}

static void teardown(struct world *w)
{
    temp_dir_free(w->directory);
}

static void the_configured_instance_id_is_used(void **unused)
{
    (void)unused;
    struct world w;
    static const struct option_pair tags[] = {{"team", "blue", "default"}};

    setup(&w);
    write_text(w.asset_tag_file, "i-00000000000000001\n");
    w.settings.instance_id = "i-0a1b2c3d4e5f60718";
    w.settings.instance_tags = (struct option_map){tags, 1};
    assert_int_equal(host_init(&w.host, &w.settings, &w.detail), ERR_OK);
    assert_string_equal(w.host.instance_id, "i-0a1b2c3d4e5f60718");
    assert_int_equal(w.host.boot_id.bytes[0], 0x0f);
    assert_int_equal(w.host.boot_id.bytes[15], 0xf0);
    assert_true(bytes_equal(w.host.facts.region, BYTES_LITERAL("eu-west-1")));
    assert_int_equal(w.host.facts.tags.n, 1);
    assert_true(bytes_equal(w.host.facts.tags.pairs[0].value, BYTES_LITERAL("blue")));
    assert_int_equal(w.host.facts.pool_vcpus, 4);
    assert_int_equal(w.host.facts.pool_memory_mib, 6144);
    teardown(&w);
}

static void without_one_dmi_names_the_instance(void **unused)
{
    (void)unused;
    struct world w;

    setup(&w);
    write_text(w.asset_tag_file, "i-00000000000000001\n");
    assert_int_equal(host_init(&w.host, &w.settings, &w.detail), ERR_OK);
    assert_string_equal(w.host.instance_id, "i-00000000000000001");
    teardown(&w);
}

static void a_host_without_an_instance_id_is_refused_and_told_what_to_set(void **unused)
{
    (void)unused;
    static const char *const tags[] = {NULL, "", "Amazon EC2", "i-", "i-0000ZZZZ00000000", "i-123"};

    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        struct world w;

        setup(&w);
        if (tags[i] != NULL)
            write_text(w.asset_tag_file, tags[i]);
        assert_int_equal(host_init(&w.host, &w.settings, &w.detail), ERR_CONFIG);
        assert_non_null(strstr(w.detail.text, "set instance.id"));
        teardown(&w);
    }
}

static void an_instance_id_at_the_limit_is_taken_and_beyond_refused(void **unused)
{
    (void)unused;
    struct world w;
    char id[HOST_INSTANCE_ID_MAX + 2];

    setup(&w);
    memset(id, 'i', sizeof id);
    id[HOST_INSTANCE_ID_MAX] = '\0';
    w.settings.instance_id = id;
    assert_int_equal(host_init(&w.host, &w.settings, &w.detail), ERR_OK);
    id[HOST_INSTANCE_ID_MAX] = 'i';
    id[HOST_INSTANCE_ID_MAX + 1] = '\0';
    assert_int_equal(host_init(&w.host, &w.settings, &w.detail), ERR_CONFIG);
    teardown(&w);
}

static void a_file_that_is_no_boot_id_is_refused(void **unused)
{
    (void)unused;
    struct world w;

    setup(&w);
    w.settings.instance_id = "i-0a1b2c3d4e5f60718";
    write_text(w.boot_id_file, "not a uuid\n");
    assert_int_equal(host_init(&w.host, &w.settings, &w.detail), ERR_MALFORMED);
    assert_int_equal(unlink(w.boot_id_file), 0);
    assert_int_equal(host_init(&w.host, &w.settings, &w.detail), ERR_NOT_FOUND);
    teardown(&w);
}

static void the_clocks_are_read_together(void **unused)
{
    (void)unused;
    struct world w;

    setup(&w);
    w.settings.instance_id = "i-0a1b2c3d4e5f60718";
    assert_int_equal(host_init(&w.host, &w.settings, &w.detail), ERR_OK);
    int64_t before = clock_boot_ms();
    host_read_clocks(&w.host);
    assert_true(w.host.facts.boottime_ms >= before);
    assert_true(w.host.facts.boottime_ms <= clock_boot_ms());
    assert_true(w.host.facts.wall_time > 0);
    assert_true(w.host.facts.clock_error_us >= -1);
    teardown(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_configured_instance_id_is_used),
        cmocka_unit_test(without_one_dmi_names_the_instance),
        cmocka_unit_test(a_host_without_an_instance_id_is_refused_and_told_what_to_set),
        cmocka_unit_test(an_instance_id_at_the_limit_is_taken_and_beyond_refused),
        cmocka_unit_test(a_file_that_is_no_boot_id_is_refused),
        cmocka_unit_test(the_clocks_are_read_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
