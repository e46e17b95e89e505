"""Renders templates with jinja2 and with our interpreter, and shows where they differ."""

import datetime
import glob
import itertools
import json
import os
import random
import signal
import subprocess
import sys

from transformers.utils import chat_template_utils


class FixedTime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2024, 7, 26, 12)


chat_template_utils.datetime = FixedTime


def reference(template, variables):
    signal.alarm(10)
    try:
        compiled = chat_template_utils._compile_jinja_template(template)
        return {"ok": compiled.render(**variables)}
    except RecursionError:
        raise
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    finally:
        signal.alarm(0)


def conversations():
    system = {"role": "system", "content": "You are terse."}
    user = {"role": "user", "content": "Hello <|im_end|> wörld 🙂\n\n  two  "}
    answer = {"role": "assistant", "content": "Hi there!"}
    thinking = {"role": "assistant", "content": "<think>\nhm\n</think>\n\nSure."}
    reasoned = {"role": "assistant", "content": "Sure.", "reasoning_content": "Let me see."}
    parts = {"role": "user", "content": [{"type": "text", "text": "One"}, {"type": "text", "text": "two"}]}
    call = {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {
                "id": "abcdefghi",
                "type": "function",
                "function": {"name": "get_weather", "arguments": {"city": "Zürich", "days": 2, "f": 1.5, "n": None}},
            }
        ],
    }
    two_calls = {
        "role": "assistant",
        "content": "Calling.",
        "tool_calls": [
            {"id": "call00001", "type": "function", "function": {"name": "a", "arguments": {"x": [1, {"y": True}]}}},
            {"id": "call00002", "type": "function", "function": {"name": "b", "arguments": "{\"z\": 1}"}},
        ],
    }
    result = {"role": "tool", "name": "get_weather", "tool_call_id": "abcdefghi", "content": "{\"temp\": 21}"}
    named = {"role": "tool", "name": "a", "tool_call_id": "call00001", "content": "done"}
    developer = {"role": "developer", "content": "Be kind."}
    yield "user", [user]
    yield "system", [system, user]
    yield "turns", [user, answer, user]
    yield "system turns", [system, user, answer, user, answer, user]
    yield "answered", [system, user, answer]
    yield "thinking", [user, thinking, user]
    yield "reasoned", [system, user, reasoned, user]
    yield "parts", [system, parts, answer, parts]
    yield "developer", [developer, user]
    yield "call", [system, user, call, result]
    yield "call answered", [user, call, result, answer, user]
    yield "two calls", [user, two_calls, named, named, answer, user]
    yield "call open", [user, call]
    yield "two users", [user, user]
    yield "assistant first", [answer, user]
    yield "empty content", [{"role": "user", "content": ""}]
    yield "odd role", [user, {"role": "critic", "content": "x"}]
    yield "none", []


TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Weather of a city.\nSecond line.",
            "parameters": {
                "type": "object",
                "properties": {
                    "city": {"type": "string", "description": "The city"},
                    "days": {"type": "integer", "enum": [1, 2, 3]},
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "options": {"type": "object", "properties": {"f": {"type": "number"}}, "required": []},
                    "either": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                    "both": {"type": ["string", "null"], "default": "é"},
                },
                "required": ["city"],
            },
        },
    },
    {"type": "function", "function": {"name": "now", "description": "The time", "parameters": {"type": "object", "properties": {}}}},
]
DOCUMENTS = [{"title": "A", "text": "alpha", "doc_id": 1}, {"title": "B", "text": "beta \"b\"", "doc_id": 2}]


def cases(folder):
    extras = [
        {},
        {"enable_thinking": True, "thinking": True, "reasoning_effort": "high"},
        {"enable_thinking": False, "thinking": False, "reasoning_effort": "low", "date_string": "1 May 2025"},
        {"documents": DOCUMENTS, "keep_all_reasoning": True, "custom_tools": TOOLS, "tools_in_user_message": False},
    ]
    for path in sorted(glob.glob(os.path.join(folder, "**", "*.jinja"), recursive=True)):
        with open(path, encoding="utf-8") as file:
            template = file.read()
        for (name, messages), tools, prompt, extra in itertools.product(
            conversations(), [None, TOOLS], [True, False], extras
        ):
            variables = {
                "messages": messages,
                "tools": tools,
                "documents": None,
                "add_generation_prompt": prompt,
                "bos_token": "<s>",
                "eos_token": "</s>",
                **extra,
            }
            yield f"{os.path.basename(path)}: {name}, tools {bool(tools)}, {prompt}, {list(extra)}", template, variables


# Random small templates.

STRINGS = ["", "a", "Hello World", "  pad  ", "a,b,,c", "ÄÖü ß", "x\ny\n", "12", "-3.5", "<b>&'\"", "tab\there", "🙂é", "%s and %d", "{} {0}", "ab" * 5]
NUMBERS = ["0", "1", "-1", "2", "3", "7", "10", "-7", "0.5", "2.5", "-0.1", "1e3", "1e16", "1e-7", "3.0", "100000"]
NAMES = ["s", "t", "n", "f", "xs", "ys", "d", "users", "u", "empty", "nothing", "yes", "missing", "m"]
VARIABLES = {
    "s": "Hello, wörld!",
    "t": " a b  c ",
    "n": 42,
    "f": 2.75,
    "xs": [3, 1, 2],
    "ys": ["b", "A", "c", "a"],
    "d": {"b": 1, "a": [1, 2], "C": None, "items": "own", "x y": {"k": "v"}},
    "users": [{"name": "Zoë", "age": 30, "ok": True}, {"name": "bob", "age": 25, "ok": False}, {"name": "Al", "age": 30}],
    "u": {"name": "é\"'\\", "tags": ["x", "y"]},
    "empty": [],
    "nothing": None,
    "yes": True,
    "m": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}],
}
FILTERS = [
    "upper", "lower", "trim", "title", "capitalize", "length", "list", "first", "last", "join", "join(', ')", "join('-', attribute='name')",
    "string", "int", "float", "abs", "round", "round(1)", "round(1, 'floor')", "tojson", "tojson(indent=2)", "tojson(ensure_ascii=True)",
    "tojson(separators=(',', ':'))", "tojson(sort_keys=true)", "default('x')", "default('x', true)", "d", "sort", "sort(reverse=true)", "sort(attribute='name')",
    "sort(case_sensitive=true)", "unique|list", "reverse|list", "reverse", "map('upper')|list", "map(attribute='name')|list", "map(attribute='name', default='?')|join(',')",
    "select|list", "reject|list", "select('odd')|list", "selectattr('ok')|list", "selectattr('age', 'gt', 26)|map(attribute='name')|list",
    "rejectattr('ok')|list", "rejectattr('name', 'equalto', 'bob')|list", "min", "max", "sum", "sum(attribute='age')", "dictsort", "dictsort(by='value')", "items|list",
    "replace('a', 'X')", "replace('l', 'L', 1)", "indent", "indent(2, true)", "indent(1, blank=true)", "center(20)", "truncate(7)", "truncate(7, true, '!')", "wordcount",
    "safe", "escape", "e", "forceescape", "striptags", "urlencode", "batch(2)|list", "batch(2, 'f')|list", "slice(2)|list", "slice(3, 'f')|list", "groupby('age')",
    "groupby('age')|map('last')|list", "attr('name')", "format(1, 2)", "filesizeformat", "count", "wordwrap(5)", "xmlattr", "min(attribute='age')", "items", "select('string')|list", "map('length')|list", "int(7)", "int(base=16)", "float(1.5)",
]
TESTS = [
    "defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "true", "false", "mapping", "sequence", "iterable", "callable", "odd", "even",
    "divisibleby(3)", "divisibleby 2", "lower", "upper", "in xs", "in [1, 'a']", "equalto(1)", "eq(s)", "ne 3", "gt 2", "lt(5)", "ge 1", "sameas(none)", "escaped", "filter", "test", "sameas true",
]
METHODS = [
    "upper()", "lower()", "strip()", "lstrip()", "rstrip()", "strip('a!')", "split()", "split(',')", "split(' ', 1)", "rsplit(' ', 1)", "splitlines()", "splitlines(true)", "title()", "capitalize()",
    "startswith('H')", "startswith(('a', 'H'))", "endswith('!')", "replace('l', '')", "find('o')", "rfind('o')", "count('l')", "index('a')", "isdigit()", "isalpha()", "isspace()", "isupper()", "islower()", "istitle()", "isalnum()",
    "partition(' ')", "rpartition(' ')", "zfill(8)", "center(9, '*')", "ljust(9)", "rjust(9, '.')", "join(ys)", "join(['1', '2'])", "format(1, 'b')", "items()", "keys()", "values()", "items()|list", "get('a')", "get('zz', 5)", "get('zz')",
    "name", "items", "zz", "copy()", "index(2)", "count(1)", "append(1)", "update({})", "__class__", "swapcase()", "casefold()", "expandtabs(4)", "removeprefix('He')", "removesuffix('!')", "bit_length()", "is_integer()", "pop()",
    "encode", "isidentifier()", "isprintable()", "isascii()", "0", "1",
]
FORMATS = ["'%s|%r' % (A, B)", "'%5d|%-5s|' % (n, A)", "'%05.2f' % A", "'%x' % n", "'%+d' % n", "'%%'", "'{}|{}'.format(A, B)", "'{:>8}|{:<4}|{:^5}'.format(s, n, f)", "'{0!r:.3}'.format(A)", "'{:,.2f} {:05d} {:x} {:.1%}'.format(f, n, n, f)", "'{a[name]}'.format(a=u)", "'%(b)s' % d", "'{:g}'.format(A)", "'%e %g' % (f, n)", "'{:.3}'.format(f)", "'{:8.3f}|{:+}'.format(f, n)"]


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, values):
        return self.random.choice(values)

    def atom(self):
        kind = self.random.randrange(10)
        if kind < 3:
            return repr(self.pick(STRINGS))
        if kind < 5:
            return self.pick(NUMBERS)
        if kind < 9:
            return self.pick(NAMES)
        return self.pick(["true", "false", "none", "[]", "{}", "()", "range(5)", "[1, 2.0, 'x']", "{'k': 1, 2: [3]}", "(1, 'a')", "namespace(a=1).a", "dict(a=1, b='x')", "range(1, 10, 3)"])

    def expression(self, depth=3):
        if depth == 0:
            return self.atom()
        kind = self.random.randrange(17)
        a = lambda: self.expression(depth - 1)
        if kind < 3:
            return self.atom()
        if kind < 6:
            return f"({a()})|{self.pick(FILTERS)}"
        if kind == 6:
            return f"({a()} is {self.pick(['', 'not '])}{self.pick(TESTS)})"
        if kind < 9:
            return f"({a()}).{self.pick(METHODS)}"
        if kind == 9:
            return f"({a()} {self.pick(['+', '-', '*', '/', '//', '%', '~', '**'])} {a()})"
        if kind == 10:
            return f"({a()} {self.pick(['==', '!=', '<', '<=', '>', '>=', 'in', 'not in'])} {a()})"
        if kind == 11:
            return f"({a()} {self.pick(['and', 'or'])} {a()})"
        if kind == 12:
            return self.pick([f"(not {a()})", f"(-{a()})", f"({a()} if {a()} else {a()})", f"({a()} if {a()})"])
        if kind == 13:
            bound = lambda: self.pick(["", "0", "1", "-1", "2", "-3", "10"])
            # jinja2 folds slices of constants, with the rules of attributes.
            sliced = self.pick([name for name in NAMES if name not in ("n", "f", "yes", "nothing")])
            step = self.pick(["1", "-1", "2", "-2"])
            return self.pick([f"{sliced}[{bound()}:{bound()}]", f"{sliced}[{bound()}:{bound()}:{step}]", f"({a()})[{self.pick(['0', '-1', '1', a()])}]"])
        if kind == 14:
            return f"[{a()}, {a()}]"
        if kind == 15:
            return "{" + f"'k': {a()}, {self.atom()}: {a()}" + "}"
        return "(" + self.pick(FORMATS).replace("A", a()).replace("B", self.atom()) + ")"

    def body(self, depth):
        return "".join(self.statement(depth) for _ in range(self.random.randrange(1, 3)))

    def space(self):
        return self.pick(["", " ", "\n", "\n  ", "x", " y\n"])

    def statement(self, depth=2):
        o, c = self.pick(["{%", "{%-", "{%", "{%+"]), self.pick(["%}", "-%}", "%}", "+%}"])
        s = self.space()
        if depth == 0:
            return s + self.pick(["{{ ", "{{- "]) + self.expression(2) + self.pick([" }}", " -}}"]) + self.space()
        kind = self.random.randrange(13)
        e = lambda: self.expression(2)
        b = lambda: self.body(depth - 1)
        if kind < 3:
            return s + "{{ " + e() + " }}" + self.space()
        if kind == 3:
            return f"{s}{o} if {e()} {c}{b()}{o} elif {e()} {c}{b()}{o} else {c}{b()}{o} endif {c}"
        if kind == 4:
            target, iterable = self.pick([("x", "xs"), ("x", "ys"), ("k, v", "d.items()"), ("k, v", "d|dictsort"), ("x", "users"), ("x", e()), ("x", "range(4)"), ("a, b", "[(1, 2), (3, 4)]")])
            extra = self.pick(["", "", f" if {e()}", " if loop is undefined", " if x is defined"])
            inner = self.pick(["{{ loop.index }}{{ loop.last }}", "{{ loop.revindex0 }}", "{{ loop.previtem }}|{{ loop.nextitem }}", "{{ loop.cycle('p', 'q') }}", "{{ x }}", "{% if loop.first %}{% continue %}{% endif %}", "{% if loop.index > 2 %}{% break %}{% endif %}", "{{ loop.changed(x) }}", "{{ loop.length }}{{ loop.depth }}"])
            other = self.pick(["", f"{o} else {c}none"])
            return f"{s}{o} for {target} in {iterable}{extra} {c}{inner}{b()}{other}{o} endfor {c}"
        if kind == 5:
            return f"{s}{o} set v = {e()} {c}{b()}" + "{{ v }}"
        if kind == 6:
            return f"{s}{o} set ns = namespace(c=0) {c}" + "{% for i in xs %}{% set ns.c = ns.c + i %}{% set q = i %}{% endfor %}{{ ns.c }}{{ q }}" + b()
        if kind == 7:
            call = self.pick(["{{ f1(1) }}", "{{ f1(b=2, a=s) }}", "{{ f1() }}", "{{ f1(1, 2, 3) }}", "{{ f1(z=1) }}", "{% call f1(1) %}in{% endcall %}", "{{ f1(*xs) }}"])
            inner = self.pick(["{{ a }}-{{ b }}", "{{ varargs }}{{ a }}", "{{ kwargs }}{{ b }}", "{{ caller() }}{{ a }}", "{{ a is defined }}"])
            return f"{s}{o} macro f1(a, b='B') {c}{inner}{b()}{o} endmacro {c}{call}"
        if kind == 8:
            name = self.pick(["upper", "trim", "indent(2)", "replace('a', 'b')", "title|trim"])
            return f"{s}{o} filter {name} {c}{b()}{o} endfilter {c}"
        if kind == 9:
            return f"{s}{o} set blk{self.pick(['', ' | upper'])} {c}{b()}{o} endset {c}" + "[{{ blk }}]"
        if kind == 10:
            return f"{s}{o} with w = {e()}, z = 1 {c}" + "{{ w }}" + f"{b()}{o} endwith {c}" + "{{ z }}"
        if kind == 11:
            return s + self.pick(["{# note #}\n", "{#- x -#} ", "{% raw %}{{ a }}{% endraw %}\n", "{%- raw -%} {% x %} {%- endraw -%}", "\n\n  {# a #}", "{% generation %}g{{ n }}{% endgeneration %}", "{% for x in [[1,[2]],3] recursive %}{{ loop.depth }}{% if x is iterable %}({{ loop(x) }}){% else %}{{ x }}{% endif %}{% endfor %}"])
        return s + "{{- " + e() + " -}}" + self.space()

    def template(self):
        if self.random.random() < 0.5:
            return "{{ " + self.expression(3) + " }}"
        return "".join(self.statement() for _ in range(self.random.randrange(1, 4)))


def random_cases(count, first):
    for seed in range(first, first + count):
        yield f"random {seed}", Generator(seed).template(), VARIABLES


def unstable(text):
    """What Python prints with addresses, or where our integers end."""
    return " at 0x" in text or "<built-in" in text or "<function" in text or "object>" in text


def main():
    runner, folder, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(TimeoutError()))
    process = subprocess.Popen([runner], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")
    totals = {"equal": 0, "both refuse": 0, "skipped": 0, "different": 0}
    shown = 0
    # SAMPLE=10 takes every tenth conversation.
    sample = int(os.environ.get("SAMPLE", "1"))
    chosen = itertools.islice(cases(folder), 0, None, sample) if folder else []
    todo = itertools.chain(chosen, random_cases(count, int(os.environ.get("SEED", "0"))))
    for name, template, variables in todo:
        try:
            wanted = reference(template, variables)
        except (RecursionError, MemoryError):
            totals["skipped"] += 1
            continue
        process.stdin.write(json.dumps({"template": template, "variables": variables}) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            sys.exit(f"the runner ended at {name}: {template!r}")
        found = json.loads(line)
        if "ok" in wanted and unstable(wanted["ok"]):
            totals["skipped"] += 1
        elif "64 bits" in found.get("error", ""):
            totals["skipped"] += 1
        elif wanted.get("ok") is not None and wanted.get("ok") == found.get("ok"):
            totals["equal"] += 1
        elif "error" in wanted and "error" in found:
            totals["both refuse"] += 1
        else:
            totals["different"] += 1
            if shown < int(os.environ.get("SHOW", "20")):
                shown += 1
                print(f"--- {name}")
                if name.startswith("random"):
                    print(f"template {template!r}")
                first, second = wanted.get("ok"), found.get("ok")
                if first is not None and second is not None and len(first) > 300:
                    at = len(os.path.commonprefix([first, second]))
                    print(f"  jinja2 …{first[max(0, at - 60) : at + 100]!r}\n  ours   …{second[max(0, at - 60) : at + 100]!r}")
                else:
                    print(f"  jinja2 {str(wanted)[:400]}\n  ours   {str(found)[:400]}")
    process.stdin.close()
    print(", ".join(f"{value} {key}" for key, value in totals.items()))
    sys.exit(1 if totals["different"] else 0)


if __name__ == "__main__":
    main()
