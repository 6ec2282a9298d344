/*
 * The producer's option table. Every row appears in --help and in the reference page.
 */
#include "producer/edge/settings.h"

#include "producer/edge/host.h"
#include "producer/edge/pipeline.h"
#include "producer/edge/topic_check.h"

#define TARGET(member) offsetof(struct producer_settings, member)

enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS, HOUR_MS = 60 * MINUTE_MS };

static const struct option_row rows[] = {
    {.name = "instance.id",
     .type = OPTION_STRING,
     .target = TARGET(instance_id),
     .help = "Id of this parent instance, the Kafka key. Empty: read from host.asset_tag_file."},
    {.name = "instance.account",
     .type = OPTION_STRING,
     .target = TARGET(instance_account),
     .help = "AWS account id, stated in HOST_UP and SNAPSHOT."},
    {.name = "instance.region",
     .type = OPTION_STRING,
     .target = TARGET(instance_region),
     .help = "AWS region; prices can depend on it."},
    {.name = "instance.zone",
     .type = OPTION_STRING,
     .target = TARGET(instance_zone),
     .help = "Availability zone."},
    {.name = "instance.type",
     .type = OPTION_STRING,
     .target = TARGET(instance_type),
     .help = "Instance type, e.g. m5.2xlarge; prices can depend on it."},
    {.name = "instance.tags",
     .type = OPTION_STRING_MAP,
     .target = TARGET(instance_tags),
     .help = "Tags of the instance; a tenant map can match them."},
    {.name = "host.boot_id_file",
     .type = OPTION_PATH,
     .target = TARGET(host_boot_id_file),
     .standard = "/proc/sys/kernel/random/boot_id",
     .help = "Where the kernel says which boot this is."},
    {.name = "host.asset_tag_file",
     .type = OPTION_PATH,
     .target = TARGET(host_asset_tag_file),
     .standard = "/sys/devices/virtual/dmi/id/board_asset_tag",
     .help = "Where Nitro instances find their instance id (DMI)."},
    {.name = "log.path",
     .type = OPTION_PATH,
     .target = TARGET(log_path),
     .standard = "/var/log/nitro_enclaves/nitro_enclaves.log",
     .help = "The log of nitro-cli; rotated files PATH.1, PATH.2 … are found beside it."},
    {.name = "log.poll_interval",
     .type = OPTION_DURATION,
     .target = TARGET(log_poll_interval_ms),
     .standard = "250ms",
     .minimum = 10,
     .maximum = 10 * SECOND_MS,
     .help = "How often the log is looked at."},
    {.name = "log.old_file_idle",
     .type = OPTION_DURATION,
     .target = TARGET(log_old_file_idle_ms),
     .standard = "1h",
     .minimum = SECOND_MS,
     .maximum = 30 * (int64_t)24 * HOUR_MS,
     .help = "A rotated file is closed when it has not grown for this long and no run that may "
             "still write to it is alive."},
    {.name = "journal.dir",
     .type = OPTION_PATH,
     .target = TARGET(journal_dir),
     .standard = "/var/lib/enclave-producer",
     .help = "Directory of the journal, for this producer alone."},
    {.name = "journal.max_bytes",
     .type = OPTION_BYTES,
     .target = TARGET(journal_max_bytes),
     .standard = "64MiB",
     .minimum = JOURNAL_SEGMENTS_MIN * (int64_t)PIPELINE_SEGMENT_BYTES_MIN,
     .maximum = JOURNAL_SEGMENTS_MAX * (int64_t)PIPELINE_SEGMENT_BYTES_MIN,
     .help = "Disk space of the journal. When it is full, events wait in the log files."},
    {.name = "journal.segment_bytes",
     .type = OPTION_BYTES,
     .target = TARGET(journal_segment_bytes),
     .standard = "4MiB",
     .minimum = PIPELINE_SEGMENT_BYTES_MIN,
     .maximum = JOURNAL_SEGMENT_BYTES_MAX,
     .help = "Size of one journal file; at most half of journal.max_bytes."},
    {.name = "topic",
     .type = OPTION_STRING,
     .target = TARGET(topic),
     .standard = "enclave.lifecycle",
     .help = "The Kafka topic that events go to."},
    {.name = "kafka.*",
     .type = OPTION_PREFIX_MAP,
     .target = TARGET(kafka),
     .help = "Any property of librdkafka, e.g. kafka.bootstrap.servers."},
    {.name = "heartbeat_interval",
     .type = OPTION_DURATION,
     .target = TARGET(heartbeat_interval_ms),
     .standard = "60s",
     .minimum = SECOND_MS,
     .maximum = 10 * MINUTE_MS,
     .help = "How often the producer says that it and the running enclaves are there."},
    {.name = "snapshot_interval",
     .type = OPTION_DURATION,
     .target = TARGET(snapshot_interval_ms),
     .standard = "15m",
     .minimum = SECOND_MS,
     .maximum = 24 * HOUR_MS,
     .help = "How often every running enclave is stated in full."},
    {.name = "watermark_slack",
     .type = OPTION_DURATION,
     .target = TARGET(watermark_slack_ms),
     .standard = "2s",
     .minimum = 0,
     .maximum = MINUTE_MS,
     .help = "How long a log line may take from its time stamp to the file (R3)."},
    {.name = "pool.vcpus",
     .type = OPTION_INTEGER,
     .target = TARGET(pool_vcpus),
     .standard = "-1",
     .minimum = -1,
     .maximum = INT32_MAX,
     .help = "vCPUs of the enclave pool (allocator.yaml); -1: not known."},
    {.name = "pool.memory_mib",
     .type = OPTION_INTEGER,
     .target = TARGET(pool_memory_mib),
     .standard = "-1",
     .minimum = -1,
     .maximum = INT32_MAX,
     .help = "MiB of the enclave pool (allocator.yaml); -1: not known."},
    {.name = "shutdown.flush_timeout",
     .type = OPTION_DURATION,
     .target = TARGET(shutdown_flush_timeout_ms),
     .standard = "10s",
     .minimum = 0,
     .maximum = 10 * MINUTE_MS,
     .help = "How long a stopping producer tries to deliver; the rest stays in the journal."},
    {.name = "check.waive",
     .type = OPTION_STRING_LIST,
     .target = TARGET(check_waive),
     .help = "Requirements on the topic that `check` lets pass: " TOPIC_CHECK_WAIVABLE "."},
};

const struct option_table producer_option_table = OPTION_TABLE(rows, struct producer_settings);

enum err producer_settings_check(const struct config *config, struct err_detail *detail)
{
    const struct producer_settings *s = config->target;

    if (s->journal_max_bytes / s->journal_segment_bytes < JOURNAL_SEGMENTS_MIN)
        return config_error(config, detail, "journal.max_bytes",
                            "must be at least %d times journal.segment_bytes (%lld)",
                            JOURNAL_SEGMENTS_MIN, (long long)s->journal_segment_bytes);
    if (strlen(s->instance_id) > HOST_INSTANCE_ID_MAX)
        return config_error(config, detail, "instance.id", "is longer than %d bytes",
                            HOST_INSTANCE_ID_MAX);
    for (size_t i = 0; i < s->check_waive.n; i++)
        if (!topic_check_is_waivable(s->check_waive.items[i]))
            return config_error(config, detail, "check.waive",
                                "\"%s\" cannot be waived; these can: %s", s->check_waive.items[i],
                                TOPIC_CHECK_WAIVABLE);
    return ERR_OK;
}

struct journal_options producer_journal_options(const struct producer_settings *settings)
{
    return (struct journal_options){.directory = settings->journal_dir,
                                    .max_bytes = (uint64_t)settings->journal_max_bytes,
                                    .segment_bytes = (uint32_t)settings->journal_segment_bytes,
                                    .ops = &file_ops_system};
}
