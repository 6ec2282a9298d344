/*
 * The producer's configuration: one table of options (names are part of the contract), the struct
 * that it fills, and the checks that need more than one option. Not for reading files:
 * common/option.h.
 */
#ifndef PRODUCER_EDGE_SETTINGS_H
#define PRODUCER_EDGE_SETTINGS_H

#include "common/option.h"
#include "producer/edge/journal.h"

struct producer_settings {
    /* instance.*: identity of the parent instance; empty = not known */
    const char *instance_id; /* empty: from host.asset_tag_file */
    const char *instance_account;
    const char *instance_region;
    const char *instance_zone;
    const char *instance_type;
    struct option_map instance_tags;

    const char *host_boot_id_file;
    const char *host_asset_tag_file;

    const char *log_path;
    int64_t log_poll_interval_ms;
    int64_t log_old_file_idle_ms;

    const char *journal_dir;
    int64_t journal_max_bytes;
    int64_t journal_segment_bytes;

    const char *topic;
    struct option_map kafka;

    int64_t heartbeat_interval_ms;
    int64_t snapshot_interval_ms;
    int64_t watermark_slack_ms;

    int64_t pool_vcpus;      /* −1 = not known */
    int64_t pool_memory_mib; /* −1 = not known */

    int64_t shutdown_flush_timeout_ms;
    struct option_list check_waive;
};

extern const struct option_table producer_option_table;

/* cli_program.check. */
enum err producer_settings_check(const struct config *config, struct err_detail *detail) MUST_CHECK;

struct journal_options producer_journal_options(const struct producer_settings *settings);

#endif
