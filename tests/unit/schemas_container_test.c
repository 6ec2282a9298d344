/*
 * Avro container files of our own writer, read by our own reader and by Avro-C; damaged files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <avro.h>
#include <cmocka.h>

#include "schemas/c/avro_container.h"

enum { FILE_MAX = 256 * 1024 };

static const char row_schema[] = "{\"type\":\"record\",\"name\":\"Row\",\"fields\":["
                                 "{\"name\":\"i\",\"type\":\"long\"},"
                                 "{\"name\":\"s\",\"type\":\"string\"}]}";
static const uint8_t sync_marker[AVRO_SYNC_BYTES] = "0123456789abcdef";
static uint8_t file[FILE_MAX];

static void put_row(struct avro_container *c, uint64_t i)
{
    avro_container_row_begin(c);
    avro_put_long(c->out, (int64_t)(i * i));
    avro_put_bytes(c->out, BYTES_LITERAL("text"));
    avro_container_row_end(c);
}

static enum err write_rows(uint64_t rows, size_t cap, size_t *len)
{
    const struct avro_meta meta[] = {{"hour", BYTES_LITERAL("2026-11-20T13")},
                                     {"empty", {NULL, 0}}};
    struct avro_writer w = avro_writer_over(file, cap);
    struct avro_container c;

    avro_container_begin(&c, &w, row_schema, meta, 2, sync_marker);
    for (uint64_t i = 0; i < rows; i++)
        put_row(&c, i);
    avro_container_end(&c);
    assert_true(c.rows == rows);
    return avro_writer_finish(&w, len);
}

/* Reads all rows; returns the error that ends it. */
static enum err read_rows(struct bytes bytes, uint64_t *rows)
{
    struct avro_container_reader r;
    enum err err = avro_container_open(&r, bytes);

    *rows = 0;
    while (err == ERR_OK && (err = avro_container_next(&r)) == ERR_OK) {
        int64_t i;
        struct bytes s;

        err = avro_get_long(&r.in, &i);
        if (err == ERR_OK)
            err = avro_get_bytes(&r.in, &s);
        if (err == ERR_OK)
            ++*rows;
    }
    return err;
}

static void rows_around_the_block_size_are_read_back(void **state)
{
    static const uint64_t counts[] = {0,
                                      1,
                                      AVRO_CONTAINER_BLOCK_ROWS - 1,
                                      AVRO_CONTAINER_BLOCK_ROWS,
                                      AVRO_CONTAINER_BLOCK_ROWS + 1,
                                      3 * AVRO_CONTAINER_BLOCK_ROWS};

    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        uint64_t rows;
        size_t len;

        assert_int_equal(write_rows(counts[i], sizeof file, &len), ERR_OK);
        assert_int_equal(read_rows(bytes_of(file, len), &rows), ERR_NOT_FOUND);
        assert_true(rows == counts[i]);
    }
}

static void metadata_is_found_by_key(void **state)
{
    struct avro_container_reader r;
    size_t len;

    (void)state;
    assert_int_equal(write_rows(1, sizeof file, &len), ERR_OK);
    assert_int_equal(avro_container_open(&r, bytes_of(file, len)), ERR_OK);
    assert_true(bytes_equal(r.schema_json, bytes_of_string(row_schema)));
    assert_true(bytes_equal(avro_container_meta(&r, "hour"), BYTES_LITERAL("2026-11-20T13")));
    assert_int_equal(avro_container_meta(&r, "empty").len, 0);
    assert_int_equal(avro_container_meta(&r, "absent").len, 0);
    assert_memory_equal(r.sync, sync_marker, AVRO_SYNC_BYTES);
}

static void equal_content_gives_equal_bytes(void **state)
{
    static uint8_t first[FILE_MAX];
    size_t first_len, len;

    (void)state;
    assert_int_equal(write_rows(2000, sizeof file, &first_len), ERR_OK);
    memcpy(first, file, first_len);
    memset(file, 0xee, sizeof file);
    assert_int_equal(write_rows(2000, sizeof file, &len), ERR_OK);
    assert_int_equal(len, first_len);
    assert_memory_equal(file, first, len);
}

static void a_writer_without_room_says_so_at_the_end(void **state)
{
    size_t len, ignored;

    (void)state;
    assert_int_equal(write_rows(5, sizeof file, &len), ERR_OK);
    for (size_t cap = 0; cap < len; cap++) {
        memset(file, 0xee, len + 1);
        assert_int_equal(write_rows(5, cap, &ignored), ERR_CAPACITY);
        assert_int_equal(file[cap], 0xee);
    }
    assert_int_equal(write_rows(5, len, &ignored), ERR_OK);
}

static void a_file_cut_anywhere_is_noticed(void **state)
{
    size_t len, header_len;
    uint64_t rows;

    (void)state;
    assert_int_equal(write_rows(0, sizeof file, &header_len), ERR_OK);
    assert_int_equal(write_rows(7, sizeof file, &len), ERR_OK);
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *copy = malloc(cut == 0 ? 1 : cut);
        enum err err;

        assert_non_null(copy);
        memcpy(copy, file, cut);
        err = read_rows(bytes_of(copy, cut), &rows);
        free(copy);
        assert_int_equal(err, cut == header_len ? ERR_NOT_FOUND : ERR_TRUNCATED);
    }
}

static void a_wrong_magic_sync_or_codec_is_refused(void **state)
{
    size_t len;
    uint64_t rows;
    uint8_t *codec;

    (void)state;
    assert_int_equal(write_rows(7, sizeof file, &len), ERR_OK);
    file[len - 1] ^= 1;
    assert_int_equal(read_rows(bytes_of(file, len), &rows), ERR_MALFORMED);
    file[len - 1] ^= 1;
    file[0] ^= 1;
    assert_int_equal(read_rows(bytes_of(file, len), &rows), ERR_MALFORMED);
    file[0] ^= 1;
    codec = memmem(file, len, "avro.codec\x08null", 15);
    assert_non_null(codec);
    memcpy(codec + 11, "zstd", 4);
    assert_int_equal(read_rows(bytes_of(file, len), &rows), ERR_UNSUPPORTED);
}

/* A header with `n` metadata entries besides the schema. */
static enum err open_with_entries(int n)
{
    struct avro_writer w = avro_writer_over(file, sizeof file);
    struct avro_container_reader r;

    avro_put_raw(&w, "Obj\x01", 4);
    avro_put_long(&w, -1);
    avro_put_long(&w, 100); /* bytes of the block: readers may ignore it */
    avro_put_bytes(&w, BYTES_LITERAL("avro.schema"));
    avro_put_bytes(&w, bytes_of_string(row_schema));
    for (int i = 0; i < n; i++) {
        char key[16];

        avro_put_long(&w, 1);
        avro_put_bytes(&w, bytes_of(key, (size_t)snprintf(key, sizeof key, "key%d", i)));
        avro_put_bytes(&w, BYTES_LITERAL(""));
    }
    avro_put_long(&w, 0);
    avro_put_raw(&w, sync_marker, AVRO_SYNC_BYTES);
    return avro_container_open(&r, bytes_of(file, w.len));
}

static void metadata_entries_are_limited(void **state)
{
    (void)state;
    assert_int_equal(open_with_entries(AVRO_CONTAINER_META_MAX - 2), ERR_OK);
    assert_int_equal(open_with_entries(AVRO_CONTAINER_META_MAX - 1), ERR_OK);
    assert_int_equal(open_with_entries(AVRO_CONTAINER_META_MAX), ERR_LIMIT);
}

/* A file with one block that states `count` rows in `size` bytes, and five bytes of them. */
static enum err read_block(int64_t count, int64_t size)
{
    struct avro_writer w;
    uint64_t rows;
    size_t len;

    assert_int_equal(write_rows(0, sizeof file, &len), ERR_OK);
    w = (struct avro_writer){.ptr = file, .cap = sizeof file, .len = len};
    avro_put_long(&w, count);
    avro_put_long(&w, size);
    avro_put_raw(&w,
                 "\x02\x06"
                 "abc",
                 5);
    avro_put_raw(&w, sync_marker, AVRO_SYNC_BYTES);
    return read_rows(bytes_of(file, w.len), &rows);
}

static void a_block_must_be_what_its_header_says(void **state)
{
    (void)state;
    assert_int_equal(read_block(1, 5), ERR_NOT_FOUND);
    assert_int_equal(read_block(1, 4), ERR_TRUNCATED);
    assert_int_equal(read_block(1, 6), ERR_MALFORMED);
    assert_int_equal(read_block(1, 22), ERR_TRUNCATED);
    assert_int_equal(read_block(2, 5), ERR_TRUNCATED);
    assert_int_equal(read_block(0, 5), ERR_MALFORMED);
    assert_int_equal(read_block(6, 5), ERR_MALFORMED);
    assert_int_equal(read_block(-1, 5), ERR_MALFORMED);
    assert_int_equal(read_block(1, -5), ERR_MALFORMED);
    assert_int_equal(read_block(INT64_MAX, INT64_MAX), ERR_TRUNCATED);
}

static void avro_c_reads_every_row(void **state)
{
    char path[] = "/tmp/schemas_container_test.XXXXXX";
    int fd = mkstemp(path);
    avro_file_reader_t reader;
    avro_value_iface_t *iface;
    avro_value_t value, field;
    uint64_t rows = 0;
    size_t len;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write_rows(2500, sizeof file, &len), ERR_OK);
    assert_int_equal(write(fd, file, len), len);
    assert_int_equal(close(fd), 0);
    assert_int_equal(avro_file_reader(path, &reader), 0);
    avro_schema_t schema = avro_file_reader_get_writer_schema(reader);
    iface = avro_generic_class_from_schema(schema);
    assert_int_equal(avro_generic_value_new(iface, &value), 0);
    while (avro_file_reader_read_value(reader, &value) == 0) {
        int64_t i = -1;

        assert_int_equal(avro_value_get_by_name(&value, "i", &field, NULL), 0);
        assert_int_equal(avro_value_get_long(&field, &i), 0);
        assert_true((uint64_t)i == rows * rows);
        rows++;
    }
    assert_int_equal(rows, 2500);
    avro_value_decref(&value);
    avro_value_iface_decref(iface);
    avro_schema_decref(schema);
    avro_file_reader_close(reader);
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_around_the_block_size_are_read_back),
        cmocka_unit_test(metadata_is_found_by_key),
        cmocka_unit_test(equal_content_gives_equal_bytes),
        cmocka_unit_test(a_writer_without_room_says_so_at_the_end),
        cmocka_unit_test(a_file_cut_anywhere_is_noticed),
        cmocka_unit_test(a_wrong_magic_sync_or_codec_is_refused),
        cmocka_unit_test(metadata_entries_are_limited),
        cmocka_unit_test(a_block_must_be_what_its_header_says),
        cmocka_unit_test(avro_c_reads_every_row),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
