import Foundation
import GGUF
import TensorCore
import TestSupport
import Testing

/// What the commands that run models say of texts and models that they cannot use.
@Suite struct BadInputCommandTests {
    private static let text = Fixtures.path("text/evaluation.txt")

    private func model(in folder: String) throws -> String {
        let path = folder + "/f16.gguf"
        let outcome = try Tool.run([
            "convert", "-q", Fixtures.path("tiny-llama"), "--outfile", path,
        ])
        try #require(outcome.exitCode == 0, "\(outcome.errors)")
        return path
    }

    private func expect(
        _ arguments: [String], _ code: Int32, _ texts: String...,
        location: SourceLocation = #_sourceLocation
    ) throws {
        let outcome = try Tool.run(arguments)
        #expect(
            outcome.exitCode == code, "\(arguments): \(outcome.errors)", sourceLocation: location)
        for text in texts {
            #expect(
                outcome.errors.contains(text), "\(text) in \(outcome.errors)",
                sourceLocation: location)
        }
    }

    /// Results that get lost are an error; a reader of messages that goes away ends no work.
    @Test func outputsThatCannotBeWritten() throws {
        try Fixtures.withTemporaryFolder { folder in
            let full = try Tool.shell(
                #"[ -e /dev/full ] || exit 74; "$INGOT" tokenize "$1" -p x --ids > /dev/full"#,
                [Fixtures.path("tiny-llama")])
            #expect(full.exitCode == 74)
            let closed = try Tool.shell(
                #""$INGOT" convert "$1" --outfile "$2/m.gguf" 2>&1 | head -c 1; ls -A "$2""#,
                [Fixtures.path("tiny-llama"), folder])
            #expect(closed.output.hasSuffix("m.gguf\n"), "\(closed.output)")
            #expect(!closed.output.contains("partial"))
        }
    }

    @Test func textsThatCannotBeEvaluated() throws {
        try Fixtures.withTemporaryFolder { folder in
            let model = try model(in: folder)
            let (short, empty, foreign) = (
                folder + "/short.txt", folder + "/empty.txt", folder + "/foreign.txt"
            )
            let bytes = try InputFile.contents(path: Self.text)
            try OutputFile.write(Array(bytes[..<300]), to: short)
            try OutputFile.write([], to: empty)
            try OutputFile.write(
                Array(bytes[..<4000]) + [0xFF, 0xFE] + bytes[..<4000], to: foreign)
            for command in [
                ["perplexity", model], ["compare", model, model],
                ["report", model, model, "--json"], ["sensitivity", model],
                ["imatrix", model, "-o", folder + "/i.gguf"],
            ] {
                try expect(
                    command + ["-f", short], 65, "short.txt: the text has", "at least 512",
                    "Take a longer text or a smaller context.")
                try expect(command + ["-f", empty], 65, "empty.txt: the text is empty")
                try expect(command + ["-f", folder + "/none.txt"], 74, "none.txt: no such file")
                let small = ["-c", "64", "--chunks", "1"]
                try expect(
                    command + ["-f", foreign] + small, 0, "warning: ",
                    "foreign.txt: byte 4000: not UTF-8")
                try expect(
                    command + ["-f", Self.text, "-c", "1100", "--chunks", "1"], 0, "warning: ",
                    "a context of 1100 tokens found, the model was trained with 1024")
            }
            #expect(!Fixtures.exists(folder + "/i.gguf.partial"))
        }
    }

    @Test func vocabulariesThatDiffer() throws {
        try Fixtures.withTemporaryFolder { folder in
            let (model, other) = (try model(in: folder), folder + "/other.gguf")
            let outcome = try Tool.run([
                "convert", "-q", Fixtures.path("conformance/convert/checkpoints/llama"),
                "--outfile", other,
            ])
            try #require(outcome.exitCode == 0, "\(outcome.errors)")
            for command in [
                ["compare", model, other, "-f", Self.text],
                ["report", model, other, "-f", Self.text, "--json"],
                ["generate", other, "--against", model, "-p", "The ship"],
            ] {
                try expect(
                    command, 65, "other.gguf: a vocabulary of",
                    "Compare a model with quantizations of itself.")
            }
        }
    }

    /// Puts another 32-bit number behind a key of a GGUF file.
    private func write(_ value: UInt32, for key: String, in bytes: inout [UInt8]) throws {
        let place = try #require(
            Data(bytes).range(of: Data(key.utf8))?.upperBound, "no key \(key)")
        // The number follows the four bytes of its type.
        withUnsafeBytes(of: value.littleEndian) {
            bytes.replaceSubrange(place + 4..<place + 8, with: $0)
        }
    }

    @Test func shapesThatContradictTheMetadata() throws {
        try Fixtures.withTemporaryFolder { folder in
            let whole = try InputFile.contents(path: model(in: folder))
            for (key, value, expected) in [
                ("llama.feed_forward_length", 100, "blk.0.ffn_gate.weight: shape [768, 256] found"),
                ("llama.embedding_length", 64, "token_embd.weight: shape [4096, 256] found"),
                ("llama.block_count", 9, "blk.6.attn_norm.weight: the tensor is missing"),
                ("llama.attention.head_count", 3, "2 key heads for 3 query heads"),
                ("llama.attention.head_count", 0, "expected a number from 1"),
                ("llama.attention.key_length", 32, "up to the key length 32"),
            ] as [(String, UInt32, String)] {
                var bytes = whole
                try write(value, for: key, in: &bytes)
                let path = folder + "/damaged.gguf"
                try OutputFile.write(bytes, to: path)
                for command in [
                    ["perplexity", path, "-f", Self.text], ["generate", path, "-p", "The ship"],
                ] {
                    try expect(command, 65, "damaged.gguf: ", expected)
                }
            }
        }
    }

    @Test func numbersThatAreNone() throws {
        try Fixtures.withTemporaryFolder { folder in
            let base = try model(in: folder)
            let file = try GGUFFile(path: base)
            let whole = try InputFile.contents(path: base)
            func damaged(_ tensor: String, _ half: [UInt8]) throws -> String {
                let place = file.offsets[try #require(file.index(ofTensor: tensor))]
                var bytes = whole
                bytes.replaceSubrange(place + 40..<place + 42, with: half)
                let path = folder + "/damaged.gguf"
                try OutputFile.write(bytes, to: path)
                return path
            }
            let (nan, infinity): ([UInt8], [UInt8]) = ([0x00, 0x7E], [0x00, 0x7C])
            let small = ["-f", Self.text, "-c", "64", "--chunks", "1"]
            for (tensor, half) in [
                ("blk.1.ffn_up.weight", nan), ("blk.2.attn_q.weight", infinity),
                ("token_embd.weight", nan),
            ] {
                let path = try damaged(tensor, half)
                for command in [
                    ["perplexity", path] + small, ["compare", base, path] + small,
                    ["perplexity", path, "--activations", "q8"] + small,
                    ["imatrix", path, "--process-output", "-o", folder + "/i.gguf"] + small,
                ] where tensor.hasPrefix("blk") || command[0] != "imatrix" {
                    try expect(command, 65, "damaged.gguf: \(tensor): NaN or infinity found")
                }
            }
            // The message does not stand in the line of the text.
            let path = try damaged("blk.1.ffn_up.weight", nan)
            let outcome = try Tool.run(["generate", path, "-p", "The ship"])
            #expect(outcome.exitCode == 65 && outcome.output.hasSuffix("The ship\n"))
        }
    }
}
