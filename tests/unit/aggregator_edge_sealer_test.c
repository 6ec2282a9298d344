/*
 * Sealing: what a rollup holds to the byte, and that nobody who races, dies or tampers gets away.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/wait.h>

#include "aggregator/edge/eras.h"
#include "aggregator/edge/sealer.h"
#include "aggregator/edge/store_backend.h"
#include "aggregator/edge/verify_sink.h"
#include "tests/unit/temp_dir.h"
#include "tests/unit/usage_fixture.h"

static const char TENANTS[] = "tenants:\n"
                              "  - {tenant: acme, match: {name: 'web*'}}\n"
                              "  - {tenant: zeta, match: {name: 'db*'}}\n";

struct fixture {
    char *directory;
    struct store *store;
    struct tenant_book *book;
};

static struct store *open_at(const char *directory)
{
    char uri[1200];
    struct store *store;

    snprintf(uri, sizeof uri, "file://%s/sink", directory);
    assert_int_equal(store_open(uri, &store, NULL), ERR_OK);
    return store;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->directory = temp_dir_new();
    f->store = open_at(f->directory);
    assert_int_equal(books_tenants_parse(bytes_of_string(TENANTS), "tenants.yaml", &f->book, NULL),
                     ERR_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    books_tenants_free(f->book);
    store_close(f->store);
    temp_dir_free(f->directory);
    free(f);
    return 0;
}

static struct sealer *sealer_for(struct store *store, int32_t partitions_n,
                                 const struct tenant_book *book)
{
    struct sealer_options options = {
        .era = 1, .partitions_n = partitions_n, .first_hour = FIXTURE_HOUR, .book = book};
    struct sealer *sealer;

    assert_int_equal(sealer_new(store, &options, &sealer, NULL), ERR_OK);
    return sealer;
}

static struct sealer_result scan(struct store *store, int32_t partitions_n,
                                 const struct tenant_book *book, int64_t hour)
{
    struct sealer *sealer = sealer_for(store, partitions_n, book);
    struct sealer_result result;
    struct err_detail detail = {""};
    enum err e = sealer_scan_hour(sealer, hour, &result, &detail);

    if (e != ERR_OK)
        fail_msg("%s: %s", err_name(e), detail.text);
    sealer_free(sealer);
    return result;
}

static char *read_text(struct store *store, const char *name)
{
    uint8_t *content;
    size_t len;
    struct err_detail detail = {""};

    if (store_read(store, name, &content, &len, &detail) != ERR_OK)
        fail_msg("%s", detail.text);
    char *text = realloc(content, len + 1);

    text[len] = '\0';
    return text;
}

/* Two partitions; partition 0: acme's web and an unclaimed one, partition 1: zeta's db. */
static void write_hour(struct store *store, int64_t hour)
{
    struct usage_line first[2] = {fixture_line("i-a", "run-1", "web-1", hour, 30),
                                  fixture_line("i-a", "run-2", "=cmd|' /C calc'!A0", hour, 1)};
    struct usage_line second[1] = {fixture_line("i-b", "run-1", "db, \"main\"", hour, 60)};
    struct part parts[2] = {fixture_part(0, hour, 1, first, 2),
                            fixture_part(1, hour, 1, second, 1)};

    second[0].flags = LINE_PROVISIONAL;
    second[0].end_time = NO_TIME;
    second[0].end_cause = END_UNKNOWN;
    parts[1].status = PART_PROVISIONAL;
    for (int i = 0; i < 2; i++)
        fixture_write_part(store, &parts[i]);
}

#define REV1 "rollup/dt=2026-11-20/hour=13/rev=0001/"
#define REV2 "rollup/dt=2026-11-20/hour=13/rev=0002/"

static void nothing_is_sealed_before_every_partition_has_its_first_part(void **state)
{
    struct fixture *f = *state;
    struct part empty = fixture_part(0, FIXTURE_HOUR, 1, NULL, 0);
    struct store_names names;

    fixture_write_part(f->store, &empty);
    struct sealer_result result = scan(f->store, 2, f->book, FIXTURE_HOUR);

    assert_int_equal(result.revision, 0);
    assert_int_equal(result.proposed, 0);
    assert_int_equal(store_list(f->store, "rollup/", &names, NULL), ERR_OK);
    assert_int_equal(names.n, 0);
}

static void an_hour_waits_for_the_hour_before_it(void **state)
{
    struct fixture *f = *state;

    write_hour(f->store, FIXTURE_HOUR + HOUR_MS);
    assert_int_equal(scan(f->store, 2, f->book, FIXTURE_HOUR + HOUR_MS).revision, 0);
    write_hour(f->store, FIXTURE_HOUR);
    assert_int_equal(scan(f->store, 2, f->book, FIXTURE_HOUR).revision, 1);
    assert_int_equal(scan(f->store, 2, f->book, FIXTURE_HOUR + HOUR_MS).revision, 1);
}

/* Compares an object with tests/data/rollup/FILE; UPDATE=1 writes the file instead. */
static void check_golden(struct store *store, const char *object, const char *file)
{
    char path[1200];
    uint8_t *content;
    size_t len;
    struct stat st;

    snprintf(path, sizeof path, "%s/rollup/%s", EM_TEST_DATA, file);
    assert_int_equal(store_read(store, object, &content, &len, NULL), ERR_OK);
    if (getenv("UPDATE") != NULL) {
        temp_write_file(path, content, len);
    } else {
        uint8_t *golden = temp_read_file(path, &st);

        if ((size_t)st.st_size != len || memcmp(golden, content, len) != 0)
            fail_msg("%s differs from %s; look at it, then UPDATE=1. It is now:\n%.*s", object,
                     path, (int)len, (const char *)content);
        free(golden);
    }
    free(content);
}

static void a_small_rollup_has_the_bytes_that_were_reviewed(void **state)
{
    struct fixture *f = *state;

    write_hour(f->store, FIXTURE_HOUR);
    assert_int_equal(scan(f->store, 2, f->book, FIXTURE_HOUR).revision, 1);
    check_golden(f->store, REV1 "tenants.csv", "tenants.csv");
    check_golden(f->store, REV1 "tenants.avro", "tenants.avro");
    check_golden(f->store, REV1 "enclaves.csv", "enclaves.csv");
    check_golden(f->store, REV1 "enclaves.avro", "enclaves.avro");
    check_golden(f->store, REV1 "inputs.json", "inputs.json");
    check_golden(f->store, REV1 "manifest.json", "manifest.json");
    check_golden(f->store, "tenant/acme/dt=2026-11-20/hour=13/rev=0001/manifest.json",
                 "tenant-manifest.json");
    check_golden(f->store, "usage/era=0001/dt=2026-11-20/hour=13/p=0000/rev=0001.avro",
                 "part.avro");
}

static void a_cell_that_would_start_a_formula_is_neutralised_and_numbers_are_not(void **state)
{
    struct fixture *f = *state;
    struct usage_line lines[1] = {fixture_line("i-a", "r", "+1", FIXTURE_HOUR, 0)};
    struct part part = fixture_part(0, FIXTURE_HOUR, 1, lines, 1);

    lines[0].kind = LINE_CORRECTION;
    lines[0].held_ms = -5;
    lines[0].end_detail = bytes_of_string("\t@SUM(A1)");
    lines[0].region = bytes_of_string("-x\r\ny");
    fixture_write_part(f->store, &part);
    assert_int_equal(scan(f->store, 1, f->book, FIXTURE_HOUR).revision, 1);
    char *csv = read_text(f->store, REV1 "enclaves.csv");

    assert_non_null(strstr(csv, ",'+1,"));
    assert_non_null(strstr(csv, ",CORRECTION,-5,"));
    assert_non_null(strstr(csv, ",'\t@SUM(A1),"));
    assert_non_null(strstr(csv, ",\"'-x\r\ny\","));
    free(csv);
}

static void without_a_price_book_amounts_are_empty_and_not_zero(void **state)
{
    struct fixture *f = *state;

    write_hour(f->store, FIXTURE_HOUR);
    (void)scan(f->store, 2, f->book, FIXTURE_HOUR);
    char *csv = read_text(f->store, REV1 "tenants.csv");

    assert_non_null(strstr(csv, "acme,1,1799000,1800000,3600000,921600000,,,CLOSED,true\r\n"));
    free(csv);
}

static void write_second_revision(struct store *store)
{
    struct usage_line changed = fixture_line("i-a", "run-1", "db-now", FIXTURE_HOUR, 31);
    struct part part = fixture_part(0, FIXTURE_HOUR, 2, &changed, 1);

    fixture_write_part(store, &part);
}

static void a_tenant_that_vanishes_gets_an_empty_file_and_keeps_its_chain(void **state)
{
    struct fixture *f = *state;

    write_hour(f->store, FIXTURE_HOUR);
    assert_int_equal(scan(f->store, 2, f->book, FIXTURE_HOUR).revision, 1);
    write_second_revision(f->store); /* what was acme's is zeta's now */
    assert_int_equal(scan(f->store, 2, f->book, FIXTURE_HOUR).revision, 2);
    char *csv = read_text(f->store, "tenant/acme/dt=2026-11-20/hour=13/rev=0002/enclaves.csv");

    assert_non_null(strstr(csv, "\r\n"));
    assert_string_equal(strstr(csv, "\r\n"), "\r\n"); /* the header and nothing else */
    free(csv);
    char *manifest = read_text(f->store, REV2 "manifest.json");

    assert_non_null(strstr(manifest, "\"reason\":[\"LATE_EVENT\"]"));
    free(manifest);
}

static void what_is_sealed_is_not_sealed_again_without_newer_parts(void **state)
{
    struct fixture *f = *state;
    struct tenant_book *other;

    write_hour(f->store, FIXTURE_HOUR);
    assert_int_equal(scan(f->store, 2, f->book, FIXTURE_HOUR).revision, 1);
    assert_int_equal(books_tenants_parse(BYTES_LITERAL("tenants: []"), "x", &other, NULL), ERR_OK);
    struct sealer_result result = scan(f->store, 2, other, FIXTURE_HOUR);

    assert_int_equal(result.revision, 1); /* another map alone proposes nothing */
    assert_int_equal(result.proposed, 0);
    books_tenants_free(other);
}

/* ---- crashes ----------------------------------------------------------------------------------
 */

/* A store whose process is killed at its n-th creation: from then on nothing works. */
struct dying_store {
    struct store store;
    struct store *inner;
    int creations_left;
};

static enum err dying_create(struct store *store, const char *name, struct bytes content,
                             struct err_detail *detail)
{
    struct dying_store *d = (struct dying_store *)store;

    if (d->creations_left-- <= 0)
        return err_set(detail, ERR_IO, "killed");
    return store_create(d->inner, name, content, detail);
}

static enum err dying_read(struct store *store, const char *name, uint8_t **content, size_t *len,
                           struct err_detail *detail)
{
    struct dying_store *d = (struct dying_store *)store;

    return d->creations_left < 0 ? err_set(detail, ERR_IO, "killed")
                                 : store_read(d->inner, name, content, len, detail);
}

static enum err dying_list(struct store *store, const char *prefix, struct store_names *names,
                           struct err_detail *detail)
{
    struct dying_store *d = (struct dying_store *)store;

    return d->creations_left < 0 ? err_set(detail, ERR_IO, "killed")
                                 : store_list(d->inner, prefix, names, detail);
}

static const struct store_backend dying_backend = {
    .create = dying_create, .read = dying_read, .list = dying_list};

/* All objects of a store in one text: name, length, bytes. */
static char *everything(struct store *store, size_t *len)
{
    struct store_names names;
    char *all = NULL;
    FILE *out = open_memstream(&all, len);

    assert_int_equal(store_list(store, "", &names, NULL), ERR_OK);
    for (size_t i = 0; i < names.n; i++) {
        uint8_t *content;
        size_t n;

        assert_int_equal(store_read(store, names.names[i], &content, &n, NULL), ERR_OK);
        fprintf(out, "%s %zu ", names.names[i], n);
        fwrite(content, 1, n, out);
        free(content);
    }
    fclose(out);
    store_names_free(&names);
    return all;
}

static void whoever_comes_after_a_crash_finishes_with_the_same_bytes(void **state)
{
    struct fixture *f = *state;
    size_t expected_len, len;
    int deaths = 0;

    write_hour(f->store, FIXTURE_HOUR);
    (void)scan(f->store, 2, f->book, FIXTURE_HOUR);
    write_second_revision(f->store);
    (void)scan(f->store, 2, f->book, FIXTURE_HOUR);
    char *expected = everything(f->store, &expected_len);

    for (int creations = 0;; creations++) {
        char *directory = temp_dir_new();
        struct store *store = open_at(directory);
        struct dying_store dying = {{&dying_backend}, store, creations};
        bool died = false;

        write_hour(store, FIXTURE_HOUR);
        for (int revision = 1; revision <= 2; revision++) {
            struct sealer *sealer = sealer_for(&dying.store, 2, f->book);
            struct sealer_result result;

            died = sealer_scan_hour(sealer, FIXTURE_HOUR, &result, NULL) != ERR_OK || died;
            sealer_free(sealer);
            (void)scan(store, 2, f->book, FIXTURE_HOUR); /* another process */
            if (revision == 1)
                write_second_revision(store);
        }
        char *all = everything(store, &len);

        assert_int_equal(len, expected_len);
        assert_memory_equal(all, expected, len);
        free(all);
        store_close(store);
        temp_dir_free(directory);
        if (!died)
            break;
        deaths++;
    }
    assert_true(deaths > 10); /* one per object of the two revisions */
    free(expected);
}

static void racing_sealers_with_different_inputs_end_with_one_chain(void **state)
{
    enum { SEALERS = 8 };
    struct fixture *f = *state;
    pid_t children[SEALERS];
    int go[2];

    write_hour(f->store, FIXTURE_HOUR);
    assert_int_equal(pipe(go), 0);
    for (int i = 0; i < SEALERS; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) { /* every second one sees the second revision before it seals */
            struct store *store = open_at(f->directory);
            struct sealer *sealer = sealer_for(store, 2, i % 2 == 0 ? f->book : NULL);
            struct sealer_result result;
            char byte;

            close(go[1]);
            (void)!read(go[0], &byte, 1);
            if (i % 2 == 0)
                write_second_revision(store);
            _exit(sealer_scan_hour(sealer, FIXTURE_HOUR, &result, NULL) == ERR_OK ? 0 : 1);
        }
    }
    close(go[0]);
    close(go[1]);
    for (int i = 0; i < SEALERS; i++) {
        int status;

        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    struct sealer_result result = scan(f->store, 2, f->book, FIXTURE_HOUR);

    assert_int_equal(result.proposed, 0); /* nothing was left to do */
    assert_in_range(result.revision, 1, 2);
}

static void losing_with_other_inputs_leads_to_the_next_revision(void **state)
{
    struct fixture *f = *state;
    struct dying_store first = {{&dying_backend}, f->store, 2}; /* book, inputs.json, dead */
    struct sealer *sealer = sealer_for(&first.store, 2, f->book);
    struct sealer_result result;

    write_hour(f->store, FIXTURE_HOUR);
    assert_int_not_equal(sealer_scan_hour(sealer, FIXTURE_HOUR, &result, NULL), ERR_OK);
    sealer_free(sealer);
    write_second_revision(f->store); /* the winner of rev 1 did not know it */
    result = scan(f->store, 2, NULL, FIXTURE_HOUR);
    assert_int_equal(result.revision, 2);
    assert_int_equal(result.finished, 2);
    assert_int_equal(result.proposed, 1);
}

/* ---- running ----------------------------------------------------------------------------------
 */

static void a_run_seals_as_many_hours_as_it_can_and_finds_later_revisions(void **state)
{
    enum { HOURS = 30 };
    struct fixture *f = *state;
    struct sealer *sealer = sealer_for(f->store, 2, f->book);
    struct sealer_progress progress;
    uint32_t finished = 0;

    for (int i = 0; i < HOURS; i++)
        write_hour(f->store, FIXTURE_HOUR + i * (int64_t)HOUR_MS);
    do {
        assert_int_equal(sealer_run(sealer, &progress, NULL), ERR_OK);
        finished += progress.finished;
    } while (progress.more);
    assert_int_equal(finished, HOURS);
    assert_int_equal(progress.next_hour, FIXTURE_HOUR + HOURS * (int64_t)HOUR_MS);

    write_second_revision(f->store);
    sealer_note_part(sealer, FIXTURE_HOUR);
    assert_int_equal(sealer_run(sealer, &progress, NULL), ERR_OK);
    assert_int_equal(progress.finished, 1);
    sealer_free(sealer);
    sealer = sealer_for(f->store, 2, f->book); /* a restart finds its place */
    assert_int_equal(sealer_run(sealer, &progress, NULL), ERR_OK);
    assert_int_equal(progress.next_hour, FIXTURE_HOUR + HOURS * (int64_t)HOUR_MS);
    sealer_free(sealer);
}

static void parts_that_another_process_wrote_are_found_in_turn(void **state)
{
    struct fixture *f = *state;
    struct sealer *sealer = sealer_for(f->store, 2, f->book);
    struct sealer_progress progress;
    uint32_t finished = 0;

    write_hour(f->store, FIXTURE_HOUR);
    assert_int_equal(sealer_run(sealer, &progress, NULL), ERR_OK);
    write_second_revision(f->store);
    for (int i = 0; i < SEALER_WINDOW_HOURS && finished == 0; i++) {
        assert_int_equal(sealer_run(sealer, &progress, NULL), ERR_OK);
        finished += progress.finished;
    }
    assert_int_equal(finished, 1);
    sealer_free(sealer);
}

/* ---- eras -------------------------------------------------------------------------------------
 */

static void an_era_is_recorded_once_and_anything_else_is_refused(void **state)
{
    struct fixture *f = *state;
    struct era wanted = {1, "enclave.lifecycle", "id-1", 12, FIXTURE_HOUR}, recorded;
    struct era other = wanted;
    struct err_detail detail = {""};

    assert_int_equal(eras_read(f->store, &recorded, NULL), ERR_NOT_FOUND);
    assert_int_equal(eras_ensure(f->store, &wanted, &recorded, NULL), ERR_OK);
    other.first_hour += HOUR_MS; /* a later start does not move the era */
    assert_int_equal(eras_ensure(f->store, &other, &recorded, NULL), ERR_OK);
    assert_int_equal(recorded.first_hour, FIXTURE_HOUR);
    other.partitions_n = 24;
    assert_int_equal(eras_ensure(f->store, &other, &recorded, &detail), ERR_CONFIG);
    assert_non_null(strstr(detail.text, "24 partitions"));
    other = wanted;
    snprintf(other.topic_id, sizeof other.topic_id, "id-2");
    assert_int_equal(eras_ensure(f->store, &other, &recorded, &detail), ERR_CONFIG);
    assert_non_null(strstr(detail.text, "id-2"));
}

/* ---- verify -----------------------------------------------------------------------------------
 */

struct faults {
    char text[8192];
};

static void note_fault(void *context, const char *object, const char *what)
{
    struct faults *f = context;
    size_t n = strlen(f->text);

    snprintf(f->text + n, sizeof f->text - n, "%s: %s\n", object, what);
}

static uint64_t verify(struct store *store, struct faults *faults)
{
    struct verify_counts counts;

    faults->text[0] = '\0';
    assert_int_equal(verify_sink(store, note_fault, faults, &counts, NULL), ERR_OK);
    return counts.faults;
}

/* Two hours, the first with two revisions. */
static void seal_two_hours(struct fixture *f)
{
    write_hour(f->store, FIXTURE_HOUR);
    (void)scan(f->store, 2, f->book, FIXTURE_HOUR);
    write_hour(f->store, FIXTURE_HOUR + HOUR_MS);
    (void)scan(f->store, 2, f->book, FIXTURE_HOUR + HOUR_MS);
    write_second_revision(f->store);
    (void)scan(f->store, 2, f->book, FIXTURE_HOUR);
}

static void a_sink_as_it_was_sealed_has_no_fault(void **state)
{
    struct fixture *f = *state;
    struct faults faults;

    seal_two_hours(f);
    if (verify(f->store, &faults) != 0)
        fail_msg("%s", faults.text);
}

static void one_changed_byte_anywhere_is_found(void **state)
{
    struct fixture *f = *state;
    struct store_names names;
    struct faults faults;

    seal_two_hours(f);
    assert_int_equal(store_list(f->store, "", &names, NULL), ERR_OK);
    assert_true(names.n > 30);
    for (size_t i = 0; i < names.n; i++) {
        char path[2048];
        struct stat st;

        snprintf(path, sizeof path, "%s/sink/%s", f->directory, names.names[i]);
        uint8_t *content = temp_read_file(path, &st);

        content[st.st_size / 2] ^= 1;
        temp_write_file(path, content, (size_t)st.st_size);
        if (verify(f->store, &faults) == 0)
            fail_msg("a changed byte in %s was not found", names.names[i]);
        content[st.st_size / 2] ^= 1;
        temp_write_file(path, content, (size_t)st.st_size);
        free(content);
    }
    assert_int_equal(verify(f->store, &faults), 0);
    store_names_free(&names);
}

static void a_removed_or_an_added_file_is_found(void **state)
{
    struct fixture *f = *state;
    struct faults faults;

    seal_two_hours(f);
    assert_int_equal(store_create(f->store, REV1 "extra.csv", BYTES_LITERAL("x"), NULL), ERR_OK);
    assert_int_equal(verify(f->store, &faults), 1);
    assert_non_null(strstr(faults.text, "extra.csv: is named by no manifest"));
    assert_int_equal(store_delete(f->store, REV1 "extra.csv", NULL), ERR_OK);
    assert_int_equal(store_delete(f->store, REV2 "tenants.csv", NULL), ERR_OK);
    assert_int_equal(verify(f->store, &faults), 1);
    assert_non_null(strstr(faults.text, REV2 "tenants.csv: is missing"));
}

static void one_tenants_prefix_is_verified_alone(void **state)
{
    struct fixture *f = *state;
    struct faults faults;
    struct store_names names;

    seal_two_hours(f);
    assert_int_equal(store_list(f->store, "", &names, NULL), ERR_OK);
    for (size_t i = 0; i < names.n; i++) {
        if (strncmp(names.names[i], "tenant/acme/", 12) != 0)
            assert_int_equal(store_delete(f->store, names.names[i], NULL), ERR_OK);
    }
    store_names_free(&names);
    assert_int_equal(verify(f->store, &faults), 0);
    assert_int_equal(
        store_delete(f->store, "tenant/acme/dt=2026-11-20/hour=13/rev=0001/manifest.json", NULL),
        ERR_OK);
    assert_true(verify(f->store, &faults) > 0);
}

static void an_object_with_other_bytes_is_an_incident_and_stays(void **state)
{
    struct fixture *f = *state;
    struct sealer *sealer = sealer_for(f->store, 2, f->book);
    struct sealer_result result;
    struct err_detail detail = {""};

    write_hour(f->store, FIXTURE_HOUR);
    assert_int_equal(store_create(f->store, REV1 "tenants.csv", BYTES_LITERAL("other"), NULL),
                     ERR_OK);
    assert_int_equal(sealer_scan_hour(sealer, FIXTURE_HOUR, &result, &detail), ERR_INCIDENT);
    assert_non_null(strstr(detail.text, "tenants.csv"));
    char *text = read_text(f->store, REV1 "tenants.csv");

    assert_string_equal(text, "other");
    free(text);
    sealer_free(sealer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_sealed_before_every_partition_has_its_first_part),
        TEST(an_hour_waits_for_the_hour_before_it),
        TEST(a_small_rollup_has_the_bytes_that_were_reviewed),
        TEST(a_cell_that_would_start_a_formula_is_neutralised_and_numbers_are_not),
        TEST(without_a_price_book_amounts_are_empty_and_not_zero),
        TEST(a_tenant_that_vanishes_gets_an_empty_file_and_keeps_its_chain),
        TEST(what_is_sealed_is_not_sealed_again_without_newer_parts),
        TEST(whoever_comes_after_a_crash_finishes_with_the_same_bytes),
        TEST(racing_sealers_with_different_inputs_end_with_one_chain),
        TEST(losing_with_other_inputs_leads_to_the_next_revision),
        TEST(a_run_seals_as_many_hours_as_it_can_and_finds_later_revisions),
        TEST(parts_that_another_process_wrote_are_found_in_turn),
        TEST(an_era_is_recorded_once_and_anything_else_is_refused),
        TEST(a_sink_as_it_was_sealed_has_no_fault),
        TEST(one_changed_byte_anywhere_is_found),
        TEST(a_removed_or_an_added_file_is_found),
        TEST(one_tenants_prefix_is_verified_alone),
        TEST(an_object_with_other_bytes_is_an_incident_and_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
