"""The sources that switch changes on: one for each changed target, with the operators that its changes brought.

INGOT_MUTATION=TARGET:NUMBER switches one change on. INGOT_MUTATION_REACHED=FOLDER marks the numbers of all places
that a run came by, as bytes of FOLDER/TARGET.
"""
from places import TURNED

SWIFT = """\
#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif
@usableFromInline let activeMutation: Int = {
    guard let text = unsafe getenv("INGOT_MUTATION") else { return -1 }
    let parts = unsafe String(cString: text).split(separator: ":")
    return parts.count == 2 && parts[0] == "%(target)s" ? Int(parts[1]) ?? -1 : -1
}()
@usableFromInline nonisolated(unsafe) let reachedMutations: UnsafeMutablePointer<UInt8> = {
    if let folder = unsafe getenv("INGOT_MUTATION_REACHED") {
        let file = unsafe open(String(cString: folder) + "/%(target)s", O_RDWR)
        if file >= 0, let memory = unsafe mmap(nil, %(size)d, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0),
            unsafe memory != MAP_FAILED
        {
            return unsafe memory.assumingMemoryBound(to: UInt8.self)
        }
    }
    return unsafe UnsafeMutablePointer<UInt8>.allocate(capacity: %(size)d)
}()
@usableFromInline @inline(__always) func mutated(_ number: Int) -> Bool {
    unsafe reachedMutations[number] = 1
    return activeMutation == number
}
"""

C = """\
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
int mutation = -1;
static unsigned char unmarked[%(size)d];
unsigned char *mutation_reached = unmarked;
__attribute__((constructor)) static void start(void) {
    const char *active = getenv("INGOT_MUTATION"), *folder = getenv("INGOT_MUTATION_REACHED");
    const char *prefix = "%(target)s:";
    if (active && !strncmp(active, prefix, strlen(prefix))) mutation = atoi(active + strlen(prefix));
    if (!folder) return;
    char path[4096];
    snprintf(path, sizeof path, "%%s/%(target)s", folder);
    int file = open(path, O_RDWR);
    if (file < 0) return;
    void *memory = mmap(0, %(size)d, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory != MAP_FAILED) mutation_reached = memory;
}
"""

TYPED = "@usableFromInline @inline(__always) func {name}{generic}(l: {l}, r: {r}) -> Bool {{ {body} }}"


def comparisons(change):
    kind, name = change.kind, change.operator()
    body = f"mutated({change.number}) ? l {TURNED[kind]} r : l {kind} r"
    protocol = "Equatable" if kind in ("==", "!=") else "Comparable"

    def typed(generic, left, right, rank="@_disfavoredOverload "):
        return rank + TYPED.format(name=name, generic=generic, l=left, r=right, body=body)

    yield typed(f"<T: {protocol}>", "T", "T", rank="")
    yield typed("<L: BinaryInteger, R: BinaryInteger>", "L", "R")
    yield typed(f"<A: {protocol}, B: {protocol}>", "(A, B)", "(A, B)")
    if protocol == "Equatable":
        yield typed("<L: StringProtocol, R: StringProtocol>", "L", "R")
        yield typed("<T>", "T?", "_OptionalNilComparisonType")
        yield typed("", "Any.Type?", "Any.Type?")


def operator(change):
    """The operator of a change, on one line."""
    kind, name, number = change.kind, change.operator(), change.number
    if kind in ("&&", "||"):
        precedence = "LogicalConjunctionPrecedence" if kind == "&&" else "LogicalDisjunctionPrecedence"
        functions = [
            f"@usableFromInline @inline(__always) func {name}(l: Bool, r: @autoclosure () throws -> Bool) rethrows -> Bool "
            f"{{ try mutated({number}) ? (l {TURNED[kind]} r()) : (l {kind} r()) }}"]
    elif kind == "..<":
        precedence = "RangeFormationPrecedence"
        generic = "<B: Strideable>"
        last = f"mutated({number}) ? r.advanced(by: 1) : r"
        functions = [
            f"prefix operator {name}",
            f"@usableFromInline @inline(__always) func {name}{generic}(l: B, r: B) -> Range<B> "
            f"where B.Stride: SignedInteger {{ l ..< ({last}) }}",
            f"@usableFromInline @inline(__always) prefix func {name}{generic}(r: B) -> PartialRangeUpTo<B> "
            f"where B.Stride: SignedInteger {{ ..<({last}) }}"]
    else:
        precedence, functions = "ComparisonPrecedence", list(comparisons(change))
    return "; ".join([f"infix operator {name} : {precedence}", *functions])


def swift(target, chosen):
    """The source with what the chosen changes need, and what change each of its lines is of."""
    size = 1 + max(change.number for change in chosen)
    lines = (SWIFT % {"target": target, "size": size}).rstrip("\n").split("\n")
    owners = {}
    for change in chosen:
        if change.kind in TURNED or change.kind == "..<":
            owners[len(lines)] = change
            lines.append(operator(change))
    return "\n".join(lines) + "\n", owners


def c(target, chosen):
    return C % {"target": target, "size": 1 + max(change.number for change in chosen)}
