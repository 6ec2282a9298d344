#!/usr/bin/env python3
"""Plants a violation of every rule of tidy.py in a small tree and sees exactly that one found.

Needs a C compiler (CC, or cc), ar and nm for the rule on symbols.
"""
import os
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import tidy  # noqa: E402  (after dont_write_bytecode: the source tree stays clean)

HEAD = "/*\n * What this file is for and what it is not for.\n */\n"
CLEAN = {
    "common/CMakeLists.txt": "set(BASE_SOURCES err.c utf8.c)\n",
    "common/err.h": HEAD + "#include <stddef.h>\n",
    "common/err.c": HEAD + '#include "common/err.h"\n#include <stdio.h>\n',
    "common/bytes.h": HEAD,
    "common/file.h": HEAD + "#include <sys/types.h>\n",
    "common/file.c": HEAD + '#include "common/file.h"\n#include "common/err.h"\n',
    "schemas/c/event.h": HEAD + '#include "common/bytes.h"\n',
    "schemas/c/schema_parse.c": HEAD + "#include <stdlib.h>\n",
    "producer/core/tracker.c": HEAD + '#include "schemas/c/event.h"\n#include "common/err.h"\n',
    "producer/edge/tailer.c": HEAD + '#include "common/file.h"\n#include <fcntl.h>\n',
    "producer/main.c": HEAD + '#include "producer/edge/tailer.h"\n',
    "aggregator/core/run.c": HEAD + "#include <string.h>\n",
    "aggregator/rating/seal.c": HEAD + '#include "aggregator/core/run.h"\n',
    "aggregator/edge/store.c": HEAD + '#include "aggregator/rating/seal.h"\n',
    "README.md": "# Sample\n",
}
HELP = """enclave-producer: meters.

Usage: enclave-producer [FLAGS] COMMAND [FLAGS] [ARGUMENTS]

Commands:
  run
      Meters.
      --backfill
          Old logs.
  parse FILE…
      Parses.

Flags:
  --config FILE
      A file.
  --set NAME=VALUE
      One option.
  --help
      This.

Options, in the file of --config (YAML: a dot is one level of nesting) or by --set:
  journal.path  (path; default /var/lib/x; scope process)
      Where.
  kafka.*  (pass-through; default none; scope process)
      Any property.

Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.
"""


class TreeTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        for path, text in CLEAN.items():
            self.write(path, text)

    def write(self, path, text):
        full = os.path.join(self.folder.name, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as f:
            f.write(text)
        return full

    def findings(self, libraries=None):
        programs = {"enclave-producer": tidy.Help(HELP)}
        self.notes = []
        return list(tidy.check_all(self.folder.name, libraries or {}, programs, "nm", self.notes))

    def assert_found(self, path, text, rule, line=None):
        """The text at that path gives findings of this rule there and no others anywhere."""
        self.write(path, text)
        found = self.findings()
        self.assertEqual({(f.path, f.rule) for f in found}, {(path, rule)}, msg=repr(text))
        if line is not None:
            self.assertEqual(found[0].line, line)
        if path in CLEAN:
            self.write(path, CLEAN[path])
        else:
            os.unlink(os.path.join(self.folder.name, path))

    def assert_clean(self, path, text):
        self.write(path, text)
        self.assertEqual(self.findings(), [], msg=repr(text))

    def test_a_clean_tree_has_no_findings(self):
        self.assertEqual(self.findings(), [])

    def test_includes_against_the_layers_are_found(self):
        for path, include in [
                ("common/err.c", '"common/file.h"'), ("common/file.c", '"schemas/c/event.h"'),
                ("schemas/c/event.h", '"common/file.h"'),
                ("schemas/c/event.h", '"producer/core/tracker.h"'),
                ("producer/core/tracker.c", '"common/file.h"'),
                ("producer/core/tracker.c", '"producer/edge/tailer.h"'),
                ("producer/core/tracker.c", '"aggregator/core/run.h"'),
                ("producer/edge/tailer.c", '"producer/main.h"'),
                ("producer/edge/tailer.c", '"aggregator/edge/store.h"'),
                ("producer/main.c", '"aggregator/core/run.h"'),
                ("aggregator/core/run.c", '"aggregator/rating/seal.h"'),
                ("aggregator/rating/seal.c", '"aggregator/edge/store.h"'),
                ("aggregator/edge/store.c", '"aggregator/commands.h"'),
                ("producer/core/tracker.c", "<stdlib.h>"), ("aggregator/core/run.c", "<time.h>"),
                ("aggregator/rating/seal.c", "<unistd.h>"), ("common/err.c", "<stdlib.h>"),
                ("schemas/c/event.h", "<stdlib.h>")]:
            self.assert_found(path, HEAD + "#include " + include + "\n", "layering", 4)

    def test_banned_calls_are_found_outside_comments_and_strings(self):
        for name in tidy.BANNED:
            self.assert_found("common/file.c", f"{HEAD}static int x = {name} (y);\n", "banned", 4)
        self.assert_clean("common/file.c", HEAD + '/* gmtime(x)\n atoi(x) */ // rand()\n'
                          'static const char *s = "strcpy(\\"a\\")" "gets(x)"; char c = \'"\';\n'
                          "int my_system(int); int gmtime_r(int); void f(void *p) { p->random(); }\n")

    def test_code_after_a_literal_is_still_seen(self):
        self.assert_found("common/file.c", HEAD + 'char c = \'"\'; int x = atoi("1"); /* " */\n',
                          "banned", 4)

    def test_a_missing_head_is_found(self):
        self.assert_found("common/file.c", '#include "common/file.h"\n', "head")
        self.assert_found("common/file.c", "/* file.c */\n", "head")

    def test_text_that_is_not_tidy_is_found(self):
        self.assert_found("common/file.c", HEAD + "\tint x;\n", "tab", 4)
        self.assert_found("common/file.c", HEAD + "int x; \n", "trailing-space", 4)
        self.assert_found("common/file.c", HEAD + "int x" + "x" * 95 + ";\n", "columns", 4)
        self.assert_clean("common/file.c", HEAD + "int x" + "x" * 94 + ";\n")
        self.assert_found("ops/x.py", '"""Head."""\n' + "x" * 121 + "\n", "columns", 2)

    def test_long_files_are_found(self):
        self.assert_clean("common/file.c", HEAD + "int x;\n" * 597)
        self.assert_found("common/file.c", HEAD + "int x;\n" * 598, "file-length")

    def test_long_functions_are_found_and_listed(self):
        def body(lines):
            return HEAD + "static int\nf(int x)\n{\n" + "    x++;\n" * (lines - 2) + "}\n"
        self.assert_clean("common/file.c", body(70))
        self.assertEqual(self.notes, [])
        self.assert_clean("common/file.c", body(90))
        self.assertEqual(self.notes, ["common/file.c:6: f has 90 lines"])
        self.assert_found("common/file.c", body(91), "function-length", 6)

    def test_an_excuse_that_is_not_needed_is_found(self):
        (path, name), = list(tidy.LONG_FUNCTIONS)[:1]
        self.assert_found(path, f"{HEAD}int {name}(void)\n{{\n}}\n", "function-length")
        self.assert_clean(path, f"{HEAD}int {name}(void)\n{{\n" + "    x++;\n" * 100 + "}\n")

    def test_paths_of_a_machine_are_found(self):
        for text in ["/wor" + "k/main/x", "/tm" + "p/build-x", "/roo" + "t/.cache", "/hom" + "e/anna/x"]:
            self.assert_found("ops/test", f"cd {text}\n", "machine-path", 1)
        self.assert_clean("ops/test", "cd /home/ec2-user/x /proc/1/root/x /etc /tmp/x\n")

    def test_private_hosts_are_found(self):
        for text in ["http://packages." + "internal/x", "https://10.0" + ".0.5/simple",
                     "http://user:pw@mirror." + "corp/x", "PIP_INDEX_URL=https:" + "//pypi.acme.io/x",
                     "--index-url http:" + "//artifacts.example.net"]:
            self.assert_found("ops/test", f"fetch {text}\n", "private-host", 1)
        self.assert_clean("ops/test", "https://pypi.org/simple http://127.0.0.1:9092 https://x.org\n"
                          "PIP_INDEX_URL=https://pypi.org/simple\n")

    def test_documents_that_name_what_does_not_exist_are_found(self):
        for text in ["`--set journal.pth=/x`\n", "Set `journal.pth` first.\n",
                     "`enclave-producer rnu`\n", "    enclave-producer run --bakfill x\n",
                     "```sh\nenclave-producer parse --st kafka.acks=all\n```\n"]:
            self.assert_found("README.md", text, "document")
        self.assert_clean("README.md", "`--set journal.path=/x` `kafka.linger.ms` `journal.json`\n"
                          "`enclave-producer run --backfill x | jq --sort-keys`, `example.com`,\n"
                          "`enclave-producer --config x.yaml run`, `enclave-producer.service`\n"
                          "    enclave-producer   line → journal → Kafka\n"
                          "prose about an enclave-producer that is not shown as code\n")

    def archive(self, name, code):
        source = self.write(f"build/{name}.c", HEAD + code)
        member = source[:-2] + ".o"
        target = os.path.join(self.folder.name, f"build/lib{name}.a")
        subprocess.run([os.environ.get("CC", "cc"), "-w", "-c", source, "-o", member], check=True)
        subprocess.run(["ar", "rcs", target, member], check=True)
        os.unlink(source)
        os.unlink(member)
        return target

    def test_symbols_of_impure_functions_are_found(self):
        base = self.archive("em_base", "#include <string.h>\nint base_f(const char *s);\n"
                            "int base_f(const char *s) { return (int)strlen(s); }\n")
        core = self.archive("em_aggregator_core", "int base_f(const char *); int core_g(void);\n"
                            'int core_g(void) { return base_f("x"); }\n')
        libraries = {"em_base": base, "em_aggregator_core": core}
        self.assertEqual(self.findings(libraries), [])
        for call in ["malloc(1)", "time(0)", "printf(0)", "open(0, 0)", "getenv(0)",
                     "clock_gettime(0, 0)", "log_write()", "rd_kafka_new()"]:
            name = call.split("(")[0]
            libraries["em_aggregator_core"] = self.archive(
                "em_aggregator_core", f"long {name}(); long core_g(void);\n"
                f"long core_g(void) {{ return {call}; }}\n")
            found = self.findings(libraries)
            self.assertEqual([(f.rule, f.text) for f in found],
                             [("purity", f"must not need {name}")])

    def test_a_symbol_of_a_layer_above_is_found(self):
        libraries = {
            "em_base": self.archive("em_base", "int core_g(void); int base_f(void);\n"
                                    "int base_f(void) { return core_g(); }\n"),
            "em_aggregator_core": self.archive("em_aggregator_core", "int core_g(void);\n"
                                               "int core_g(void) { return 1; }\n"),
        }
        self.assertEqual([f.text for f in self.findings(libraries)], ["must not need core_g"])


if __name__ == "__main__":
    unittest.main()
