import Foundation
import TensorCore
import TestSupport
import Testing

/// What is around a run: names and limits.
///
/// scripts/faults tries more, with calls that fail.
@Suite struct SurroundingsTests {
    /// A control character in a name would end the line or steer the terminal.
    @Test func anErrorIsOneLineWhateverTheNameIs() throws {
        let outcome = try Tool.run(["inspect", "no\nsuch\u{1B}[31m.gguf"])
        #expect(outcome.exitCode == 74)
        #expect(outcome.errors == "error: no\\nsuch\\u{1B}[31m.gguf: no such file or folder\n")
    }

    @Test func namesWithSpacesAndLinesAreNamesLikeOthers() throws {
        try Fixtures.withTemporaryFolder { folder in
            let outcome = try Tool.run(
                [
                    "convert", Fixtures.path("tiny-llama"), "--outfile", folder + "/a b\nc.gguf",
                    "-q",
                ])
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a b\nc.gguf"])
        }
    }

    @Test func argumentsThatAreNoTextAreRefused() throws {
        try Fixtures.withTemporaryFolder { folder in
            let outcome = try Tool.shell(
                #"cd "$1" && "$INGOT" convert "$2" --outfile "$(printf 'a\377.gguf')""#,
                [folder, Fixtures.path("tiny-llama")])
            #expect(outcome.exitCode == 64)
            #expect(outcome.errors.contains("argument 4: \"a\u{FFFD}.gguf\" is not UTF-8"))
            #expect(outcome.errors.split(separator: "\n").count == 1)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        }
    }

    /// With a little more address space from run to run, the first that ends well does so with the
    /// usual bytes, and those before it end as errors do.
    @Test func limitsOfMemoryAreKeptOrRefused() throws {
        try Fixtures.withTemporaryFolder { folder in
            let base = folder + "/m.gguf"
            let made = try Tool.run(
                ["convert", Fixtures.path("tiny-llama"), "--outfile", base, "-q"])
            #expect(made.exitCode == 0, "\(made.errors)")
            let free = try Tool.run(["quantize", base, folder + "/a.gguf", "Q8_0", "-t", "4"])
            #expect(free.exitCode == 0, "\(free.errors)")
            // Too little for the loader or the runtime ends before the program begins.
            let script = #"""
                for more in 200 300 400 500 600 800 1000 1400 2000 3000; do
                  (ulimit -v $((more * 1024))
                    exec "$INGOT" quantize "$1" "$2/b.gguf" Q8_0 -t 4 -q) >/dev/null 2>"$2/errors"
                  code=$?
                  [ $code != 0 ] || exit 0
                  [ ! -e "$2/b.gguf" ] || exit 3
                  [ $code != 74 ] || grep -q '^error: ' "$2/errors" || exit 4
                done
                exit 5
                """#
            let outcome = try Tool.shell(script, [base, folder])
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(
                try InputFile.contents(path: folder + "/b.gguf")
                    == InputFile.contents(path: folder + "/a.gguf"))
        }
    }
}
