#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif
import TensorCore

/// A reader of untrusted bytes, as a fuzzer drives it: any input is read or refused with an error of
/// the project's own.
public struct FuzzTarget: Sendable {
    /// How `scripts/fuzz` calls it, and the name of its folder of seeds under `fixtures/fuzz`.
    public let name: String
    /// The folders of sources whose coverage is told.
    public let sources: [String]
    private let read: @Sendable (_ bytes: [UInt8], _ scratch: FuzzScratch) throws -> Void

    init(
        _ name: String, sources: [String],
        read: @escaping @Sendable (_ bytes: [UInt8], _ scratch: FuzzScratch) throws -> Void
    ) {
        self.name = name
        self.sources = sources
        self.read = read
    }

    /// Every target.
    public static let all: [FuzzTarget] =
        containers + texts + tokenizers + directories + campaigns + network + [server]

    /// Reads one input.
    ///
    /// - Throws: What is no `IngotError`: the command line would show the user a Swift value.
    public func run(_ bytes: [UInt8], scratch: FuzzScratch) throws {
        do {
            try read(bytes, scratch)
        } catch let error as any IngotError {
            // The sentence must not trap either.
            precondition(!error.description.isEmpty, "an error without words")
        }
    }
}

/// A folder for inputs that are read from files.
public final class FuzzScratch: Sendable {
    private let folder: TemporaryFolder
    /// The folder's path.
    public var path: String { folder.path }

    /// Makes the folder.
    public init() throws { folder = try TemporaryFolder() }

    /// Has the folder show files of another as its own.
    func link(_ names: [String], of other: String) throws {
        for name in names where access(folder.path + "/" + name, F_OK) != 0 {
            guard symlink(other + "/" + name, folder.path + "/" + name) == 0 else {
                throw FuzzFailure("cannot link \(name)")
            }
        }
    }

    /// Puts bytes into a file of the folder; returns its path.
    func file(_ name: String, _ bytes: [UInt8]) throws -> String {
        let path = folder.path + "/" + name
        guard let stream = fopen(path, "wb") else { throw FuzzFailure("cannot write \(path)") }
        defer { fclose(stream) }
        guard fwrite(bytes, 1, bytes.count, stream) == bytes.count else {
            throw FuzzFailure("cannot write \(path)")
        }
        return path
    }
}

/// Something wrong with the fuzzing itself, or a property that does not hold.
struct FuzzFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

extension [UInt8] {
    /// The bytes before the first zero, and those behind it.
    var halves: (head: [UInt8], tail: [UInt8]) {
        guard let zero = firstIndex(of: 0) else { return (self, []) }
        return (Array(self[..<zero]), Array(self[(zero + 1)...]))
    }
}
