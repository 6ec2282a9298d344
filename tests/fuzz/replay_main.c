/*
 * Runs a libFuzzer target over the files of a directory: how ordinary builds replay the corpus.
 * Usage: <target> DIRECTORY. Exits 1 if the directory holds no file: an empty corpus tests nothing.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *directory, const char *file)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s", directory, file) >= (int)sizeof path)
        return -1;
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return -1;
    size_t cap = 4u << 20;
    uint8_t *data = malloc(cap);
    size_t size = data == NULL ? 0 : fread(data, 1, cap, f);
    fclose(f);
    /* An exact-size copy, so that the sanitizer sees reads past the end. */
    uint8_t *exact = malloc(size == 0 ? 1 : size);
    if (exact != NULL) {
        for (size_t i = 0; i < size; i++)
            exact[i] = data[i];
        LLVMFuzzerTestOneInput(exact, size);
    }
    free(exact);
    free(data);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    DIR *d = opendir(argv[1]);
    if (d == NULL) {
        perror(argv[1]);
        return 1;
    }
    int n = 0;
    for (struct dirent *entry; (entry = readdir(d)) != NULL;)
        if (entry->d_name[0] != '.' && replay(argv[1], entry->d_name) == 0)
            n++;
    closedir(d);
    printf("%d inputs replayed\n", n);
    return n == 0;
}
