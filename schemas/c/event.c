/*
 * Names of the enumerators of event.h. Not here: anything about bytes (codec.h).
 */
#include "schemas/c/event.h"

#define X(s) #s,
static const char *const event_type_names[] = {EVENT_TYPE_TABLE(X)};
static const char *const evidence_names[] = {EVIDENCE_TABLE(X)};
static const char *const end_cause_names[] = {END_CAUSE_TABLE(X)};
#undef X

static const char *name_at(const char *const *names, unsigned int n, unsigned int i)
{
    return names[i < n ? i : 0];
}

const char *event_type_name(enum event_type type)
{
    return name_at(event_type_names, EVENT_TYPE_N, (unsigned int)type);
}

const char *evidence_name(enum evidence evidence)
{
    return name_at(evidence_names, EVIDENCE_N, (unsigned int)evidence);
}

const char *end_cause_name(enum end_cause cause)
{
    return name_at(end_cause_names, END_CAUSE_N, (unsigned int)cause);
}
