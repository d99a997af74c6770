"""Texts that people read and that have no Chinese: the English of each row that policies/say_zh.def wants.

Read from the sources: the format of every err_set(), err_field(), err_wrap(), say(), cli_line() and
tell() (explain), the texts of two words and more that stand among their arguments or become a text, note,
reason, warning or obstacle, and, in the folders of SPOKEN, every text of three words and more.  Macros
that are one text are read as such.  A text without a word of its own needs no row, and
none does a piece of one (it begins or ends with a blank or a mark): tests/unit/test_sentence.c has
the sentences that are made of pieces."""
import glob
import re
import sys

TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
SINKS = {"cli_line": 2, "cli_secret": 2, "cli_secret_twice": 2, "err_set": 2, "err_field": 3, "err_wrap": 1, "say": 1, "tell": 4}
PRI = {"PRIu64": "lu", "PRId64": "ld", "PRIu32": "u", "PRId32": "d", "PRIx64": "lx"}
ALIEN = ("drivers/virt/virt_fake", "drivers/virt/fake_", "tests/")

# Folders where a text of three words and more is for people, files there that are no such, and the marks
# of what machines read.
SPOKEN = ("agent/", "controller/", "drivers/codec/", "drivers/crypto/", "drivers/host/", "drivers/net/",
          "drivers/virt/", "policies/")
UNSPOKEN = re.compile(r"controller/cli/|_page\.c|/(config|ident|init|main|openapi\w*|page|seed|sentence|receipts)\.c")
MACHINE = re.compile(r"^(Accept-|SELECT|INSERT|UPDATE|DELETE|ROLLBACK|PRAGMA|Content-|X-|HTTP/|admin,|bianyun |by-|default-src|pcie|urn:|numbers that|x+-|#|\\x)|[{<@]|\\[nr]")


def sources():
    """Without comments and character constants."""
    for f in sorted(glob.glob("*/*.c") + glob.glob("*/*/*.c")):
        if not f.startswith(ALIEN):
            yield f, re.sub(r'("(?:[^"\\]|\\.)*")|/\*.*?\*/|\'(?:\\.|[^\'\\])\'', lambda m: m.group(1) or "",
                            open(f, encoding="utf-8").read(), flags=re.S)


def macros():
    out = dict(PRI)
    for f in glob.glob("*/*.[ch]") + glob.glob("*/*/*.[ch]"):
        for m in re.finditer(r'^#define (\w+)\s+"((?:[^"\\]|\\.)*)"\s*(?:/\*.*)?$',
                             open(f, encoding="utf-8").read(), re.M):
            out[m.group(1)] = m.group(2)
    return out


def arguments(src, at):
    """Of the call whose parenthesis opened before at."""
    args, depth = [""], 1
    while depth > 0 and at < len(src):
        c = src[at]
        text = TEXT.match(src, at) if c == '"' else None
        if text:
            args[-1] += text.group(0)
            at = text.end()
            continue
        if c == "'":
            at += 1
            at += 2 if src[at] == "\\" else 1
        depth += (c in "([{") - (c in ")]}")
        if c == "," and depth == 1:
            args.append("")
        elif depth > 0:
            args[-1] += c
        at += 1
    return args


def texts(arg, macro):
    """The texts of an argument, neighbours as one."""
    token = re.compile(r'"(?:[^"\\]|\\.)*"|\w+|\S')
    now = None
    for t in token.findall(arg):
        part = t[1:-1] if t[0] == '"' else macro.get(t)
        if part is not None and (t[0] == '"' or now is not None or t not in PRI):
            now = (now or "") + part
        elif now is not None:
            yield now
            now = None
    if now is not None:
        yield now


def wanted():
    macro = macros()
    call = re.compile(r"(?<![\w.>])(%s)\(" % "|".join(SINKS))
    for f, src in sources():
        for m in call.finditer(src):
            args = arguments(src, m.end())
            if m.group(1) == "tell" and len(args) < 5 or m.group(1) == "say" and f.startswith("controller/clocks"):
                continue
            for i, a in enumerate(args):
                for t in texts(a, macro):
                    if i == SINKS[m.group(1)] or (i > SINKS[m.group(1)] and " " in t.strip()):
                        yield t
        for m in re.finditer(r"(?:->|\.|\*)(?:text|note|reason|warning|obstacle|why) =\s+([^;]*);", src):
            for t in texts(m.group(1), macro):
                if " " in t.strip():
                    yield t
        if f.startswith(SPOKEN) and not UNSPOKEN.search(f):
            for t in texts(re.sub(r'^#(?:.*\\\n)*.*$|_Static_assert\(.*|\blog_\w+\((?:[^;"]|"(?:[^"\\]|\\.)*")*;', "", src,
                                  flags=re.M), macro):
                if len(re.findall(r"(?<![%=?&/.\w])[A-Za-z][a-z]+(?![\w=/])", t)) > 2 and not MACHINE.search(t):
                    yield t
    for f in glob.glob("controller/routes.def"):
        for line in open(f, encoding="utf-8"):
            yield from list(texts(line, {}))[1:] if line.startswith("ROUTE(") else ()
    for f in glob.glob("policies/*.def") + glob.glob("agent/calls.def"):
        if not f.endswith(("say_zh.def", "authz.def", "clock.def", "clock_escalation.def")):
            for m in re.finditer(r'^(?:AD|CALL|CNF|OC)\((?:.|\n)*?\)$', open(f, encoding="utf-8").read(), re.M):
                yield from texts(m.group(0), {})


def main():
    rows = set()
    for f in glob.glob("policies/say_zh.def"):
        rows = {m.group(1) for m in re.finditer(r'^ZH\("((?:[^"\\]|\\.)*)",', open(f, encoding="utf-8").read(), re.M)}
    lacks = set()
    for t in wanted():
        t = t[:-2] if t.endswith((": ", "; ")) else t
        piece = t.startswith((" ", ",", ";", ")", ":")) or t.endswith(" ")
        said = re.search(r"[A-Za-z]{2}", re.sub(r"%[-.0-9]*(?:l|ll|z)?[a-z]", "", t))
        if said and not piece and rows.isdisjoint({t, t + " %s", "%s " + t, "%s " + t + " %s"}):
            lacks.add(t)
    for t in sorted(lacks):
        print(t)
    return 1 if lacks else 0


sys.exit(main())
