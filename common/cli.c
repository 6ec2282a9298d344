/*
 * Reads the command line, prints what was asked for, and runs a command with its configuration.
 */
#include "common/cli.h"

#include <string.h>

#include "common/cli_internal.h"
#include "common/log.h"
#include "common/nearest.h"
#include "common/utf8.h"

enum common_flag {
    FLAG_CONFIG,
    FLAG_SET,
    FLAG_PRINT_CONFIG,
    FLAG_VERSION,
    FLAG_HELP,
    FLAG_LOG_FORMAT,
    FLAG_LOG_LEVEL,
};

static const struct cli_flag common_flags[] = {
    [FLAG_CONFIG] = {"config", "FILE", "Read options from FILE (YAML).", false},
    [FLAG_SET] = {"set", "NAME=VALUE", "Set one option, over the file; repeatable.", true},
    [FLAG_PRINT_CONFIG] = {"print-config", NULL, "Print the effective options as YAML.", false},
    [FLAG_VERSION] = {"version", NULL, "Print the version.", false},
    [FLAG_HELP] = {"help", NULL, "Print this; --help=markdown: as a reference page.", false},
    [FLAG_LOG_FORMAT] = {"log-format", "FORMAT", "text or json; default text.", false},
    [FLAG_LOG_LEVEL] = {"log-level", "LEVEL", "debug, info, warn or error; default info.", false},
};
enum { COMMON_FLAGS_N = sizeof common_flags / sizeof common_flags[0] };

/* What a command line says, before anything is done about it. */
struct command_line {
    const struct cli_program *program;
    struct cli *cli;
    bool given[COMMON_FLAGS_N];
    bool markdown;
    const char *config_path;
    const char *sets[CLI_SETS_MAX];
    size_t sets_n;
    struct log_settings log;
    struct err_detail *detail;
    /* argv and where the next argument is read; operands are moved to its front. */
    char **argv;
    int argc;
    int at;
    int operands_n;
};

static enum err refuse_flag(const struct command_line *line, const char *name)
{
    struct nearest nearest;
    const struct cli_command *command = line->cli->command;

    nearest_init(&nearest, name);
    for (size_t i = 0; i < COMMON_FLAGS_N; i++)
        nearest_offer(&nearest, common_flags[i].name);
    for (size_t i = 0; command != NULL && command->flags != NULL && command->flags[i].name; i++)
        nearest_offer(&nearest, command->flags[i].name);
    const char *best = nearest_best(&nearest);
    if (best != NULL)
        return err_set(line->detail, ERR_USAGE, "unknown flag '--%s'; did you mean '--%s'?", name,
                       best);
    return err_set(line->detail, ERR_USAGE, "unknown flag '--%s'; --help lists all flags", name);
}

/* Takes the value of a flag from after its "=" or from the next argument. */
static enum err take_value(struct command_line *line, const struct cli_flag *flag,
                           const char *attached, const char **value)
{
    *value = NULL;
    if (flag->argument == NULL && attached != NULL)
        return err_set(line->detail, ERR_USAGE, "--%s takes no value", flag->name);
    if (flag->argument == NULL)
        return ERR_OK;
    if (attached == NULL && line->at >= line->argc)
        return err_set(line->detail, ERR_USAGE, "--%s needs a value: --%s %s", flag->name,
                       flag->name, flag->argument);
    *value = attached != NULL ? attached : line->argv[line->at++];
    return ERR_OK;
}

static enum err take_common(struct command_line *line, enum common_flag index, const char *attached)
{
    const struct cli_flag *flag = &common_flags[index];
    const char *value;

    if (line->given[index] && !flag->repeatable)
        return err_set(line->detail, ERR_USAGE, "--%s is given twice", flag->name);
    line->given[index] = true;
    if (index == FLAG_HELP && attached != NULL && strcmp(attached, "markdown") == 0) {
        line->markdown = true;
        return ERR_OK;
    }
    enum err err = take_value(line, flag, attached, &value);
    if (err != ERR_OK)
        return err;
    if (index == FLAG_CONFIG)
        line->config_path = value;
    if (index == FLAG_LOG_FORMAT && !log_format_parse(value, &line->log.format))
        return err_set(line->detail, ERR_USAGE, "--log-format '%s' is not text or json", value);
    if (index == FLAG_LOG_LEVEL && !log_level_parse(value, &line->log.level))
        return err_set(line->detail, ERR_USAGE,
                       "--log-level '%s' is not debug, info, warn or error", value);
    if (index != FLAG_SET)
        return ERR_OK;
    if (line->sets_n == CLI_SETS_MAX)
        return err_set(line->detail, ERR_USAGE, "more than %d --set; use a file", CLI_SETS_MAX);
    line->sets[line->sets_n++] = value;
    return ERR_OK;
}

static enum err take_own(struct command_line *line, const struct cli_flag *flag,
                         const char *attached)
{
    struct cli *cli = line->cli;
    const char *value;

    if (cli_has(cli, flag->name) && !flag->repeatable)
        return err_set(line->detail, ERR_USAGE, "--%s is given twice", flag->name);
    if (cli->flags_n == CLI_FLAGS_MAX)
        return err_set(line->detail, ERR_USAGE, "more than %d flags", CLI_FLAGS_MAX);
    enum err err = take_value(line, flag, attached, &value);
    if (err == ERR_OK)
        cli->flags[cli->flags_n++] = (struct cli_given){.name = flag->name, .value = value};
    return err;
}

/* `text` is a flag without its dashes: NAME or NAME=VALUE. */
static enum err take_flag(struct command_line *line, const char *text)
{
    char name[NEAREST_NAME_MAX + 1];
    const struct cli_command *command = line->cli->command;
    const char *equals = strchr(text, '=');
    size_t len = equals == NULL ? strlen(text) : (size_t)(equals - text);

    if (len >= sizeof name)
        return err_set(line->detail, ERR_USAGE, "unknown flag '--%.40s…'", text);
    memcpy(name, text, len);
    name[len] = '\0';
    const char *attached = equals == NULL ? NULL : equals + 1;
    for (size_t i = 0; i < COMMON_FLAGS_N; i++)
        if (strcmp(common_flags[i].name, name) == 0)
            return take_common(line, (enum common_flag)i, attached);
    for (size_t i = 0; command != NULL && command->flags != NULL && command->flags[i].name; i++)
        if (strcmp(command->flags[i].name, name) == 0)
            return take_own(line, &command->flags[i], attached);
    return refuse_flag(line, name);
}

static enum err take_command(struct command_line *line, const char *name)
{
    const struct cli_program *program = line->program;
    struct nearest nearest;

    nearest_init(&nearest, name);
    for (size_t i = 0; i < program->commands_n; i++) {
        if (strcmp(program->commands[i].name, name) == 0) {
            line->cli->command = &program->commands[i];
            return ERR_OK;
        }
        nearest_offer(&nearest, program->commands[i].name);
    }
    const char *best = nearest_best(&nearest);
    if (best != NULL)
        return err_set(line->detail, ERR_USAGE, "unknown command '%s'; did you mean '%s'?", name,
                       best);
    return err_set(line->detail, ERR_USAGE, "unknown command '%s'; --help lists all commands",
                   name);
}

static enum err parse_arguments(struct command_line *line)
{
    bool only_operands = false;

    while (line->at < line->argc) {
        char *argument = line->argv[line->at++];
        enum err err = ERR_OK;

        if (!only_operands && strcmp(argument, "--") == 0)
            only_operands = true;
        else if (!only_operands && strcmp(argument, "-h") == 0)
            line->given[FLAG_HELP] = true;
        else if (!only_operands && strncmp(argument, "--", 2) == 0)
            err = take_flag(line, argument + 2);
        else if (!only_operands && argument[0] == '-' && argument[1] != '\0')
            err = err_set(line->detail, ERR_USAGE, "unknown flag '%s'; flags are long: --help",
                          argument);
        else if (line->cli->command == NULL)
            err = take_command(line, argument);
        else
            line->argv[1 + line->operands_n++] = argument;
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

static enum err check_operands(const struct command_line *line)
{
    const struct cli_command *command = line->cli->command;
    int n = line->operands_n;

    if (command == NULL)
        return err_set(line->detail, ERR_USAGE, "no command is given; --help lists all commands");
    if (n < command->operands_min)
        return err_set(line->detail, ERR_USAGE, "%s needs more arguments: %s %s %s", command->name,
                       line->program->name, command->name,
                       command->arguments != NULL ? command->arguments : "");
    if (command->operands_max >= 0 && n > command->operands_max)
        return err_set(line->detail, ERR_USAGE, "%s: unexpected argument '%s'", command->name,
                       line->argv[1 + command->operands_max]);
    return ERR_OK;
}

/* "program: text" on stderr, cleaned so that it stays one line. */
static void print_error(const struct cli_program *program, const char *text)
{
    char clean[ERR_DETAIL_MAX];
    struct bytes rest = utf8_prefix(bytes_of_string(text), sizeof clean - 1);
    size_t n = 0;

    for (size_t len; rest.len > 0; rest = bytes_skip(rest, len)) {
        uint32_t c = utf8_next(rest, &len);

        if (c == UTF8_INVALID || !utf8_is_printable(c)) {
            clean[n++] = '?';
            continue;
        }
        memcpy(clean + n, rest.ptr, len);
        n += len;
    }
    fprintf(stderr, "%s: %.*s\n", program->name, (int)n, clean);
}

int cli_fail(const struct cli *cli, enum err code, const struct err_detail *detail)
{
    bool has_detail = detail != NULL && detail->text[0] != '\0';

    print_error(cli->program, has_detail ? detail->text : err_text(code));
    return code == ERR_USAGE || code == ERR_CONFIG ? CLI_USAGE : CLI_FAILED;
}

/* What was printed must have arrived: a full disk or closed pipe is a failure. */
static int finish_output(const struct cli *cli)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return CLI_OK;
    struct err_detail detail;
    return cli_fail(cli, err_set(&detail, ERR_IO, "cannot write to standard output"), &detail);
}

static enum err read_config(const struct command_line *line, struct config *config, void *target)
{
    const struct cli_program *program = line->program;
    const struct cli_command *command = line->cli->command;
    bool wants_default = command == NULL || !command->needs_no_config;
    enum err err = config_init(config, program->options, target, line->detail);

    if (err == ERR_OK && line->config_path != NULL) {
        err = config_read_file(config, line->config_path, line->detail);
        if (err != ERR_OK && err != ERR_NOMEM)
            err = ERR_CONFIG; /* a file that was named and cannot be read is wrong usage */
    } else if (err == ERR_OK && program->config_path != NULL && wants_default) {
        err = config_read_file(config, program->config_path, line->detail);
        if (err == ERR_NOT_FOUND)
            err = ERR_OK;
    }
    for (size_t i = 0; err == ERR_OK && i < line->sets_n; i++)
        err = config_set(config, line->sets[i], line->detail);
    if (err == ERR_OK && program->check != NULL)
        err = program->check(config, line->detail);
    return err;
}

static int run_configured(const struct command_line *line, void *target)
{
    struct config config = {0};
    struct cli *cli = line->cli;
    enum err err = read_config(line, &config, target);
    int code;

    cli->config = &config;
    if (err != ERR_OK) {
        code = cli_fail(cli, err, line->detail);
    } else if (line->given[FLAG_PRINT_CONFIG]) {
        config_print(&config, stdout);
        code = finish_output(cli);
    } else {
        code = cli->command->run(cli);
        if (code == CLI_OK)
            code = finish_output(cli);
    }
    cli->config = NULL;
    config_free(&config);
    return code;
}

int cli_main(const struct cli_program *program, void *target, int argc, char **argv)
{
    struct err_detail detail = {0};
    struct cli cli = {.program = program};
    struct command_line line = {
        .program = program,
        .cli = &cli,
        .log = {.format = LOG_FORMAT_TEXT, .level = LOG_LEVEL_INFO, .fd = 2},
        .detail = &detail,
        .argv = argv,
        .argc = argc,
        .at = 1,
    };
    enum err err = parse_arguments(&line);

    if (err == ERR_OK && line.given[FLAG_HELP]) {
        if (line.markdown)
            cli_print_markdown(program, common_flags, COMMON_FLAGS_N);
        else
            cli_print_help(program, common_flags, COMMON_FLAGS_N);
        return finish_output(&cli);
    }
    if (err == ERR_OK && line.given[FLAG_VERSION]) {
        printf("%s %s\n", program->name, EM_VERSION);
        return finish_output(&cli);
    }
    if (err == ERR_OK && !line.given[FLAG_PRINT_CONFIG])
        err = check_operands(&line);
    if (err != ERR_OK)
        return cli_fail(&cli, err, &detail);
    log_configure(&line.log);
    cli.operands = (const char *const *)(argv + 1);
    cli.operands_n = (size_t)line.operands_n;
    return run_configured(&line, target);
}

const char *cli_value_nth(const struct cli *cli, const char *flag, size_t nth)
{
    for (size_t i = 0; i < cli->flags_n; i++)
        if (strcmp(cli->flags[i].name, flag) == 0 && nth-- == 0)
            return cli->flags[i].value;
    return NULL;
}

const char *cli_value(const struct cli *cli, const char *flag)
{
    return cli_value_nth(cli, flag, 0);
}

bool cli_has(const struct cli *cli, const char *flag)
{
    for (size_t i = 0; i < cli->flags_n; i++)
        if (strcmp(cli->flags[i].name, flag) == 0)
            return true;
    return false;
}
