import TensorCore
import TestSupport
import Testing
import Zstandard

@Suite struct ZstandardTests {
    private func bytes(_ count: Int) -> [UInt8] {
        var random = SeededRandom(seed: 5)
        // Neither constant nor noise.
        return (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next() & 15) }
    }

    private func write(_ pieces: [[UInt8]], to path: String) throws {
        let writer = try ZstandardWriter(file: OutputFile(path: path))
        for piece in pieces { try writer.write(piece) }
        let length = try writer.commit()
        #expect(try InputFile(path: path).byteCount == length)
    }

    /// All that a file decompresses to, read in pieces.
    private func contents(of file: InputFile) throws -> [UInt8] {
        let reader = try ZstandardReader(file: file)
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 100_003)
        while true {
            let count = try piece.withUnsafeMutableBytes { try reader.read(into: $0) }
            bytes += piece[..<count]
            if count < piece.count { return bytes }
        }
    }

    @Test(arguments: [0, 1, 1000, 3_000_000])
    func whatIsWrittenIsRead(count: Int) throws {
        try Fixtures.withTemporaryFolder { folder in
            let path = folder + "/a.zst"
            let bytes = bytes(count)
            try write([Array(bytes[..<(count / 3)]), [], Array(bytes[(count / 3)...])], to: path)
            let file = try InputFile(path: path)
            #expect(try ZstandardReader.isCompressed(file))
            #expect(try contents(of: file) == bytes)
            #expect(file.byteCount < count || count < 100)
        }
    }

    @Test func framesFollowOneAnother() throws {
        try Fixtures.withTemporaryFolder { folder in
            try write([bytes(5000)], to: folder + "/a.zst")
            let one = try InputFile.contents(path: folder + "/a.zst")
            try OutputFile.write(one + one, to: folder + "/b.zst")
            #expect(
                try contents(of: InputFile(path: folder + "/b.zst"))
                    == bytes(5000) + bytes(5000))
        }
    }

    @Test func cutAndChangedFilesAreRefused() throws {
        try Fixtures.withTemporaryFolder { folder in
            let path = folder + "/a.zst"
            try write([bytes(2000)], to: path)
            let whole = try InputFile.contents(path: path)
            for length in 4..<whole.count {
                try OutputFile.write(Array(whole[..<length]), to: path)
                #expect(throws: ZstandardError(.truncated, path: path), "\(length)") {
                    try contents(of: InputFile(path: path))
                }
            }
            for place in whole.indices {
                var changed = whole
                changed[place] ^= 0x10
                try OutputFile.write(changed, to: path)
                // The checksum finds what the decoder does not; what it lets pass is no change.
                let found = try? contents(of: InputFile(path: path))
                #expect(found == nil || found == bytes(2000), "byte \(place)")
            }
        }
    }

    /// A frame that decoders pass over, of `count` bytes with its head.
    private func skipped(_ count: Int) -> [UInt8] {
        var frame = ByteBuilder()
        frame.append(UInt32(0x184D_2A50))
        frame.append(UInt32(count - 8))
        return frame.bytes + [UInt8](repeating: 0, count: count - 8)
    }

    /// Files that end with a piece of the input, one byte before it and one behind it, read into
    /// buffers that the contents fill.
    @Test(arguments: [-1, 0, 1, 1 << 17])
    func piecesEndAnywhere(beyond: Int) throws {
        try Fixtures.withTemporaryFolder { folder in
            let path = folder + "/a.zst"
            let contents = bytes(5000)
            try write([contents], to: path)
            let frame = try InputFile.contents(path: path)
            let padding = skipped((1 << 17) + beyond - frame.count)
            for whole in [frame + padding, padding + frame] {
                try OutputFile.write(whole, to: path)
                let reader = try ZstandardReader(file: InputFile(path: path))
                var buffer = [UInt8](repeating: 0, count: contents.count)
                #expect(
                    try buffer.withUnsafeMutableBytes { try reader.read(into: $0) }
                        == contents.count)
                #expect(buffer == contents)
                for _ in 0..<2 {
                    #expect(try buffer.withUnsafeMutableBytes { try reader.read(into: $0) } == 0)
                }
            }
        }
    }

    /// What cannot be made smaller takes more room at the end than a piece of the output has.
    @Test(arguments: [(1 << 17) - 1, 1 << 17, (1 << 18) - 1, 1_000_000])
    func noiseIsWrittenToItsEnd(count: Int) throws {
        var random = SeededRandom(seed: 6)
        let noise = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        try Fixtures.withTemporaryFolder { folder in
            try write([noise], to: folder + "/a.zst")
            let file = try InputFile(path: folder + "/a.zst")
            #expect(file.byteCount > count)
            #expect(try contents(of: file) == noise)
        }
    }

    /// What is wrong is told apart, not only refused.
    @Test func damageIsToldFromAnEarlyEnd() throws {
        try Fixtures.withTemporaryFolder { folder in
            let path = folder + "/a.zst"
            try write([bytes(2000)], to: path)
            let whole = try InputFile.contents(path: path)
            var changed = whole
            changed[whole.count - 1] ^= 1
            for damaged in [changed, Array("no frame at all".utf8), whole + Array("more".utf8)] {
                try OutputFile.write(damaged, to: path)
                let error = #expect(throws: ZstandardError.self) {
                    try contents(of: InputFile(path: path))
                }
                guard case .damaged(let message)? = error?.kind else {
                    Issue.record("\(String(describing: error))")
                    continue
                }
                #expect(!message.isEmpty && error?.exitCode == .badData)
            }
            try OutputFile.write([], to: path)
            let empty = try InputFile(path: path)
            #expect(try contents(of: empty).isEmpty && !ZstandardReader.isCompressed(empty))
            #expect(!ZstandardReader.isCompressed(Array(whole[..<3])))
            #expect(ZstandardReader.isCompressed(Array(whole[..<4])))
        }
    }
}
