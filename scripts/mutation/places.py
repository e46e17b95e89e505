"""Places of a source that can be changed, and how a change is compiled in so that a run can switch it on.

A changed place is written twice into the source, as it was and changed, and the number of the change decides which of
the two is run: in Swift by an operator of its own (Swift's grouping stays as it was), in C by `?:` around the whole
comparison. So one build holds all changes of a sample.
"""
import re
from dataclasses import dataclass

TURNED = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "&&": "||", "||": "&&"}
OPERATOR = re.compile(r" (<|<=|>|>=|==|!=|&&|\|\|) ")
STEP = re.compile(r"([+-]) 1\b(?![.\w])")
RANGE = re.compile(r"\.\.<")
GUARD = re.compile(r"\bguard ([^{]*?) else \{")
BINDING = re.compile(r"let |var |case |#|true\b")
RETURN = re.compile(r"\bif \((.*)\) return")


@dataclass
class Change:
    target: str
    number: int
    path: object  # below the folder of the project
    line: int
    start: int
    kind: str  # an operator, "+", "-", "..<", "guard" or "if"
    stop: int
    before: str
    after: str

    @property
    def name(self):
        return f"{self.target}:{self.number}"

    @property
    def text(self):
        return f"{self.path} {self.after.strip()}"

    @property
    def is_swift(self):
        return self.path.suffix == ".swift"

    def operator(self):
        """An operator that only this change has, of two box drawing characters."""
        return chr(0x2500 + self.number // 256) + chr(0x2500 + self.number % 256)


def code(line):
    """A line with the insides of texts and what follows // blanked out; places stay where they are."""
    line = re.sub(r'"(?:[^"\\]|\\.)*"', lambda m: '"' + "_" * (len(m.group()) - 2) + '"', line)
    cut = line.find("//")
    return line if cut < 0 else line[:cut]


def unescaped(line):
    return re.sub(r"\\.", "__", line)


def lines_of_code(text):
    """Numbers and texts of lines that are neither comments, texts of several lines, nor checks of the program itself."""
    in_comment = in_text = False
    depth = 0  # of the parentheses of a check
    for number, line in enumerate(text.split("\n")):
        is_remark = line.lstrip().startswith("//")
        if not is_remark and unescaped(line).count('"""') % 2:
            in_text = not in_text
            continue
        if "/*" in code(line):
            in_comment = True
        check = re.match(r"\s*(precondition|assert|assertionFailure|preconditionFailure|fatalError|_Static_assert)\(", line)
        if in_comment or in_text or check or depth > 0 or line.lstrip().startswith(("#", "//", "import", "@")):
            if check or depth > 0:
                depth += code(line).count("(") - code(line).count(")")
            in_comment = in_comment and "*/" not in line
            continue
        if not re.search(r"\bfunc [<>=!&|]", line):
            yield number, line


def changes(target, path, text, first):
    """Every change of a file."""
    found = []
    for number, line in lines_of_code(text):
        bare = code(line)

        def add(start, stop, kind, replacement):
            after = line[:start] + replacement + line[stop:]
            found.append(Change(target, first + len(found), path, number, start, kind, stop, line, after))

        for match in OPERATOR.finditer(bare):
            add(match.start(1), match.end(1), match.group(1), TURNED[match.group(1)])
        for match in STEP.finditer(bare):
            add(match.end() - 1, match.end(), match.group(1), "2")
        if path.suffix == ".swift":
            for match in RANGE.finditer(bare):
                add(match.start(), match.end(), "..<", "...")
            for match in GUARD.finditer(bare):
                for start, stop in conditions(bare, match.start(1), match.end(1)):
                    add(start, stop, "guard", f"true || ({line[start:stop]})")
        else:
            for match in RETURN.finditer(bare):
                add(match.start(1), match.end(1), "if", f"0 && ({line[match.start(1):match.end(1)]})")
    return found


def conditions(bare, start, stop):
    """The conditions of a guard that bind nothing."""
    depth, begin = 0, start
    for place in range(start, stop + 1):
        if place < stop:
            depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(bare[place], 0)
        if place == stop or depth == 0 and bare[place] == ",":
            if place > begin and not BINDING.match(bare, begin):
                yield begin, place
            begin = place + 1
            while begin < stop and bare[begin] == " ":
                begin += 1


def compiled_in(text, chosen):
    """The text with the chosen changes of it; of several in one line of C only the first."""
    lines = text.split("\n")
    edits, taken = {}, set()
    for change in chosen:
        if change.is_swift:
            edits.setdefault(change.line, []).extend(swift_edits(change))
        elif change.line not in taken:
            taken.add(change.line)
            edits[change.line] = c_edits(change)
    for number, found in edits.items():
        line = lines[number]
        for start, stop, replacement in sorted(found, reverse=True):
            line = line[:start] + replacement + line[stop:]
        lines[number] = line
    return "\n".join(lines)


def swift_edits(change):
    start, stop = change.start, change.stop
    if change.kind in "+-":
        return [(start, stop, f"(mutated({change.number}) ? 2 : 1)")]
    if change.kind == "guard":
        attempt = "try " if "try " in change.before[start:stop] else ""
        return [(start, start, f"{attempt}mutated({change.number}) || ("), (stop, stop, ")")]
    return [(start, stop, change.operator())]


def c_edits(change):
    start, stop, bare = change.start, change.stop, code(change.before)
    is_on = f"__extension__ ({{ extern int mutation; extern unsigned char *mutation_reached; " \
            f"mutation_reached[{change.number}] = 1; mutation == {change.number}; }})"
    if change.kind in "+-":
        return [(start, stop, f"({is_on} ? 2 : 1)")]
    if change.kind == "if":
        return [(start, stop, f"!{is_on} && ({change.before[start:stop]})")]
    left, right = operands(bare, start, stop, change.kind)
    one, other = change.before[left:start].strip(), change.before[stop:right].strip()
    return [(left, right, f"({is_on} ? ({one}) {TURNED[change.kind]} ({other}) : ({one}) {change.kind} ({other}))")]


def operands(bare, start, stop, kind):
    """Where the left operand of a C operator begins and its right one ends."""
    ends = {"&&": r"\|\||[?:,;]", "||": r"[?:,;]"}.get(kind, r"&&|\|\||[?:,;]|(?<![&])&(?!&)|(?<!\|)\|(?!\|)|\^")
    begins = ends + r"|(?<![=!<>])=(?!=)|\breturn\b"
    begins, ends = re.compile(begins), re.compile(ends)
    bounds = {match.end() for match in begins.finditer(bare[:start])}
    left, depth = start, 0
    while left > 0:
        depth += {")": 1, "]": 1, "(": -1, "[": -1, "{": -1}.get(bare[left - 1], 0)
        if depth < 0 or depth == 0 and left in bounds:
            break
        left -= 1
    right, depth = stop, 0
    while right < len(bare):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1, "}": -1}.get(bare[right], 0)
        if depth < 0 or depth == 0 and ends.match(bare, right):
            break
        right += 1
    while left < start and bare[left] == " ":
        left += 1
    return left, right
