import Foundation
import GGUF
import TensorCore
import TestSupport
import Testing

/// The forms of importance matrices, and those that do not belong together.
@Suite struct ImatrixCommandTests {
    private static let peer = Fixtures.path("conformance/quantize/llama.imatrix.gguf")
    private static let text = ["-f", Fixtures.path("text/calibration.txt"), "-c", "64", "-q"]

    private func run(_ arguments: [String]) throws -> Tool.Outcome {
        let outcome = try Tool.run(arguments)
        try #require(outcome.exitCode == 0, "\(arguments): \(outcome.errors)")
        return outcome
    }

    private func convert(_ name: String, to path: String) throws -> String {
        _ = try run(["convert", "-q", Fixtures.path(name), "--outfile", path])
        return path
    }

    private func isGGUF(_ path: String) throws -> Bool {
        try InputFile(path: path).read(at: 0, count: 4) == Array("GGUF".utf8)
    }

    @Test func theNameOrTheOptionTellsTheForm() throws {
        try Fixtures.withTemporaryFolder { folder in
            let model = try convert("tiny-llama", to: folder + "/m.gguf")
            for (name, option, isGGUF) in [
                ("a.dat", nil, false), ("b.gguf", nil, true), ("c.imatrix", nil, true),
                ("d.dat", "gguf", true), ("e.gguf", "dat", false), ("f", "dat", false),
            ] as [(String, String?, Bool)] {
                let path = "\(folder)/\(name)"
                let arguments =
                    ["imatrix", model, "-o", path, "--chunks", "2", "--save-frequency", "1"]
                    + Self.text + (option.map { ["--output-format", $0] } ?? [])
                _ = try run(arguments)
                for file in [path, path + ".at_1"] {
                    #expect(try self.isGGUF(file) == isGGUF, "\(file)")
                }
            }
            // All forms say the same.
            let entries = try ImportanceSums(path: folder + "/b.gguf").entries
            let legacy = try ImportanceSums(path: folder + "/a.dat", legacyChunkSize: 64)
            #expect(legacy.chunkCount == 2 && legacy.datasets == ["calibration.txt"])
            for (name, entry) in entries {
                let other = try #require(legacy.entries[name])
                #expect(other.counts == entry.counts)
                for (a, b) in zip(entry.sums, other.sums) { #expect(abs(a - b) <= 1e-6 * a) }
            }
            _ = try run(["imatrix", "--in-file", folder + "/b.gguf", "-o", folder + "/g.dat"])
            #expect(
                try InputFile.contents(path: folder + "/g.dat")
                    == InputFile.contents(path: folder + "/a.dat"))
            let note = try run(["imatrix", "--in-file", Self.peer, "-o", folder + "/x.bin"])
            #expect(note.errors.contains("--output-format dat"), "\(note.errors)")
            #expect(
                try Tool.run(["imatrix", "--in-file", Self.peer, "--output-format", "npz"]).exitCode
                    == 64)
            #expect(
                try Tool.run(["imatrix", model, "--ppl"] + Self.text).errors.contains(
                    "ingot perplexity"))
            _ = try run(
                ["imatrix", model, "--no-ppl", "-o", folder + "/n.gguf", "--chunks", "1"]
                    + Self.text)
        }
    }

    @Test func withoutATextTheBuiltInMixIsRun() throws {
        try Fixtures.withTemporaryFolder { folder in
            let model = try convert("tiny-llama", to: folder + "/m.gguf")
            let path = folder + "/mix.gguf"
            let outcome = try run(["imatrix", model, "-o", path, "-c", "64", "--chunks", "12"])
            #expect(outcome.errors.contains("built-in mix, 768 tokens"), "\(outcome.errors)")
            for kind in ["prose", "code", "chat", "multilingual", "random"] {
                #expect(outcome.errors.contains(kind + " "), "\(outcome.errors)")
            }
            let sums = try ImportanceSums(path: path)
            #expect(sums.chunkCount == 12 && sums.chunkSize == 64)
            #expect(sums.datasets == ["built-in-mix-1"])
            let again = folder + "/again.gguf"
            let quiet = try run(["imatrix", model, "-o", again, "-c", "64", "--chunks", "12", "-q"])
            #expect(quiet.errors.isEmpty)
            #expect(
                try InputFile.contents(path: again) == InputFile.contents(path: path))
            let refused = try Tool.run(["imatrix", model, "-c", "3", "-o", path])
            #expect(refused.exitCode != 0 && refused.errors.contains("error: "))
        }
    }

    @Test func statisticsAreShown() throws {
        let outcome = try run(["imatrix", "--in-file", Self.peer, "--show-statistics"])
        for text in ["Σ(Act²)", "E (norm)", "CosSim", "attn_q", "μΣ(Act²)", "14 tensors"] {
            #expect(outcome.output.contains(text), "\(text)")
        }
        let shown = try JSON.parse(
            Array(
                run(["imatrix", "--in-file", Self.peer, "--show-statistics", "--json"]).output.utf8)
        )
        let tensors = try #require(shown["tensors"]?.array)
        #expect(tensors.count == 14 && shown["layers"]?.array?.count == 2)
        for key in [
            "sum", "minimum", "maximum", "mean", "standardDeviation", "active", "entropy",
            "normalizedEntropy", "zScoreDensity", "cosineSimilarity",
        ] { #expect(tensors[0][key]?.double != nil, "\(key)") }
        for arguments in [
            ["--show-statistics"], ["--in-file", Self.peer, "--json"],
            ["--in-file", Self.peer, "--in-file", Self.peer, "--show-statistics"],
            ["model.gguf", "--in-file", Self.peer, "--show-statistics"],
        ] { #expect(try Tool.run(["imatrix"] + arguments).exitCode == 64, "\(arguments)") }
    }

    @Test func matricesOfOtherModelsAreRefusedOrTold() throws {
        try Fixtures.withTemporaryFolder { folder in
            let model = try convert("tiny-llama", to: folder + "/m.gguf")
            let own = folder + "/own.gguf"
            _ = try run(["imatrix", model, "-o", own, "--chunks", "2"] + Self.text)
            // Other lengths under the same names.
            for arguments in [
                ["imatrix", "--in-file", own, "--in-file", Self.peer, "-o", folder + "/x.gguf"],
                ["imatrix", model, "--in-file", Self.peer, "-o", folder + "/x.gguf"] + Self.text,
                ["quantize", model, folder + "/q.gguf", "Q4_K_M", "--imatrix", Self.peer],
                ["sensitivity", model, "--imatrix", Self.peer] + Self.text,
            ] {
                let outcome = try Tool.run(arguments)
                #expect(outcome.exitCode == 65, "\(arguments[0]): \(outcome.errors)")
                #expect(outcome.errors.contains("llama.imatrix.gguf"), "\(outcome.errors)")
                #expect(
                    !Fixtures.exists(folder + "/x.gguf") && !Fixtures.exists(folder + "/q.gguf"))
            }
            // Names that the model has not: told, and refused where it has none of them.
            var sums = try ImportanceSums(path: own)
            sums.entries["blk.6.attn_q.weight"] = .init(sums: [1, 1], counts: [1])
            let more = folder + "/more.gguf"
            try sums.write(to: more)
            for arguments in [
                ["quantize", "-q", model, folder + "/q.gguf", "Q4_K_M", "--imatrix", more],
                ["imatrix", model, "--in-file", more, "-o", folder + "/x.gguf", "--chunks", "1"]
                    + Self.text,
                ["imatrix", "--in-file", own, "--in-file", more, "-o", folder + "/x.gguf"],
                [
                    "sensitivity", model, "--imatrix", more, "--group", "kind", "--format", "Q4_0",
                    "--chunks", "1",
                ] + Self.text,
                ["report", model, "--types", "Q4_0", "--imatrix", more, "--json", "--chunks", "1"]
                    + Self.text,
            ] {
                let outcome = try run(arguments)
                #expect(
                    outcome.errors.contains("blk.6.attn_q.weight")
                        && outcome.errors.contains("is it of another model?"),
                    "\(arguments[0]): \(outcome.errors)")
            }
            sums.entries = ["enc.0.weight": .init(sums: [1], counts: [1])]
            try sums.write(to: more)
            for arguments in [
                ["imatrix", "--in-file", own, "--in-file", more, "-o", folder + "/y.gguf"],
                ["imatrix", model, "--in-file", more, "-o", folder + "/y.gguf"] + Self.text,
            ] { #expect(try Tool.run(arguments).exitCode == 65, "\(arguments)") }
            // Windows of another length; several files in one option, as the peer has them.
            let long = folder + "/long.gguf"
            _ = try run(
                ["imatrix", model, "-o", long, "--chunks", "2", "-c", "128", "-q", "-f"]
                    + [Fixtures.path("text/calibration.txt")])
            let merged = try run([
                "imatrix", "--in-file", "\(own),\(long)", "-o", folder + "/z.gguf",
            ])
            #expect(merged.errors.contains("windows of 128 tokens"), "\(merged.errors)")
            #expect(merged.output.contains("6 windows of 64"), "\(merged.output)")
            #expect(!merged.errors.contains("other columns"), "\(merged.errors)")
        }
    }

    @Test func aChatTemplateTakesThePlaceOfTheModels() throws {
        try Fixtures.withTemporaryFolder { folder in
            let model = try convert("tiny-llama", to: folder + "/m.gguf")
            let file = folder + "/t.jinja"
            let template = "{% for m in messages %}{{ m['content'] }}\n{% endfor %}"
            func stored(_ path: String) throws -> String? {
                try GGUFFile(path: path).metadata["tokenizer.chat_template"]?.text
            }
            for (bytes, note) in [
                (Array(template.utf8), "100 %"),
                ([0xEF, 0xBB, 0xBF] + Array(template.utf8), "byte order mark"),
                (Array(template.replacing("\n", with: "\r\n").utf8), "written with LF"),
                (
                    Array(#"{"chat_template": "\#(template.replacing("\n", with: "\\n"))"}"#.utf8),
                    "100 %"
                ),
            ] as [([UInt8], String)] {
                try OutputFile.write(bytes, to: file)
                var outcome = try run([
                    "convert", Fixtures.path("tiny-llama"), "--outfile", folder + "/c.gguf",
                    "--chat-template", file,
                ])
                #expect(outcome.errors.contains(note), "\(outcome.errors)")
                #expect(try stored(folder + "/c.gguf") == template)
                outcome = try run([
                    "quantize", model, folder + "/q.gguf", "COPY", "--chat-template", file,
                ])
                #expect(outcome.errors.contains(note), "\(outcome.errors)")
                #expect(outcome.errors.contains("chat template: "), "\(outcome.errors)")
                #expect(try stored(folder + "/q.gguf") == template)
            }
            _ = try run([
                "quantize", "-q", Fixtures.path("tiny-llama"), folder + "/d.gguf", "Q8_0",
                "--chat-template", file,
            ])
            _ = try run(["quantize", "-q", folder + "/c.gguf", folder + "/e.gguf", "Q8_0"])
            #expect(
                try InputFile.contents(path: folder + "/d.gguf")
                    == InputFile.contents(path: folder + "/e.gguf"))
            let piped = try Tool.shell(
                "printf x | \"$INGOT\" quantize \"$1\" \"$2\" COPY --chat-template -",
                [model, folder + "/p.gguf"])
            #expect(piped.exitCode == 0, "\(piped.errors)")
            #expect(try stored(folder + "/p.gguf") == "x")
            for (bytes, code) in [
                ([], 65), ([0x20, 0x0A], 65), ([0x7B, 0xFF], 65), ([0x78, 0, 0x78], 65),
                ([0x1F, 0x8B, 0x08, 0], 65), ([UInt8](repeating: 0x78, count: 1 << 20 + 1), 65),
            ] as [([UInt8], Int32)] {
                try OutputFile.write(bytes, to: file)
                let outcome = try Tool.run([
                    "quantize", model, folder + "/no.gguf", "COPY", "--chat-template", file,
                ])
                #expect(outcome.exitCode == code, "\(bytes.prefix(4)): \(outcome.errors)")
                #expect(outcome.errors.contains("t.jinja"))
            }
            for (name, code) in [("{{ bos_token }}", 64), (folder + "/none", 74)]
                as [(String, Int32)]
            {
                #expect(
                    try Tool.run([
                        "quantize", model, folder + "/no.gguf", "COPY", "--chat-template", name,
                    ]).exitCode == code)
            }
            #expect(!Fixtures.exists(folder + "/no.gguf"))
        }
    }
}
