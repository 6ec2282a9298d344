/*
 * What pipeline.c (passes, commits) shares with pipeline_state.c (state as bytes). For these only.
 */
#ifndef PRODUCER_EDGE_PIPELINE_INTERNAL_H
#define PRODUCER_EDGE_PIPELINE_INTERNAL_H

#include "producer/edge/pipeline.h"

enum { PIPELINE_STATE_HEAD_MAX = 3 + 255 + 2 + LINE_SOURCE_POSITIONS_MAX };

/* Everything but the tracker's bytes, which the caller puts behind. Returns the length. `out` has
 * PIPELINE_STATE_HEAD_MAX; the instance id has at most 255 bytes. */
size_t pipeline_state_put(uint8_t *out, const struct pipeline_state *parts);

#endif
