public import TensorCore

/// Why parts cannot be joined, or what is at the place of one is none.
public struct PartError: IngotError, Hashable {
    /// The kinds of fault.
    public enum Kind: Sendable, Hashable {
        /// There is nothing to join.
        case noParts
        /// A path that does not end as a part's does.
        case notAPart
        /// The output's path is that of a part.
        case isPart(PartNumber)
        /// Parts of several divisions lie beside each other.
        case severalDivisions([Int])
        /// The part is there and its manifest is not.
        case withoutManifest
        /// The manifest is no manifest, or of a later program.
        case notAManifest(found: String, expected: String)
        /// The manifest is not as it was written.
        case edited
        /// Some parts are not there.
        case missing([Int], of: Int)
        /// Two files are the same part.
        case doubled(PartNumber, other: String)
        /// Something differs from what most parts have.
        case differs(what: String, found: String, expected: String)
        /// The part's file is not there.
        case withoutFile(PartNumber)
        /// The part's file has another length.
        case length(found: Int, expected: Int)
        /// The part's bytes are not those that were written.
        case damaged(found: String, expected: String)
        /// A part does not begin where the one before it ends.
        case gap(found: Int, expected: Int)
        /// What the parts are of cannot be joined here.
        case unknownCommand(String)
        /// What the part's file holds is not what such a part holds.
        case content(found: String, expected: String)
    }

    /// What is wrong.
    public let kind: Kind
    /// The part, its manifest or the output.
    public let path: String

    /// Creates an error about `path`.
    public init(_ kind: Kind, path: String) {
        self.kind = kind
        self.path = path
    }

    /// The file that the fault is in.
    public var file: String? { path }
    /// The place in it.
    public var place: String? { nil }
    /// What was found and what was expected.
    public var problem: String {
        switch kind {
        case .noParts: "no parts of it found, expected \(path).part-00001-of-…"
        case .notAPart: "found no part's name, expected one that ends in .part-00001-of-00008"
        case .isPart(let part): "is part \(part), expected a path for what the parts become"
        case .severalDivisions(let counts):
            "parts of a division in \(counts.map(String.init).joined(separator: ", in "))"
                + " found beside each other"
        case .withoutManifest: "has no manifest, so it is not known to be complete"
        case .notAManifest(let found, let expected): "\(found) found, expected \(expected)"
        case .edited: "the manifest is not as it was written"
        case .missing(let numbers, let count):
            numbers.count == 1
                ? "part \(numbers[0]) of \(count) is missing"
                : "parts \(PartError.list(numbers)) of \(count) are missing"
        case .doubled(let part, let other): "is part \(part), and so is \(other)"
        case .differs(let what, let found, let expected):
            "another \(what) than the other parts': \(found) found, \(expected) expected"
        case .withoutFile(let part): "the file of part \(part) is not there"
        case .length(let found, let expected): "\(found) bytes found, \(expected) expected"
        case .damaged(let found, let expected): "SHA-256 \(found) found, \(expected) expected"
        case .gap(let found, let expected):
            "begins at byte \(found) of the output, expected \(expected)"
        case .unknownCommand(let name): "is a part of \"\(name)\", which this program cannot join"
        case .content(let found, let expected): "\(found) found, expected \(expected)"
        }
    }
    /// What the user can do about it.
    public var remedy: String? {
        switch kind {
        case .noParts: "Make them with --part K/N, or name them behind the output."
        case .severalDivisions: "Name those that belong together, or remove the others."
        case .missing: "Run the missing ones; those that are there are kept."
        case .doubled: "Name one of the two."
        case .isPart: "Name the output: what stands before .part-."
        case .withoutManifest, .notAManifest, .withoutFile, .length, .edited, .content, .gap:
            "Run this part again; the others are kept."
        case .damaged: "Run this part again, with --overwrite; the others are kept."
        case .differs(let what, _, _):
            what == "version"
                ? "Make all parts with one version of the program."
                : "Make this part again from the same source with the same options."
        case .notAPart, .unknownCommand: nil
        }
    }
    /// How the process ends when this error reaches the command line.
    public var exitCode: ExitCode {
        switch kind {
        case .noParts, .notAPart, .isPart, .severalDivisions: .usage
        default: .badData
        }
    }

    /// Numbers with runs drawn together: `1, 3-5, 9`; the first twenty runs.
    static func list(_ numbers: [Int]) -> String {
        var runs: [ClosedRange<Int>] = []
        for number in numbers.sorted() {
            if let last = runs.last, number <= last.upperBound + 1 {
                runs[runs.count - 1] = last.lowerBound...max(last.upperBound, number)
            } else {
                runs.append(number...number)
            }
        }
        let words = runs.prefix(20).map {
            $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)"
        }
        return words.joined(separator: ", ") + (runs.count > 20 ? ", …" : "")
    }
}
