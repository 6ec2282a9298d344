/*
 * Any bytes as run arguments: what is accepted lies within the limits and is valid UTF-8.
 */
#include <stdlib.h>

#include "common/utf8.h"
#include "producer/core/rust_debug.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t text[2 * EVENT_STRING_MAX];
    static int32_t cpu_ids[RUN_ARGS_CPU_IDS_MAX];
    struct rust_debug_memory memory = {.text = text, .cpu_ids = cpu_ids};
    struct rust_debug_failure failure = {0};
    struct run_args args;

    if (rust_debug_run_args(bytes_of(data, size), &memory, &args, &failure) != ERR_OK) {
        require(failure.at <= size);
        return 0;
    }
    require(args.name.len <= EVENT_STRING_MAX && utf8_is_valid(args.name));
    require(args.eif_path.len <= EVENT_STRING_MAX && utf8_is_valid(args.eif_path));
    require(args.cpu_ids_n <= RUN_ARGS_CPU_IDS_MAX && args.memory_mib >= 0 && args.vcpus >= 0);
    return 0;
}
