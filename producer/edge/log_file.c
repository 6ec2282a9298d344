/*
 * Reading one log file forward. No buffers of its own: a line that is not complete yet is read
 * again when the file has grown.
 */
#include "producer/edge/log_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/crc32.h"

enum err log_file_open(const char *path, struct log_file *file, struct err_detail *detail)
{
    struct stat st;

    /* O_NONBLOCK: a FIFO in the log directory must not stop us. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return err_set(detail, errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_IO,
                       "cannot open %s: %s", path, strerror(errno));
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return err_set(detail, ERR_UNSUPPORTED, "%s is not a regular file", path);
    }
    *file = (struct log_file){.fd = fd, .at = {.device = st.st_dev, .inode = st.st_ino}};
    return ERR_OK;
}

void log_file_close(struct log_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
}

static ssize_t read_at(int fd, uint8_t *buffer, size_t n, uint64_t offset)
{
    size_t done = 0;

    while (done < n) {
        ssize_t got = pread(fd, buffer + done, n - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

enum err log_file_peek(const struct log_file *file, uint8_t *out, size_t n)
{
    memset(out, 0, n);
    return read_at(file->fd, out, n, 0) < 0 ? ERR_IO : ERR_OK;
}

enum err log_file_seek(struct log_file *file, const struct log_position *position)
{
    uint8_t window[LOG_WINDOW_MAX];
    size_t len = position->offset < LOG_WINDOW_MAX ? (size_t)position->offset : LOG_WINDOW_MAX;

    if (position->offset > INT64_MAX)
        return ERR_CONFLICT;
    if (read_at(file->fd, window, len, position->offset - len) != (ssize_t)len ||
        crc32c(0, bytes_of(window, len)) != position->crc)
        return ERR_CONFLICT;
    memcpy(file->window, window, len);
    file->window_len = len;
    file->at.offset = position->offset;
    file->at.skipping = position->skipping;
    file->at_end = false;
    return ERR_OK;
}

void log_file_rewind(struct log_file *file)
{
    file->at.offset = 0;
    file->at.skipping = false;
    file->window_len = 0;
    file->at_end = false;
}

/* Everything that one pass over a buffer needs. */
struct pass {
    struct log_file *file;
    const uint8_t *data; /* what stands at the file's offset */
    size_t n;
    size_t at; /* consumed */
    bool finish;
    log_text_fn take;
    void *user;
    struct log_file_progress *progress;
};

/* Delivers `len` bytes at p->at; `next` is where to go on if they are taken. */
static bool deliver(struct pass *p, size_t len, uint32_t flags, size_t next)
{
    struct log_text line = {.text = bytes_of(p->data + p->at, len),
                            .flags = flags,
                            .device = p->file->at.device,
                            .inode = p->file->at.inode,
                            .offset = p->file->at.offset + p->at};

    if (!p->take(p->user, &line)) {
        p->progress->refused = true;
        return false;
    }
    p->progress->lines++;
    p->at = next;
    return true;
}

/* Takes one line, or what there is of it; false: no more can be done with this buffer. */
static bool pass_step(struct pass *p)
{
    const uint8_t *newline;

    while (!p->file->at.skipping && p->at < p->n && p->data[p->at] == 0)
        p->at++;
    if (p->at == p->n)
        return false;
    newline = memchr(p->data + p->at, '\n', p->n - p->at);
    if (p->file->at.skipping) {
        p->at = newline == NULL ? p->n : (size_t)(newline - p->data) + 1;
        p->file->at.skipping = newline == NULL;
        return true;
    }
    if (newline != NULL) {
        size_t end = (size_t)(newline - p->data), len = end - p->at;

        if (len > LOG_TEXT_MAX)
            return deliver(p, LOG_TEXT_MAX, LOG_TEXT_CUT, end + 1);
        return deliver(p, len, 0, end + 1);
    }
    if (p->n - p->at > LOG_TEXT_MAX) {
        if (!deliver(p, LOG_TEXT_MAX, LOG_TEXT_CUT, p->at + LOG_TEXT_MAX))
            return false;
        p->file->at.skipping = true;
        return true;
    }
    if (p->finish)
        return deliver(p, p->n - p->at, LOG_TEXT_UNFINISHED, p->n);
    return false;
}

/* Moves the file behind what the pass consumed. `buffer` holds the window and then the data. */
static void pass_end(struct pass *p, const uint8_t *buffer)
{
    struct log_file *file = p->file;
    size_t known = file->window_len + p->at;
    size_t keep = known < LOG_WINDOW_MAX ? known : LOG_WINDOW_MAX;

    memcpy(file->window, buffer + known - keep, keep);
    file->window_len = keep;
    file->at.offset += p->at;
    p->progress->bytes += p->at;
}

/* Has the file changed since its end was reached? A file that cannot be stat'ed is read. */
static bool looks_unchanged(const struct log_file *file, struct stat *st)
{
    if (fstat(file->fd, st) != 0)
        *st = (struct stat){0};
    return file->at_end && (uint64_t)st->st_size == file->seen_size &&
           st->st_mtim.tv_sec == file->seen_mtime.tv_sec &&
           st->st_mtim.tv_nsec == file->seen_mtime.tv_nsec;
}

enum err log_file_read(struct log_file *file, uint8_t *buffer, uint64_t max_bytes, bool finish,
                       log_text_fn take, void *user, struct log_file_progress *progress,
                       struct err_detail *detail)
{
    size_t want = LOG_READ_BYTES;
    struct stat st;

    *progress = (struct log_file_progress){0};
    if (!finish && looks_unchanged(file, &st))
        return ERR_OK;
    if (finish && fstat(file->fd, &st) != 0)
        return err_set(detail, ERR_IO, "fstat: %s", strerror(errno));
    file->at_end = false;
    while (progress->bytes < max_bytes && !progress->refused) {
        size_t window_len = file->window_len;
        ssize_t got = read_at(file->fd, buffer, window_len + want, file->at.offset - window_len);
        if (got < 0)
            return err_set(detail, ERR_IO, "cannot read the log (inode %llu): %s",
                           (unsigned long long)file->at.inode, strerror(errno));
        if ((size_t)got < window_len || memcmp(buffer, file->window, window_len) != 0)
            return ERR_CONFLICT;
        bool is_end = (size_t)got < window_len + want;
        struct pass p = {.file = file,
                         .data = buffer + window_len,
                         .n = (size_t)got - window_len,
                         .finish = finish && is_end,
                         .take = take,
                         .user = user,
                         .progress = progress};
        while (progress->bytes + p.at < max_bytes && pass_step(&p))
            ;
        pass_end(&p, buffer);
        if (is_end && !progress->refused && progress->bytes < max_bytes) {
            file->at_end = true;
            break;
        }
        /* A line longer than a read: once more with all the room there is. */
        want = p.at == 0 ? LOG_BUFFER_BYTES - LOG_WINDOW_MAX : LOG_READ_BYTES;
    }
    file->seen_size = (uint64_t)st.st_size;
    file->seen_mtime = st.st_mtim;
    return ERR_OK;
}

struct log_position log_file_position(const struct log_file *file)
{
    struct log_position position = file->at;

    position.crc = crc32c(0, bytes_of(file->window, file->window_len));
    return position;
}

static void put_u64(uint8_t *out, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get_u64(const uint8_t *in)
{
    uint64_t value = 0;

    for (int i = 0; i < 8; i++)
        value |= (uint64_t)in[i] << (8 * i);
    return value;
}

void log_position_put(uint8_t out[LOG_POSITION_BYTES], const struct log_position *position)
{
    put_u64(out, position->device);
    put_u64(out + 8, position->inode);
    put_u64(out + 16, position->offset);
    for (int i = 0; i < 4; i++)
        out[24 + i] = (uint8_t)(position->crc >> (8 * i));
    out[28] = position->skipping;
}

void log_position_get(const uint8_t in[LOG_POSITION_BYTES], struct log_position *position)
{
    *position = (struct log_position){
        .device = get_u64(in),
        .inode = get_u64(in + 8),
        .offset = get_u64(in + 16),
        .crc = (uint32_t)in[24] | (uint32_t)in[25] << 8 | (uint32_t)in[26] << 16 |
               (uint32_t)in[27] << 24,
        .skipping = in[28] != 0,
    };
}
