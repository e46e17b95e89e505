import Crypto
import Synchronization
public import TensorCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

extension PartSet {
    private static let pieceByteCount = 1 << 22

    /// Reads all files and compares them with what the manifests say of them.
    ///
    /// - Parameter progress: Called after every piece, one call at a time, with the bytes done.
    /// - Throws: `PartProblems` that names every part that is not as it was written; `FileError`.
    /// - Complexity: O(bytes).
    public func check(
        pool: WorkerPool = WorkerPool(), progress: @Sendable (Int) -> Void = { _ in }
    ) throws {
        try unsafe read(pool: pool, progress: progress) { _, _, _ in }
    }

    /// Puts parts that are stretches of the output one after another, each compared with its digest
    /// on the way; nothing is there under the output's name before all are.
    ///
    /// - Parameter finish: Given the whole file before it has its name, to change bytes of it.
    /// - Throws: As `check`; what `finish` throws.
    /// - Complexity: O(bytes).
    public func join(
        pool: WorkerPool = WorkerPool(), progress: @Sendable (Int) -> Void = { _ in },
        finish: (OutputFile) throws -> Void = { _ in }
    ) throws {
        guard let total = parts.last?.manifest.place?.byteCount else {
            throw PartError(
                .content(found: "no place in the output", expected: "an offset and a length"),
                path: output)
        }
        // Before room is taken for what a manifest claims.
        try requireLengths()
        let file = try OutputFile(path: output, byteCount: total)
        try unsafe read(pool: pool, progress: progress) { part, offset, bytes in
            try unsafe file.write(bytes, at: (parts[part].manifest.place?.offset ?? 0) + offset)
        }
        try file.truncate(to: total)
        try finish(file)
        try file.commit(byteCount: total)
    }

    /// Throws where a file is not there or has another length than its manifest says.
    private func requireLengths() throws {
        let problems = parts.flatMap { part in
            part.manifest.files.compactMap { part.lengthProblem(of: $0) }
        }
        guard problems.isEmpty else { throw PartProblems(problems) }
    }

    /// Gives parts that are files of the output their names.
    ///
    /// Both names lead to one file where the file system has that; the parts stay.
    ///
    /// - Returns: The names, in their order.
    /// - Throws: `FileError`.
    public func name() throws -> [String] {
        var named: [(from: String, to: String)] = []
        for part in parts {
            for file in part.manifest.files {
                guard let (own, number) = PartNumber.parse(path: part.path(of: file)),
                    number == part.manifest.part
                else {
                    throw PartError(
                        .content(
                            found: "the file name \(file.name)",
                            expected: "one that ends in \(part.manifest.part.suffix)"),
                        path: part.path)
                }
                named.append((part.path(of: file), PartSet.folder(of: output) + Paths.name(own)))
            }
        }
        for (from, to) in named {
            // A file of the same length would be left for what it is.
            if let found = FileIdentity(path: to), let own = FileIdentity(path: from),
                !found.isSameFile(as: own)
            {
                unsafe unlink(to)
            }
            _ = try FileCopy.place(from, at: to)
        }
        return named.map(\.to)
    }

    /// Removes the parts and their manifests: first the manifests, so that no part is taken for
    /// complete whose file is gone.
    public func remove() {
        for part in parts { unsafe unlink(part.path + PartNumber.manifestEnding) }
        for part in parts {
            for file in part.manifest.files { unsafe unlink(part.path(of: file)) }
        }
    }

    /// Reads all files, several at once, and hands out their bytes.
    private func read(
        pool: WorkerPool, progress: @Sendable (Int) -> Void,
        _ take: @Sendable (_ part: Int, _ offset: Int, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let problems = Mutex<[PartError]>([])
        let done = Mutex(0)
        try pool.run(jobCount: parts.count) { _, number in
            for file in parts[number].manifest.files {
                let problem = try unsafe parts[number].problem(of: file) { offset, bytes in
                    try unsafe take(number, offset, bytes)
                    done.withLock { done in
                        done += bytes.count
                        progress(done)
                    }
                }
                if let problem { problems.withLock { $0.append(problem) } }
            }
        }
        let found = problems.withLock { $0 }
        guard found.isEmpty else {
            throw PartProblems(found.sorted { $0.path < $1.path })
        }
    }
}

extension PartSet.Part {
    /// Whether one of the part's files is there and as long as its manifest says.
    fileprivate func lengthProblem(of file: PartManifest.File) -> PartError? {
        let path = path(of: file)
        guard let found = FileIdentity(path: path) else {
            return PartError(.withoutFile(manifest.part), path: path)
        }
        guard found.byteCount == file.byteCount else {
            return PartError(.length(found: found.byteCount, expected: file.byteCount), path: path)
        }
        return nil
    }

    /// What is wrong with one of the part's files, whose bytes are handed out on the way; `nil` where
    /// it is as it was written.
    ///
    /// - Throws: `FileError` when it cannot be read; what `take` throws.
    func problem(
        of file: PartManifest.File,
        _ take: (_ offset: Int, UnsafeRawBufferPointer) throws -> Void = { _, _ in }
    ) throws -> PartError? {
        if let problem = lengthProblem(of: file) { return problem }
        let path = path(of: file)
        let input = try InputFile(path: path)
        let digest = try unsafe FileDigest.sha256(of: input, take)
        guard digest == file.sha256 else {
            return PartError(.damaged(found: digest, expected: file.sha256), path: path)
        }
        return nil
    }
}

/// Digests of whole files.
public enum FileDigest {
    /// The SHA-256 of a file in hexadecimal digits; its bytes are handed out on the way.
    ///
    /// - Complexity: O(bytes); reads four mebibytes at a time.
    public static func sha256(
        of file: InputFile,
        _ take: (_ offset: Int, UnsafeRawBufferPointer) throws -> Void = { _, _ in }
    ) throws -> String {
        var hash = SHA256()
        let scratch = ScratchBuffer()
        var offset = 0
        while offset < file.byteCount {
            let piece = unsafe scratch.bytes(min(1 << 22, file.byteCount - offset))
            try unsafe file.read(at: offset, into: piece)
            let bytes = UnsafeRawBufferPointer(piece)
            unsafe hash.update(bufferPointer: bytes)
            try unsafe take(offset, bytes)
            offset += piece.count
        }
        return Hexadecimal.text(hash.finalize())
    }
}

extension PartManifest {
    /// What is there of a part before it is made.
    public enum State: Sendable {
        /// Nothing, or something that is not complete.
        case absent
        /// A complete part of the same plan.
        case complete
        /// A complete part of another plan, source or version.
        case other(what: String)
    }

    /// Whether a part of this plan is there and as it was written; its files are read.
    ///
    /// - Parameters:
    ///   - output: The output's path.
    ///   - expected: The part as it would be made; its files are not looked at.
    public static func state(output: String, expected: PartManifest) -> State {
        let path = expected.part.path(of: output)
        guard let found = try? PartManifest(path: path + PartNumber.manifestEnding) else {
            return .absent
        }
        if found.version != expected.version { return .other(what: "version") }
        if found.sources != expected.sources { return .other(what: "source") }
        guard found.plan == expected.plan, found.part == expected.part,
            found.command == expected.command
        else { return .other(what: "plan") }
        let part = PartSet.Part(path: path, manifest: found)
        for file in found.files {
            guard let problem = try? unsafe part.problem(of: file) else { continue }
            _ = problem
            return .absent
        }
        return .complete
    }
}
