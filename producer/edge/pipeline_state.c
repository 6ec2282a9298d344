/*
 * The state that goes with every commit: {version, finished, length of the instance id, instance
 * id, length of the positions (2 bytes), positions, tracker}.
 */
#include "producer/edge/pipeline_internal.h"

enum { STATE_VERSION = 1, STATE_FINISHED = 1 };

size_t pipeline_state_put(uint8_t *out, const struct pipeline_state *parts)
{
    size_t at = 0;

    out[at++] = STATE_VERSION;
    out[at++] = parts->is_finished ? STATE_FINISHED : 0;
    out[at++] = (uint8_t)parts->instance_id.len;
    memcpy(out + at, parts->instance_id.ptr, parts->instance_id.len);
    at += parts->instance_id.len;
    out[at++] = (uint8_t)parts->positions.len;
    out[at++] = (uint8_t)(parts->positions.len >> 8);
    memcpy(out + at, parts->positions.ptr, parts->positions.len);
    return at + parts->positions.len;
}

enum err pipeline_state_parse(struct bytes state, struct pipeline_state *parts,
                              struct err_detail *detail)
{
    if (state.len < 3)
        return err_set(detail, ERR_MALFORMED, "the state in the journal is too short");
    if (state.ptr[0] != STATE_VERSION)
        return err_set(detail, ERR_UNSUPPORTED,
                       "the state in the journal has version %u: start a later enclave-producer",
                       state.ptr[0]);
    parts->is_finished = state.ptr[1] == STATE_FINISHED;
    size_t id = state.ptr[2];
    state = bytes_skip(state, 3);
    if (state.len < id + 2)
        return err_set(detail, ERR_MALFORMED, "the state in the journal is too short");
    parts->instance_id = bytes_of(state.ptr, id);
    size_t positions = (size_t)state.ptr[id] | (size_t)state.ptr[id + 1] << 8;
    state = bytes_skip(state, id + 2);
    if (state.len < positions)
        return err_set(detail, ERR_MALFORMED, "the state in the journal is too short");
    parts->positions = bytes_of(state.ptr, positions);
    parts->tracker = bytes_skip(state, positions);
    return ERR_OK;
}
