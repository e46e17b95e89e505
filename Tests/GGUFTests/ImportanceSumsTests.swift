import GGUF
import TensorCore
import TestSupport
import Testing

/// Forms of importance matrices, and whether two belong together.
@Suite struct ImportanceSumsTests {
    private static let peer = Fixtures.path("conformance/quantize/llama.imatrix.gguf")

    private func sums(
        _ entries: [String: ImportanceSums.Entry], chunkSize: Int = 64, chunkCount: Int = 1
    ) -> ImportanceSums {
        ImportanceSums(
            entries: entries, datasets: ["a.txt", "b.txt"], chunkCount: chunkCount,
            chunkSize: chunkSize)
    }

    /// Sums whose columns weigh as a seed says, times noise of another.
    private func model(_ seed: UInt64, noise: UInt64, names: [String]) -> ImportanceSums {
        var (weights, noise) = (SeededRandom(seed: seed), SeededRandom(seed: noise))
        func value(_ random: inout SeededRandom) -> Double {
            Double(random.next() % 1000 + 1) / 100
        }
        var entries: [String: ImportanceSums.Entry] = [:]
        for name in names {
            let sums = (0..<64).map { _ in
                let weight = value(&weights)
                return weight * weight * (1 + value(&noise) / 20)
            }
            entries[name] = .init(sums: sums, counts: [64])
        }
        return self.sums(entries)
    }

    @Test func theOlderFormIsThatOfTheLayout() throws {
        try Fixtures.withTemporaryFolder { folder in
            let path = folder + "/i.dat"
            // 100 rows are more than one window of 64: two calls.
            let written = sums(
                [
                    "b": .init(sums: [100, 50], counts: [100]),
                    "a": .init(sums: [4, 8, 7, 7], counts: [4, 0]),
                    "none": .init(sums: [0, 0], counts: [0]),
                ], chunkCount: 2)
            try written.write(to: path, as: .dat)
            var expected = ByteBuilder()
            func entry(_ name: String, calls: Int32, _ values: [Float]) {
                expected.append(Int32(name.utf8.count))
                expected.append(name)
                expected.append(calls)
                expected.append(Int32(values.count))
                for value in values { expected.append(value) }
            }
            expected.append(Int32(2))
            entry("a", calls: 1, [1, 2, 1, 1])
            entry("b", calls: 2, [2, 1])
            expected.append(Int32(2))
            expected.append(Int32(5))
            expected.append("b.txt")
            #expect(try InputFile.contents(path: path) == expected.bytes)
            #expect(ImportanceSums.Form(path: path) == .dat)
            #expect(ImportanceSums.Form(path: "x.dat.gguf") == .gguf)
            #expect(ImportanceSums.Form(path: "dat") == .gguf)
        }
    }

    @Test func bothFormsQuantizeAlike() throws {
        try Fixtures.withTemporaryFolder { folder in
            let sums = try ImportanceSums(path: Self.peer)
            try sums.write(to: folder + "/i.dat", as: .dat)
            let (one, two) = (
                try ImportanceMatrix(path: Self.peer), try ImportanceMatrix(path: folder + "/i.dat")
            )
            #expect(two.chunkCount == sums.chunkCount && two.entries.count == one.entries.count)
            for (name, entry) in one.entries {
                for (a, b) in zip(entry.values, two[name.description]?.values ?? []) {
                    #expect(abs(a - b) <= 1e-6 * a)
                }
            }
        }
    }

    @Test func matricesOfDifferentModelsAreTold() throws {
        let names = (0..<6).map { "blk.\($0).attn_q.weight" }
        let own = model(1, noise: 2, names: names)
        #expect(try own.warnings(adding: model(1, noise: 3, names: names), path: "b").isEmpty)
        // The same names and lengths, other columns.
        let other = try own.warnings(adding: model(4, noise: 2, names: names), path: "b")
        #expect(other.count == 1 && other[0].isOfColumns, "\(other)")
        // Blocks that the first has not.
        let longer = model(1, noise: 3, names: names + ["blk.6.attn_q.weight"])
        #expect(
            try own.warnings(adding: longer, path: "b") == [
                .otherTensors(path: "b", onlyThere: ["blk.6.attn_q.weight"], onlyHere: [])
            ])
        #expect(
            try own.warnings(
                adding: model(1, noise: 3, names: names + ["output.weight"]), path: "b"
            )
            .isEmpty)
        #expect(throws: GGUFError.self) {
            try own.warnings(adding: model(1, noise: 3, names: ["enc.0.weight"]), path: "b")
        }
        var windows = model(1, noise: 3, names: names)
        windows.chunkSize = 128
        windows.chunkCount = 3
        #expect(
            try own.warnings(adding: windows, path: "b") == [
                .otherWindows(path: "b", found: 128, expected: 64)
            ])
        var added = own
        try added.add(windows, path: "b")
        // As many tokens as seven windows of 64.
        #expect(added.chunkSize == 64 && added.chunkCount == 7)
    }

    /// Numbers of windows and of their tokens that no sum of integers holds.
    @Test func windowsBeyondAllAreCounted() throws {
        try Fixtures.withTemporaryFolder { folder in
            let path = folder + "/i.gguf"
            try sums(["a": .init(sums: [1, 2], counts: [1])]).write(to: path)
            var metadata = try GGUFFile(path: path).metadata
            metadata["imatrix.chunk_count"] = .uint64(UInt64(Int.max))
            metadata["imatrix.chunk_size"] = .uint64(UInt64(Int.max))
            let file = try GGUFFile(path: path)
            let layout = try GGUFLayout(metadata: metadata, tensors: file.tensors, path: path)
            var bytes =
                layout.header + [UInt8](repeating: 0, count: layout.byteCount - layout.header.count)
            for (index, offset) in layout.offsets.enumerated() {
                let data = try InputFile.contents(path: path)[file.offsets[index]...]
                    .prefix(layout.byteCounts[index])
                bytes.replaceSubrange(offset..<offset + data.count, with: data)
            }
            try OutputFile.write(bytes, to: path)
            let odd = try ImportanceSums(path: path)
            #expect(odd.chunkCount == Int(UInt32.max) && odd.chunkSize == Int(UInt32.max))
            var added = sums(["a": .init(sums: [1, 2], counts: [1])], chunkSize: 64, chunkCount: 5)
            for _ in 0..<2 { try added.add(odd, path: path) }
            #expect(added.chunkCount == Int(UInt32.max) && added.entries["a"]?.counts == [3])
            try odd.write(to: folder + "/i.dat", as: .dat)
            #expect(try ImportanceSums(path: folder + "/i.dat").entries.count == 1)
        }
    }

    /// Columns of other lengths are not compared, and not added.
    @Test func matricesOfOtherLengthsAreNotAdded() throws {
        let names = (0..<6).map { "blk.\($0).attn_q.weight" }
        var own = model(1, noise: 2, names: names)
        var other = model(4, noise: 2, names: names)
        for name in names { other.entries[name]?.sums.removeLast(32) }
        #expect(try own.warnings(adding: other, path: "b").isEmpty)
        #expect(try other.warnings(adding: own, path: "b").isEmpty)
        let error = #expect(throws: GGUFError.self) { try own.add(other, path: "b") }
        #expect(error?.place.map(names.contains) == true)
    }

    @Test func aModelIsToldFromAnother() throws {
        let format = try GGUFFile(path: Self.peer).tensors[0].format
        func tensor(_ name: String, _ dimensions: [Int]) throws -> TensorDescription {
            TensorDescription(name: name, shape: try #require(Shape(dimensions)), format: format)
        }
        let tensors = [
            try tensor("blk.0.attn_q.weight", [8, 64]),
            try tensor("blk.0.ffn_up_exps.weight", [3, 8, 2]),
        ]
        let fitting = sums([
            "blk.0.attn_q.weight": .init(sums: [Double](repeating: 1, count: 64), counts: [1]),
            "blk.0.ffn_up_exps.weight": .init(sums: [1, 1, 1, 1, 1, 1], counts: [1, 1, 1]),
            "output.weight": .init(sums: [1], counts: [1]),
        ])
        #expect(try fitting.check(with: tensors, model: "m", path: "i").isEmpty)
        var other = fitting
        other.entries["blk.1.attn_q.weight"] = .init(sums: [1], counts: [1])
        #expect(
            try other.check(with: tensors, model: "m", path: "i") == [
                .unmatched(
                    path: "i", names: ["blk.1.attn_q.weight"], entryCount: 4, model: "m")
            ])
        other.entries["blk.0.attn_q.weight"] = .init(sums: [1, 1], counts: [1])
        #expect(throws: GGUFError.self) {
            try other.check(with: tensors, model: "m", path: "i")
        }
        #expect(throws: GGUFError.self) {
            try fitting.check(with: [tensor("x", [2, 2])], model: "m", path: "i")
        }
    }
}
