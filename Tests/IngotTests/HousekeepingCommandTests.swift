import Foundation
import GGUF
import TensorCore
import TestSupport
import Testing

/// `edit`, `split`, `merge` and `hash`, as command lines.
@Suite struct HousekeepingCommandTests {
    private func withModel(_ body: (_ folder: String) throws -> Void) throws {
        try Fixtures.withTemporaryFolder { folder in
            try run(
                "convert", "--quiet", Fixtures.path("conformance/convert/checkpoints/llama"),
                "--outfile", folder + "/a.gguf", in: folder)
            try body(folder)
        }
    }

    @discardableResult
    private func run(_ arguments: String..., in folder: String) throws -> Tool.Outcome {
        let outcome = try Tool.run(arguments, in: folder)
        #expect(outcome.exitCode == 0, "\(arguments): \(outcome.errors)")
        return outcome
    }

    private func expectFailure(
        _ arguments: String..., in folder: String, saying text: String,
        _ location: SourceLocation = #_sourceLocation
    ) throws {
        let before = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        let outcome = try Tool.run(arguments, in: folder)
        #expect(outcome.exitCode != 0, sourceLocation: location)
        #expect(outcome.errors.contains(text), "\(outcome.errors)", sourceLocation: location)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == before,
            sourceLocation: location)
    }

    private func bytes(_ file: GGUFFile, _ tensor: Int) throws -> [UInt8] {
        try file.file.read(at: file.offsets[tensor], count: file.byteCounts[tensor])
    }

    // MARK: edit

    /// A BOOL of 7 stops every other command; an edit reads it and writes it anew.
    @Test func whatReadersEndOnIsMended() throws {
        try withModel { folder in
            let key = "tokenizer.ggml.add_bos_token"
            try run("edit", "-q", "a.gguf", "b.gguf", "--set", key + "=bool:true", in: folder)
            let path = URL(filePath: folder + "/b.gguf")
            var data = try Data(contentsOf: path)
            let place = try #require(data.range(of: Data(key.utf8)))
            data[place.upperBound + 4] = 7
            try data.write(to: path)
            let said = key + ": a BOOL of 7 found, expected 0 or 1. Set it: ingot edit"
            try expectFailure("inspect", "b.gguf", in: folder, saying: said)
            try expectFailure("verify", "b.gguf", in: folder, saying: said)
            try expectFailure("quantize", "b.gguf", "c.gguf", "Q8_0", in: folder, saying: said)
            try run("edit", "-q", "b.gguf", "c.gguf", "--set", key + "=true", in: folder)
            try run("verify", "c.gguf", in: folder)
        }
    }

    @Test func editedCopiesHaveTheSameTensors() throws {
        try withModel { folder in
            try run(
                "edit", "-q", "a.gguf", "b.gguf", "--set", "general.name=A: name with a colon",
                "--set", "general.tags=str[]:[\"x\", \"y\"]", "--set", "my.number=i16:-3",
                "--set", "llama.context_length=64", "--remove", "general.type",
                "--rename", "general.architecture=general.architecture.old",
                "--set", "my.floats=f32[]:[1, 2.5]", "--rename",
                "general.architecture.old=general.architecture",
                "--rename-tensor", "blk.0.attn_q.weight=blk.0.other.weight", in: folder)
            let (a, b) = (
                try GGUFFile(path: folder + "/a.gguf"), try GGUFFile(path: folder + "/b.gguf")
            )
            #expect(b.metadata["general.name"]?.text == "A: name with a colon")
            #expect(b.metadata["general.tags"] == .strings(["x", "y"].map { ByteString($0) }))
            #expect(b.metadata["my.number"] == .int16(-3))
            #expect(b.metadata["my.floats"] == .float32s([1, 2.5]))
            // A key that was there keeps its type and place.
            #expect(b.metadata["llama.context_length"] == .uint32(64))
            #expect(a.metadata["general.type"] != nil && b.metadata["general.type"] == nil)
            #expect(b.metadata.entries.first?.key == a.metadata.entries.first?.key)
            #expect(a.tensors.count == b.tensors.count)
            for (index, tensor) in a.tensors.enumerated() {
                let wanted =
                    tensor.name == "blk.0.attn_q.weight" ? "blk.0.other.weight" : tensor.name
                #expect(b.tensors[index].name == wanted)
                #expect(try bytes(a, index) == bytes(b, index))
            }
        }
    }

    @Test func inPlaceChangesTheHeaderAlone() throws {
        try withModel { folder in
            let path = folder + "/a.gguf"
            let long = String(repeating: "long ", count: 100)
            try run("edit", "-q", "a.gguf", "b.gguf", "--set", "my.long=str:\(long)", in: folder)
            try FileManager.default.removeItem(atPath: path)
            try FileManager.default.moveItem(atPath: folder + "/b.gguf", toPath: path)
            let before = try Data(contentsOf: URL(filePath: path))
            // Shorter by much, so that an entry fills it up; then longer again.
            try run("edit", "-q", "--in-place", "a.gguf", "--remove", "my.long", in: folder)
            var file = try GGUFFile(path: path)
            #expect(file.metadata["my.long"] == nil)
            #expect(file.metadata["ingot.pad"] != nil)
            let middle = try Data(contentsOf: URL(filePath: path))
            #expect(middle.count == before.count)
            #expect(
                middle.suffix(before.count - file.dataOffset)
                    == before.suffix(before.count - file.dataOffset))
            try run(
                "edit", "-q", "--in-place", "a.gguf", "--set", "my.text=str:longer than nothing",
                in: folder)
            file = try GGUFFile(path: path)
            #expect(file.metadata["my.text"]?.text == "longer than nothing")
            // What changes nothing writes nothing, and a copy needs no filler.
            try run(
                "edit", "-q", "--in-place", "a.gguf", "--set", "my.text=longer than nothing",
                in: folder)
            #expect(!Fixtures.exists(path + ".header.2"))
            try run("edit", "-q", "a.gguf", "c.gguf", "--remove", "my.text", in: folder)
            #expect(try GGUFFile(path: folder + "/c.gguf").metadata["ingot.pad"] == nil)
            // Both headers were kept, and can be put back.
            try run("edit", "-q", "--restore-header", "a.gguf.header.1", "a.gguf", in: folder)
            #expect(try Data(contentsOf: URL(filePath: path)) == middle)
            try run("edit", "-q", "--restore-header", "a.gguf.header", "a.gguf", in: folder)
            #expect(try Data(contentsOf: URL(filePath: path)) == before)
        }
    }

    @Test func whatCannotBeChangedIsSaid() throws {
        try withModel { folder in
            let before = try sha256(ofFile: folder + "/a.gguf")
            let long = "my.text=str:" + String(repeating: "x", count: 100_000)
            for (arguments, text) in [
                (["--in-place", "--set", long], "the header would take"),
                (["b.gguf", "--set", "my.key=5"], "a type for the new key"),
                (["b.gguf", "--set", "llama.block_count=-1"], "a whole number from 0"),
                (["b.gguf", "--set", "my.key=u8:256"], "a whole number from 0 to 255"),
                (["b.gguf", "--set", "my.key=str[]:[1]"], "an array, each element a text"),
                (["b.gguf", "--set", "my.key=u8[]:[\"1\"]"], "an array, each element"),
                (["b.gguf", "--remove", "no.such"], "no metadata key \"no.such\""),
                (["b.gguf", "--rename", "general.name=general.type"], "is there already"),
                (["b.gguf", "--rename-tensor", "nothing=x"], "no tensor \"nothing\""),
                (
                    ["b.gguf", "--rename-tensor", "output_norm.weight=output.weight"],
                    "there already"
                ),
                (["b.gguf", "--set", "split.count=u16:2"], "left to split and merge"),
                (["b.gguf", "--remove", "general.architecture"], "general.architecture"),
                (["a.gguf", "--set", "my.key=u8:1"], "the output is the input"),
                (["b.gguf"], "nothing to change"),
                (["--set", "my.key=u8:1"], "an output is missing"),
            ] {
                let outcome = try Tool.run(["edit", "a.gguf"] + arguments, in: folder)
                #expect(outcome.exitCode != 0, "\(arguments)")
                #expect(outcome.errors.contains(text), "\(arguments): \(outcome.errors)")
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a.gguf"])
            #expect(try sha256(ofFile: folder + "/a.gguf") == before)
        }
    }

    @Test func aForeignHeaderIsNotPutBack() throws {
        try withModel { folder in
            let before = try sha256(ofFile: folder + "/a.gguf")
            let file = try GGUFFile(path: folder + "/a.gguf")
            var header = try file.file.read(at: 0, count: file.dataOffset)
            // A tensor of another format, at the same place.
            let name = Array("output_norm.weight".utf8)
            let place = try #require(
                header.indices.first { header[$0...].starts(with: name) })
            header[place + name.count + 12] = 1
            try OutputFile.write(header, to: folder + "/other")
            try OutputFile.write(Array(header.dropLast()), to: folder + "/short")
            for copy in ["other", "short", "a.gguf"] {
                try expectFailure(
                    "edit", "--restore-header", copy, "a.gguf", in: folder, saying: "error")
            }
            #expect(try sha256(ofFile: folder + "/a.gguf") == before)
        }
    }

    // MARK: split and merge

    @Test func splitAndMergedIsTheSameFile() throws {
        try withModel { folder in
            try run("split", "-q", "a.gguf", "part", "--split-max-tensors", "8", in: folder)
            let file = try GGUFFile(path: folder + "/a.gguf")
            let count = (file.tensors.count + 7) / 8
            let first = "part-00001-of-0000\(count).gguf"
            #expect(count > 1 && Fixtures.exists(folder + "/" + first))
            try run("merge", "-q", first, "b.gguf", in: folder)
            #expect(try sha256(ofFile: folder + "/a.gguf") == sha256(ofFile: folder + "/b.gguf"))
            // Into other parts, which begin with one for the metadata.
            try run(
                "split", "-q", first, "other", "--split-max-size", "100K",
                "--no-tensor-first-split",
                in: folder)
            let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter {
                $0.hasPrefix("other-")
            }.sorted()
            #expect(try GGUFFile(path: folder + "/" + names[0]).tensors.isEmpty)
            try run("merge", "-q", names[0], "c.gguf", in: folder)
            #expect(try sha256(ofFile: folder + "/a.gguf") == sha256(ofFile: folder + "/c.gguf"))

            try expectFailure("split", "a.gguf", "x", in: folder, saying: "which fit one part")
            try expectFailure("merge", "a.gguf", "x.gguf", in: folder, saying: "a whole model")
            try FileManager.default.removeItem(atPath: folder + "/" + names[1])
            try expectFailure("merge", names[0], "x.gguf", in: folder, saying: names[1])
        }
    }

    @Test func mergeWaitsForParts() throws {
        try withModel { folder in
            try run("split", "-q", "a.gguf", "part", "--split-max-tensors", "8", in: folder)
            let outcome = try Tool.shell(
                """
                cd "$1"
                set -- part-*
                mv "$2" later
                head -c 5000 later > "$2"
                "$INGOT" merge --wait 600 "$1" b.gguf 2> told &
                merge=$!
                while kill -0 $merge && ! grep -q waiting told; do sleep 0.1; done
                mv later "$2"
                wait $merge
                """, [folder])
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(try sha256(ofFile: folder + "/a.gguf") == sha256(ofFile: folder + "/b.gguf"))
        }
    }

    // MARK: hash

    @Test func digestsStayWhenMetadataChanges() throws {
        try withModel { folder in
            let list = try run("hash", "a.gguf", in: folder).output
            let whole = try sha256(ofFile: folder + "/a.gguf")
            #expect(list.hasSuffix("\(whole)  a.gguf\n"))
            try OutputFile.write(Array(list.utf8), to: folder + "/list")
            try run("hash", "--check", "list", "a.gguf", in: folder)
            #expect(
                try run("hash", "--no-layer", "a.gguf", in: folder).output == "\(whole)  a.gguf\n")

            try run(
                "edit", "-q", "--in-place", "a.gguf", "--set", "general.name=X", in: folder)
            let changed = try Tool.run(["hash", "-c", "list", "a.gguf"], in: folder)
            #expect(changed.exitCode == 1)
            // The file alone has another digest.
            #expect(changed.errors.split(separator: "\n").count == 1)
            #expect(changed.errors.contains("a.gguf: "))
            try OutputFile.write(Array("no digest\n".utf8), to: folder + "/list")
            try expectFailure("hash", "-c", "list", "a.gguf", in: folder, saying: "a line without")
        }
    }
}
