/*
 * The command line (common/cli.h): each case runs cli_main in a child process, so that exit code,
 * standard output and standard error are those of a program.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cli.h"
#include "common/log.h"
#include "tests/unit/option_sample.h"
#include "tests/unit/temp_dir.h"

enum { ARGUMENTS_MAX = 300, OUTPUT_MAX = 1 << 16 };

static struct sample target;
static char *dir;
static char default_config[1200];

/* Prints what it was given. */
static int run_show(const struct cli *cli)
{
    printf("show port=%d", (int)((const struct sample *)cli->config->target)->http_port);
    for (size_t i = 0; i < cli->operands_n; i++)
        printf(" [%s]", cli->operands[i]);
    if (cli_has(cli, "deep"))
        printf(" deep");
    if (cli_value(cli, "from") != NULL)
        printf(" from=%s", cli_value(cli, "from"));
    for (size_t i = 0; cli_value_nth(cli, "tag", i) != NULL; i++)
        printf(" tag%zu=%s", i, cli_value_nth(cli, "tag", i));
    printf("\n");
    log_debug("show", "a debug line");
    log_info("show", "an info line");
    return CLI_OK;
}

static int run_fail(const struct cli *cli)
{
    struct err_detail detail;

    return cli_fail(cli, err_set(&detail, ERR_IO, "it\nfailed"), &detail);
}

static const struct cli_flag show_flags[] = {
    {"deep", NULL, "Look deeper.", false},
    {"from", "TIME", "Begin at TIME.", false},
    {"tag", "TAG", "A tag.", true},
    {NULL, NULL, NULL, false},
};

static const struct cli_command commands[] = {
    {"show", "[FILE…]", "Shows files.", 0, 2, show_flags, false, run_show},
    {"parse", "FILE…", "Parses files.", 1, -1, NULL, true, run_show},
    {"fail", NULL, "Fails.", 0, 0, NULL, false, run_fail},
};

static enum err check(const struct config *config, struct err_detail *detail)
{
    const struct sample *sample = config->target;

    if (sample->http_port == 13)
        return config_error(config, detail, "http.port", "is unlucky");
    return ERR_OK;
}

static const struct cli_program program = {
    .name = "sample",
    .summary = "shows things.",
    .options = &sample_table,
    .commands = commands,
    .commands_n = 3,
    .config_path = default_config,
    .check = check,
};

struct result {
    int code;
    char out[OUTPUT_MAX];
    char err[OUTPUT_MAX];
};

static void read_all(const char *path, char out[OUTPUT_MAX])
{
    FILE *f = fopen(path, "r");

    assert_non_null(f);
    out[fread(out, 1, OUTPUT_MAX - 1, f)] = '\0';
    fclose(f);
}

/* Runs the program with arguments separated by single spaces. */
static const struct result *run_to(const char *arguments, const char *out_path)
{
    static struct result result;
    static char words[1 << 14];
    static char name[] = "sample";
    char *argv[ARGUMENTS_MAX] = {name};
    char err_path[1200];
    char *rest = NULL;
    int argc = 1;
    int status;

    snprintf(words, sizeof words, "%s", arguments);
    for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        assert_true(argc < ARGUMENTS_MAX - 1);
        argv[argc++] = word;
    }
    snprintf(err_path, sizeof err_path, "%s/stderr", dir);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (freopen(out_path, "w", stdout) == NULL || freopen(err_path, "w", stderr) == NULL)
            _exit(99);
        int code = cli_main(&program, &target, argc, argv);
        fflush(NULL);
        _exit(code);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    result.code = WEXITSTATUS(status);
    read_all(err_path, result.err);
    return &result;
}

static const struct result *run(const char *arguments)
{
    char out_path[1200];

    snprintf(out_path, sizeof out_path, "%s/stdout", dir);
    struct result *result = (struct result *)(uintptr_t)run_to(arguments, out_path);
    read_all(out_path, result->out);
    return result;
}

static int begin(void **state)
{
    (void)state;
    dir = temp_dir_new();
    snprintf(default_config, sizeof default_config, "%s/default.yaml", dir);
    return 0;
}

static int end(void **state)
{
    (void)state;
    temp_dir_free(dir);
    return 0;
}

static void assert_usage_error(const char *arguments, const char *message)
{
    const struct result *r = run(arguments);

    if (r->code != CLI_USAGE || strcmp(r->err, message) != 0)
        fail_msg("'%s' exited %d and said: %s", arguments, r->code, r->err);
    assert_string_equal(r->out, "");
}

static void a_command_gets_its_operands_flags_and_options(void **state)
{
    (void)state;
    const struct result *r =
        run("--set http.port=9 show a --deep --from=T1 - --tag x --tag y --log-level warn");

    assert_int_equal(r->code, CLI_OK);
    assert_string_equal(r->out, "show port=9 [a] [-] deep from=T1 tag0=x tag1=y\n");
    assert_string_equal(r->err, "");
    r = run("parse a b c -- --deep -x");
    assert_string_equal(r->out, "show port=8080 [a] [b] [c] [--deep] [-x]\n");
    assert_non_null(strstr(r->err, " INFO  show: an info line\n"));
    assert_null(strstr(r->err, "debug"));
}

static void the_log_follows_its_flags(void **state)
{
    (void)state;
    const struct result *r = run("show --log-format=json --log-level debug");

    assert_non_null(strstr(r->err, "\"message\":\"a debug line\"}\n{\"time\":"));
}

static void a_file_is_read_before_set(void **state)
{
    (void)state;
    char arguments[1300];
    char path[1200];

    snprintf(path, sizeof path, "%s/given.yaml", dir);
    temp_write_file(path, "http.port: 21\n", 14);
    snprintf(arguments, sizeof arguments, "--config %s show", path);
    assert_non_null(strstr(run(arguments)->out, "port=21"));
    snprintf(arguments, sizeof arguments, "show --set http.port=22 --config=%s", path);
    assert_non_null(strstr(run(arguments)->out, "port=22"));
    snprintf(arguments, sizeof arguments, "show --config %s/absent.yaml", dir);
    const struct result *r = run(arguments);
    assert_int_equal(r->code, CLI_USAGE);
    assert_non_null(strstr(r->err, "absent.yaml: No such file or directory"));
}

static void the_default_file_is_read_if_it_exists_and_the_command_wants_one(void **state)
{
    (void)state;
    assert_non_null(strstr(run("show")->out, "port=8080"));
    temp_write_file(default_config, "http.port: 33\n", 14);
    assert_non_null(strstr(run("show")->out, "port=33"));
    assert_non_null(strstr(run("parse x")->out, "port=8080"));
    temp_write_file(default_config, "http.port: no\n", 14);
    const struct result *r = run("show");
    assert_int_equal(r->code, CLI_USAGE);
    assert_non_null(strstr(r->err, "default.yaml:1: http.port: 'no' is not an integer\n"));
}

static void wrong_usage_exits_2_and_says_what_is_right(void **state)
{
    (void)state;
    assert_usage_error("", "sample: no command is given; --help lists all commands\n");
    assert_usage_error("shwo", "sample: unknown command 'shwo'; did you mean 'show'?\n");
    assert_usage_error("qqqqq", "sample: unknown command 'qqqqq'; --help lists all commands\n");
    assert_usage_error("--cofnig x show",
                       "sample: unknown flag '--cofnig'; did you mean '--config'?\n");
    assert_usage_error("show --form T", "sample: unknown flag '--form'; did you mean '--from'?\n");
    assert_usage_error("--from T show", "sample: unknown flag '--from'; --help lists all flags\n");
    assert_usage_error("show --conf x",
                       "sample: unknown flag '--conf'; did you mean '--config'?\n");
    assert_usage_error("show -c", "sample: unknown flag '-c'; flags are long: --help\n");
    assert_usage_error("show --from", "sample: --from needs a value: --from TIME\n");
    assert_usage_error("show --deep=1", "sample: --deep takes no value\n");
    assert_usage_error("show --version=1", "sample: --version takes no value\n");
    assert_usage_error("show --help=html", "sample: --help takes no value\n");
    assert_usage_error("show --from a --from b", "sample: --from is given twice\n");
    assert_usage_error("--config a --config b", "sample: --config is given twice\n");
    assert_usage_error("show a b c", "sample: show: unexpected argument 'c'\n");
    assert_usage_error("parse", "sample: parse needs more arguments: sample parse FILE…\n");
    assert_usage_error("show --log-format xml", "sample: --log-format 'xml' is not text or json\n");
    assert_usage_error("show --log-level loud",
                       "sample: --log-level 'loud' is not debug, info, warn or error\n");
}

static void wrong_configuration_exits_2(void **state)
{
    (void)state;
    assert_usage_error("show --set jurnal.path=/x", "sample: --set: unknown option 'jurnal.path'; "
                                                    "did you mean 'journal.path'?\n");
    assert_usage_error("show --set http.port=13", "sample: --set: http.port: is unlucky\n");
    assert_usage_error("--print-config --set http.port=13",
                       "sample: --set: http.port: is unlucky\n");
}

static void a_failing_command_exits_1_with_one_line(void **state)
{
    (void)state;
    const struct result *r = run("fail");

    assert_int_equal(r->code, CLI_FAILED);
    assert_string_equal(r->err, "sample: it?failed\n");
}

static void flags_and_settings_have_a_limit(void **state)
{
    (void)state;
    static char arguments[1 << 14];
    size_t len = (size_t)snprintf(arguments, sizeof arguments, "show");

    for (int i = 0; i < CLI_FLAGS_MAX; i++)
        len += (size_t)snprintf(arguments + len, sizeof arguments - len, " --tag=x");
    assert_int_equal(run(arguments)->code, CLI_OK);
    snprintf(arguments + len, sizeof arguments - len, " --tag=x");
    assert_int_equal(run(arguments)->code, CLI_USAGE);
    len = (size_t)snprintf(arguments, sizeof arguments, "show");
    for (int i = 0; i < CLI_SETS_MAX; i++)
        len += (size_t)snprintf(arguments + len, sizeof arguments - len, " --set=http.port=%d",
                                i + 100);
    const struct result *r = run(arguments);
    assert_int_equal(r->code, CLI_OK);
    assert_non_null(strstr(r->out, "port=355"));
    snprintf(arguments + len, sizeof arguments - len, " --set=http.port=1");
    assert_int_equal(run(arguments)->code, CLI_USAGE);
}

static void the_effective_configuration_is_printed_and_can_be_used(void **state)
{
    (void)state;
    const struct result *r = run("--print-config --set http.port=44");

    assert_int_equal(r->code, CLI_OK);
    assert_non_null(strstr(r->out, "\n  port: 44 # --set\n"));
    temp_write_file(default_config, r->out, strlen(r->out));
    assert_non_null(strstr(run("show")->out, "port=44"));
}

static void help_and_version_are_printed(void **state)
{
    (void)state;
    static const char *const wanted[] = {
        "sample: shows things.\n",
        "  show [FILE…]\n",
        "      --from TIME\n",
        "  --set NAME=VALUE\n",
        "  journal.path  (path; default /var/lib/sample; scope process)\n",
        "Exit codes: 0 done, 1 failed",
    };
    const struct result *r = run("--help");

    assert_int_equal(r->code, CLI_OK);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        if (strstr(r->out, wanted[i]) == NULL)
            fail_msg("help lacks '%s':\n%s", wanted[i], r->out);
    assert_string_equal(run("parse -h")->err, "");
    r = run("--help=markdown");
    assert_non_null(strstr(r->out, "# sample\n"));
    assert_non_null(strstr(r->out, "- `--from TIME`: Begin at TIME.\n"));
    assert_non_null(strstr(r->out, "| `journal.path` | path | `/var/lib/sample` | process |"));
    assert_string_equal(run("--version")->out, "sample " EM_VERSION "\n");
}

static void output_that_cannot_be_written_is_a_failure(void **state)
{
    (void)state;
    const struct result *r = run_to("--help", "/dev/full");

    assert_int_equal(r->code, CLI_FAILED);
    assert_string_equal(r->err, "sample: cannot write to standard output\n");
    assert_int_equal(run_to("show --log-level error", "/dev/full")->code, CLI_FAILED);
}

int main(void)
{
#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        IN_DIR(a_command_gets_its_operands_flags_and_options),
        IN_DIR(the_log_follows_its_flags),
        IN_DIR(a_file_is_read_before_set),
        IN_DIR(the_default_file_is_read_if_it_exists_and_the_command_wants_one),
        IN_DIR(wrong_usage_exits_2_and_says_what_is_right),
        IN_DIR(wrong_configuration_exits_2),
        IN_DIR(a_failing_command_exits_1_with_one_line),
        IN_DIR(flags_and_settings_have_a_limit),
        IN_DIR(the_effective_configuration_is_printed_and_can_be_used),
        IN_DIR(help_and_version_are_printed),
        IN_DIR(output_that_cannot_be_written_is_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
