/*
 * Any bytes as saved log positions: refused, or taken and given back as the same canonical bytes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "producer/edge/tailer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tailer_options options = {.path = "/nonexistent/nitro_enclaves.log"};
    uint8_t first[TAILER_POSITIONS_MAX], second[TAILER_POSITIONS_MAX];
    struct tailer *tailer;

    for (int round = 0; round < 2; round++) {
        struct bytes in = round == 0 ? bytes_of(data, size) : bytes_of(first, size);

        if (tailer_new(&options, &tailer, NULL) != ERR_OK)
            abort();
        if (tailer_load(tailer, in, NULL) != ERR_OK) {
            tailer_free(tailer);
            return 0;
        }
        if (tailer_save(tailer, round == 0 ? first : second) != size)
            abort();
        tailer_free(tailer);
    }
    if (memcmp(first, second, size) != 0)
        abort();
    return 0;
}
