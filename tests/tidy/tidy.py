#!/usr/bin/env python3
"""What reviewers would otherwise look for: layering, banned calls, heads, lengths, purity.

Usage: tidy.py --root ROOT [--library NAME=ARCHIVE …] [--program NAME=BINARY …] [--nm NM]

Reads the tracked (and not ignored) files below ROOT; prints one line per finding and exits 1 if
there is any. With --library the undefined symbols of the pure libraries are checked, with --program the
documents are held against the program's --help. tests/tidy/tidy_test.py plants a violation of every
rule and sees it found.
"""
import argparse
import collections
import os
import re
import subprocess
import sys

Finding = collections.namedtuple("Finding", "path line rule text")

# ---- limits -------------------------------------------------------------------------------------
COLUMNS_MAX = {".c": 100, ".h": 100, ".py": 120, ".sh": 120}
FUNCTION_LINES_GOOD = 70
FUNCTION_LINES_MAX = {"tests/": 150, "": 90}
# Functions that may be longer, and why.
LONG_FUNCTIONS = {
    ("schemas/c/event_decode.c", "run_ops"): "threaded code: its labels must share one function",
}
FILE_LINES_MAX = {"tests/": 900, "": 600}


def limit_of(limits, path):
    return next(limits[prefix] for prefix in limits if path.startswith(prefix))


# ---- reading ------------------------------------------------------------------------------------
def list_files(root):
    """Paths below root that git tracks or would track; without git, all files."""
    try:
        out = subprocess.run(
            ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        names = out.decode("utf-8", "surrogateescape").split("\0")
        return sorted({n for n in names if n and os.path.isfile(os.path.join(root, n))})
    except (OSError, subprocess.CalledProcessError):
        found = []
        for folder, folders, names in os.walk(root):
            folders[:] = [f for f in folders if f != ".git"]
            found += [os.path.relpath(os.path.join(folder, n), root) for n in names]
        return sorted(found)


class Source:
    """A text file; for C also its code with comments and literals blanked out, line by line."""

    def __init__(self, root, path):
        self.path = path
        with open(os.path.join(root, path), "rb") as f:
            raw = f.read()
        self.is_text = b"\0" not in raw
        self.text = raw.decode("utf-8", "replace")
        self.lines = self.text.split("\n")
        if self.lines and self.lines[-1] == "":
            self.lines.pop()
        self.is_c = path.endswith((".c", ".h"))
        self.code = blank_c(self.text).split("\n") if self.is_c else []


C_TOKEN = re.compile(
    r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def blank_c(text):
    """The text with the inside of comments and literals replaced by spaces; include paths stay."""
    def blank(match):
        line_start = text.rfind("\n", 0, match.start()) + 1
        if text[line_start:match.start()].strip().startswith("#include"):
            return match.group(0)
        return re.sub(r"[^\n]", " ", match.group(0))
    return C_TOKEN.sub(blank, text)


# ---- layers -------------------------------------------------------------------------------------
def base_headers(root):
    """The pure headers of common/, as common/CMakeLists.txt says."""
    with open(os.path.join(root, "common/CMakeLists.txt"), encoding="utf-8") as f:
        names = re.search(r"set\(BASE_SOURCES([^)]*)\)", f.read()).group(1).split()
    return {"common/bytes.h"} | {"common/" + n[:-2] + ".h" for n in names}


BASE = object()  # stands for base_headers() in the table below

# The first prefix that matches a file decides what it may include.
LAYERS = [
    ("schemas/c/", [BASE, "schemas/c/"]),
    ("producer/core/", [BASE, "schemas/c/", "producer/core/"]),
    ("aggregator/core/", [BASE, "schemas/c/", "aggregator/core/"]),
    ("aggregator/rating/", [BASE, "schemas/c/", "aggregator/core/", "aggregator/rating/"]),
    ("producer/edge/", ["common/", "schemas/c/", "producer/core/", "producer/edge/"]),
    ("aggregator/edge/", ["common/", "schemas/c/", "aggregator/core/", "aggregator/rating/",
                          "aggregator/edge/"]),
    ("producer/", ["common/", "schemas/c/", "producer/"]),
    ("aggregator/", ["common/", "schemas/c/", "aggregator/"]),
    ("common/", ["common/"]),
    ("schemas/", ["common/", "schemas/"]),
]
PURE_FOLDERS = ("producer/core/", "aggregator/core/", "aggregator/rating/")
# schema_*.c compiles schemas: it allocates and uses cJSON.
PURE_SCHEMAS = re.compile(r"schemas/c/(?!schema_).*\.[ch]$")
PURE_SYSTEM_HEADERS = {
    "assert.h", "endian.h", "inttypes.h", "limits.h", "openssl/sha.h", "stdalign.h", "stdarg.h", "stdbool.h",
    "stddef.h", "stdint.h", "stdio.h", "string.h",
}
INCLUDE = re.compile(r'\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')


def check_layers(source, base):
    is_base = source.path in base or source.path[:-2] + ".h" in base
    allowed = [BASE] if is_base else next(
        (rule for prefix, rule in LAYERS if source.path.startswith(prefix)), None)
    if allowed is None:
        return
    pure = (is_base or source.path.startswith(PURE_FOLDERS) or
            PURE_SCHEMAS.match(source.path) is not None)
    for number, line in enumerate(source.code, 1):
        match = INCLUDE.match(line)
        if match is None:
            continue
        ours, system = match.groups()
        if ours is not None:
            if not any(ours in base if a is BASE else ours.startswith(a) for a in allowed):
                yield Finding(source.path, number, "layering", f"must not include {ours}")
        elif pure and system not in PURE_SYSTEM_HEADERS:
            yield Finding(source.path, number, "layering",
                          f"a pure layer must not include <{system}>")


# ---- C text -------------------------------------------------------------------------------------
BANNED = {
    "strcpy": "memcpy with a known length", "strcat": "snprintf", "strncpy": "memcpy",
    "stpcpy": "memcpy", "sprintf": "snprintf", "vsprintf": "vsnprintf",
    "gets": "getline", "atoi": "a checked parser", "atol": "a checked parser",
    "atoll": "a checked parser", "atof": "a checked parser", "strtok": "strtok_r or slices",
    "gmtime": "common/time_text.h", "localtime": "common/time_text.h",
    "ctime": "common/time_text.h", "asctime": "common/time_text.h", "rand": "a seeded generator",
    "srand": "a seeded generator", "random": "a seeded generator", "system": "posix_spawn",
    "popen": "posix_spawn", "alloca": "a bounded array", "tmpnam": "mkostemp",
    "mktemp": "mkostemp", "tempnam": "mkostemp",
}
BANNED_CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")


def check_banned(source):
    for number, line in enumerate(source.code, 1):
        for match in BANNED_CALL.finditer(line):
            name = match.group(1)
            yield Finding(source.path, number, "banned", f"{name}(): use {BANNED[name]}")


def check_head(source):
    head = re.match(r"/\*(.*?)\*/", source.text, re.DOTALL)
    words = re.findall(r"\w+", head.group(1)) if head else []
    if len(words) < 3:
        yield Finding(source.path, 1, "head",
                      "begin with a comment: what the file is for, what not")


def check_text(source):
    columns = COLUMNS_MAX[os.path.splitext(source.path)[1]]
    for number, line in enumerate(source.lines, 1):
        if "\t" in line:
            yield Finding(source.path, number, "tab", "use spaces")
        if line != line.rstrip():
            yield Finding(source.path, number, "trailing-space", "remove it")
        if len(line) > columns:
            yield Finding(source.path, number, "columns", f"{len(line)} > {columns}")
    most = limit_of(FILE_LINES_MAX, source.path)
    if len(source.lines) > most:
        yield Finding(source.path, most, "file-length", f"{len(source.lines)} lines > {most}")


def functions(source):
    """(name, first line, lines of the body) of every function: braces alone in column 0."""
    start = None
    for number, line in enumerate(source.code, 1):
        if line.rstrip() == "{":
            start = number
        elif line.startswith("}") and start is not None:
            head = start - 1
            while head > 0 and source.code[head - 1].strip():
                head -= 1
            declaration = " ".join(source.code[head:start - 1])
            names = [n for n in re.findall(r"(\w+)\s*\(", declaration) if not n.startswith("__")]
            yield (names[0] if names else "?"), start, number - start + 1
            start = None


def check_functions(source, notes):
    most = limit_of(FUNCTION_LINES_MAX, source.path)
    for name, line, length in functions(source):
        excused = (source.path, name) in LONG_FUNCTIONS
        if excused and length <= most:
            yield Finding(source.path, line, "function-length", f"{name}: its excuse is not needed")
        elif length > most and not excused:
            yield Finding(source.path, line, "function-length", f"{name}: {length} lines > {most}")
        elif length > FUNCTION_LINES_GOOD and not source.path.startswith("tests/"):
            notes.append(f"{source.path}:{line}: {name} has {length} lines")


# ---- paths and hosts ----------------------------------------------------------------------------
# Patterns are written so that they do not match themselves.
MACHINE_PATHS = re.compile(
    r"/wor[k]/(?:main|shared|\.library)|/tm[p]/(?:build|venv|brief)|(?<![\w.])/roo[t]/|/hom[e]/"
    r"(?!ec2-user/)[a-z]\w*/")
PRIVATE_HOST = re.compile(
    r"(?:https?|ftp)://(?:[^/\s\"'@]*@)?([\w.-]+\.(?:internal|local|lan|corp|intra)"
    r"|10(?:\.\d+){3}|192\.168\.\d+\.\d+|172\.(?:1[6-9]|2\d|3[01])\.\d+\.\d+)(?![\w.-])")
PACKAGE_SOURCE = re.compile(
    r"(?:index[-_]url|extra-index-url|GOPROXY|registry|find-links|trusted-host|mirror\w*)"
    r"[\s=\"':]+https?://([\w.-]+)", re.IGNORECASE)
PUBLIC_SOURCES = ("pypi.org", "proxy.golang.org", "repo.maven.apache.org", "repo1.maven.org",
                  "registry.npmjs.org", "deb.debian.org", "localhost", "127.0.0.1")
# Recordings of real machines: their paths are content.
RECORDED = ("tests/data/", "tests/fuzz/corpus/")


def check_paths(source):
    for number, line in enumerate(source.lines, 1):
        match = None if source.path.startswith(RECORDED) else MACHINE_PATHS.search(line)
        if match:
            yield Finding(source.path, number, "machine-path", match.group(0))
        match = PRIVATE_HOST.search(line)
        if match:
            yield Finding(source.path, number, "private-host", match.group(1))
        match = PACKAGE_SOURCE.search(line)
        if match and not match.group(1).endswith(PUBLIC_SOURCES):
            yield Finding(source.path, number, "private-host", match.group(1))


# ---- documents ----------------------------------------------------------------------------------
DOCUMENT = re.compile(r"(?:README|CONTRIBUTING|DESIGN)\.md$|ops/.*\.md$|docker-compose\.yml$"
                      r"|ops/systemd/")
FILE_SUFFIXES = ("avro", "avsc", "bin", "c", "cfg", "ckpt", "conf", "csv", "eif", "h", "html", "json",
                 "log", "md", "parquet", "py", "service", "sh", "sql", "txt", "yaml", "yml")


class Help:
    """What a program's --help says exists."""

    def __init__(self, text):
        commands, rest = text.split("\nCommands:\n", 1)[1].split("\nFlags:\n", 1)
        options = rest.split("\nOptions", 1)[1]
        self.commands = set(re.findall(r"^  ([a-z][\w-]*)", commands, re.MULTILINE))
        self.flags = set(re.findall(r"^ +(--[a-z][\w-]*)", commands + "\n" + rest, re.MULTILINE))
        self.options = set(re.findall(r"^  ([a-z][\w.*-]*)  \(", options, re.MULTILINE))

    def has_option(self, name):
        return name in self.options or any(
            o.endswith(".*") and name.startswith(o[:-1]) for o in self.options)

    def has_section(self, name):
        return any(o.startswith(name + ".") for o in self.options)


def code_pieces(source):
    """(line number, text) of what a document shows as code."""
    if not source.path.endswith(".md"):
        yield from enumerate(source.lines, 1)
        return
    fenced = False
    for number, line in enumerate(source.lines, 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            yield number, line
        else:
            for piece in re.findall(r"`([^`]+)`", line):
                yield number, piece


def check_call(path, number, piece, name, program):
    """Every shown call of a program: its command and flags. (In a picture two spaces follow it.)"""
    for call in re.finditer(re.escape(name) + r"(?![\w.:/-])((?: [^ |;&#)][^|;&#)]*)?)", piece):
        words = call.group(1).split()
        first = next((w for w in words if not w.startswith(("-", "[", "<", "$", "…"))), None)
        takes_value = words and words[0] in ("--config", "--set", "--log-format", "--log-level")
        if (words and first == words[0] and not takes_value
                and re.fullmatch(r"[a-z][a-z-]*", first) and first not in program.commands):
            yield Finding(path, number, "document", f"{name} has no command '{first}'")
        for word in words:
            flag = re.match(r"\[?(--[a-z][\w-]*)", word)
            if flag and flag.group(1) not in program.flags:
                yield Finding(path, number, "document", f"{name} has no flag '{flag.group(1)}'")


def check_document(source, programs):
    for number, piece in code_pieces(source):
        for name, program in programs.items():
            yield from check_call(source.path, number, piece, name, program)
        for option in re.findall(r"--set[ =]([a-z][\w.-]*)=", piece):
            if not any(p.has_option(option) for p in programs.values()):
                yield Finding(source.path, number, "document", f"no program has option '{option}'")
        word = piece.strip().rstrip(":")
        if not re.fullmatch(r"[a-z]\w*(?:\.[a-z]\w*)+", word):
            continue
        looks_like_option = any(p.has_section(word.split(".")[0]) for p in programs.values())
        if (looks_like_option and word.rsplit(".", 1)[1] not in FILE_SUFFIXES
                and not any(p.has_option(word) or p.has_section(word) for p in programs.values())):
            yield Finding(source.path, number, "document", f"no program has option '{word}'")


# ---- purity -------------------------------------------------------------------------------------
# Each pure library and those below it.
PURE_LIBRARIES = {
    "em_base": [],
    "em_schemas": ["em_base"],
    "em_producer_core": ["em_schemas", "em_base"],
    "em_aggregator_core": ["em_schemas", "em_base"],
    "em_aggregator_rating": ["em_aggregator_core", "em_schemas", "em_base"],
}
PURE_SYMBOLS = {
    "memcpy", "memmove", "memset", "memcmp", "memchr", "memrchr", "memmem", "bcmp", "strlen",
    "strnlen", "strcmp", "strncmp", "strchr", "strrchr", "strstr", "snprintf", "vsnprintf",
    "__memcpy_chk", "__memmove_chk", "__memset_chk", "__snprintf_chk", "__vsnprintf_chk",
    "__assert_fail", "__stack_chk_fail", "SHA256",
    # 128-bit arithmetic of the compiler
    "__udivti3", "__umodti3", "__divti3", "__modti3", "__muloti4", "__udivmodti4", "__divmodti4",
    "_GLOBAL_OFFSET_TABLE_",
}
INSTRUMENTATION = re.compile(
    r"__(?:asan|ubsan|tsan|sanitizer|gcov|llvm_profile|llvm_gcov|start_|stop_)")


def symbols(nm, archive, undefined):
    flag = "--undefined-only" if undefined else "--defined-only"
    out = subprocess.run([nm, "-g", flag, archive], check=True, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, universal_newlines=True).stdout
    member = ""
    for line in out.splitlines():
        if line.endswith(":"):
            member = line[:-1]
        elif line.split():
            yield member, line.split()[-1]


def check_purity(nm, libraries):
    for name, below in PURE_LIBRARIES.items():
        if name not in libraries:
            continue
        defined = {s for library in [name] + below if library in libraries
                   for _, s in symbols(nm, libraries[library], False)}
        for member, symbol in sorted(set(symbols(nm, libraries[name], True))):
            if (symbol not in defined and symbol not in PURE_SYMBOLS
                    and not INSTRUMENTATION.match(symbol)):
                yield Finding(f"{name}({member})", 0, "purity", f"must not need {symbol}")


# ---- all ----------------------------------------------------------------------------------------
def check_all(root, libraries, programs, nm, notes):
    base = base_headers(root)
    for path in list_files(root):
        source = Source(root, path)
        if not source.is_text:
            continue
        yield from check_paths(source)
        if source.is_c:
            yield from check_layers(source, base)
            yield from check_banned(source)
            yield from check_head(source)
            yield from check_functions(source, notes)
        if path.endswith(tuple(COLUMNS_MAX)):
            yield from check_text(source)
        if programs and DOCUMENT.match(path):
            yield from check_document(source, programs)
    yield from check_purity(nm, libraries)


def read_help(binary):
    out = subprocess.run([binary, "--help"], check=True, stdout=subprocess.PIPE)
    return Help(out.stdout.decode("utf-8"))


def named(values):
    return dict(v.split("=", 1) for v in values)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--root", required=True)
    parser.add_argument("--library", action="append", default=[], metavar="NAME=ARCHIVE")
    parser.add_argument("--program", action="append", default=[], metavar="NAME=BINARY")
    parser.add_argument("--nm", default="nm")
    arguments = parser.parse_args()
    programs = {n: read_help(b) for n, b in named(arguments.program).items()}
    notes = []
    findings = list(check_all(arguments.root, named(arguments.library), programs, arguments.nm, notes))
    for note in notes:
        print(f"note: {note}, {FUNCTION_LINES_GOOD} would be better")
    for f in findings:
        print(f"{f.path}:{f.line}: {f.rule}: {f.text}")
    print(f"{len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
