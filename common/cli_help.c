/*
 * --help and the reference page. tests/tidy reads --help to learn which flags and options exist: a
 * flag is a word that begins with two dashes, an option begins its line after two spaces.
 */
#include <stdint.h>

#include "common/cli_internal.h"

static void print_flags(const struct cli_flag *flags, size_t n, const char *indent)
{
    for (size_t i = 0; i < n && flags[i].name != NULL; i++)
        printf("%s--%s%s%s\n%s    %s\n", indent, flags[i].name, flags[i].argument ? " " : "",
               flags[i].argument ? flags[i].argument : "", indent, flags[i].help);
}

void cli_print_help(const struct cli_program *program, const struct cli_flag *common,
                    size_t common_n)
{
    printf("%s: %s\n\nUsage: %s [FLAGS] COMMAND [FLAGS] [ARGUMENTS]\n\nCommands:\n", program->name,
           program->summary, program->name);
    for (size_t i = 0; i < program->commands_n; i++) {
        const struct cli_command *command = &program->commands[i];

        printf("  %s%s%s\n      %s\n", command->name, command->arguments ? " " : "",
               command->arguments ? command->arguments : "", command->help);
        if (command->flags != NULL)
            print_flags(command->flags, SIZE_MAX, "      ");
    }
    printf("\nFlags:\n");
    print_flags(common, common_n, "  ");
    printf(
        "\nOptions, in the file of --config (YAML: a dot is one level of nesting) or by --set:\n");
    option_print_help(program->options, stdout);
    if (program->config_path != NULL)
        printf("\nWithout --config, %s is read if it exists.\n", program->config_path);
    printf("\nExit codes: 0 done, 1 failed, 2 wrong usage or configuration.\n");
}

static void print_markdown_flags(const struct cli_flag *flags, size_t n)
{
    for (size_t i = 0; i < n && flags[i].name != NULL; i++)
        printf("- `--%s%s%s`: %s\n", flags[i].name, flags[i].argument ? " " : "",
               flags[i].argument ? flags[i].argument : "", flags[i].help);
}

void cli_print_markdown(const struct cli_program *program, const struct cli_flag *common,
                        size_t common_n)
{
    printf("# %s\n\n%s\n\n## Commands\n", program->name, program->summary);
    for (size_t i = 0; i < program->commands_n; i++) {
        const struct cli_command *command = &program->commands[i];

        printf("\n`%s %s%s%s`: %s\n", program->name, command->name, command->arguments ? " " : "",
               command->arguments ? command->arguments : "", command->help);
        if (command->flags != NULL) {
            printf("\n");
            print_markdown_flags(command->flags, SIZE_MAX);
        }
    }
    printf("\n## Flags of every command\n\n");
    print_markdown_flags(common, common_n);
    printf("\n## Options\n\n");
    option_print_markdown(program->options, stdout);
}
