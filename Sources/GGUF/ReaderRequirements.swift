import Quantization
public import TensorCore

/// Something in a GGUF file that its readers refuse, abort on, or pass over.
public struct ReaderFault: IngotError, Hashable {
    /// The file.
    public let path: String
    /// The metadata key or the tensor's name.
    public let place: String?
    /// What is there.
    public let found: String
    /// What readers ask for.
    public let expected: String
    /// What the user can do about it.
    public let remedy: String?
    /// Whether readers do not load the file; otherwise they pass over what is wrong.
    public let isFatal: Bool

    /// The file that the fault is in.
    public var file: String? { path }
    /// What was found and what was expected.
    public var problem: String { "\(found) found, expected \(expected)" }
    /// How the process ends when this error reaches the command line.
    public var exitCode: ExitCode { .badData }
}

/// What llama.cpp asks of a file before it computes with it, beyond GGUF's own rules.
///
/// `docs/formats/gguf-limits.md` lists it.
public struct ReaderRequirements {
    /// The parts of a file that are looked at.
    public enum Part: Sendable, CaseIterable {
        /// Keys, names and shapes.
        case container
        /// The tokenizer's lists.
        case vocabulary
        /// Whether the counts and arrays of the metadata agree with the tensors.
        case blocks
        /// Keys that a family must have, and their types.
        case keys
        /// Tensors that a family must have beside others.
        case tensors
    }

    let metadata: Metadata
    let tensors: [TensorDescription]
    let path: String
    /// `general.architecture`, empty when it is missing.
    let architecture: String

    /// Looks at a model, or at the vocabulary of one where there are no tensors.
    public init(metadata: Metadata, tensors: [TensorDescription], path: String) {
        self.metadata = metadata
        self.tensors = tensors
        self.path = path
        architecture = metadata["general.architecture"]?.text ?? ""
    }

    /// The faults of some parts, in the order of the parts.
    ///
    /// - Complexity: O(tokens + tensors).
    public func faults(in parts: Set<Part> = Set(Part.allCases)) -> [ReaderFault] {
        var faults: [ReaderFault] = []
        if parts.contains(.container) { faults += containerFaults() }
        if parts.contains(.vocabulary) { faults += vocabularyFaults() }
        if parts.contains(.blocks) { faults += blockFaults() }
        if parts.contains(.keys) { faults += keyFaults() }
        if parts.contains(.tensors) { faults += tensorFaults() }
        return faults
    }

    /// Whether the file is a model of a family whose readers' demands are known here.
    var isKnown: Bool { isModel && Self.requiredKeys[architecture] != nil }

    /// Whether it is a model by itself, and no adapter or projector beside one.
    var isModel: Bool {
        let kind = metadata["general.type"]?.text
        return kind != "adapter" && kind != "mmproj"
    }

    func key(_ suffix: String) -> String { "\(architecture).\(suffix)" }

    func integer(_ suffix: String) -> Int? { metadata[key(suffix)]?.integer }

    func fault(
        _ place: String?, found: String, expected: String, remedy: String? = nil,
        isFatal: Bool = true
    ) -> ReaderFault {
        ReaderFault(
            path: path, place: place, found: found, expected: expected, remedy: remedy,
            isFatal: isFatal)
    }

    // MARK: Container

    /// The longest tensor name, in bytes.
    static let longestName = 63

    /// What is wrong with a tensor's name; `nil` when readers load it.
    static func fault(ofName name: String) -> (found: String, expected: String)? {
        if name.isEmpty { return ("no text", "a name for every tensor") }
        if name.utf8.contains(0) { return ("a NUL byte in it", "text without NUL") }
        let count = name.utf8.count
        return count > longestName ? ("\(count) bytes", "at most \(longestName)") : nil
    }

    private func containerFaults() -> [ReaderFault] {
        var faults: [ReaderFault] = []
        if metadata.entries.contains(where: { $0.key.isEmpty }) {
            faults.append(
                fault(
                    nil, found: "an empty metadata key", expected: "a name for every value",
                    remedy: "Write the file again without it."))
        }
        for tensor in tensors {
            guard let wrong = Self.fault(ofName: tensor.name) else { continue }
            faults.append(
                fault(
                    tensor.name, found: "a tensor name of \(wrong.found)",
                    expected: wrong.expected, remedy: "Give the tensor another name."))
        }
        for (key, types) in Self.splitTypes {
            guard let value = metadata[key], !types.contains(value.typeName) else { continue }
            faults.append(wrongType(key, value, types))
        }
        if let alignment = metadata["general.alignment"]?.integer, alignment % 8 != 0 {
            faults.append(
                fault(
                    "general.alignment", found: "\(alignment)", expected: "a multiple of 8",
                    remedy: "Quantize it with --override-kv general.alignment=int:32.",
                    isFatal: false))
        }
        return faults
    }

    private static let splitTypes = [
        ("split.no", ["UINT16"]), ("split.count", ["UINT16"]),
        ("split.tensors.count", ["INT32"]),
    ]

    func wrongType(_ key: String, _ value: MetadataValue, _ types: [String]) -> ReaderFault {
        fault(
            key, found: "a value of type \(value.typeName)",
            expected: types.joined(separator: " or "),
            remedy: "Readers look at the type; write the key again with --override-kv, or convert"
                + " the model again.")
    }
}

extension GGUFFile {
    /// What readers ask of the bytes of this one file.
    public var readerFaults: [ReaderFault] {
        var faults: [ReaderFault] = []
        func report(_ place: String, _ found: String, _ expected: String, isFatal: Bool) {
            faults.append(
                ReaderFault(
                    path: path, place: place, found: found, expected: expected,
                    remedy: "Quantize it with the type COPY: that writes it anew.",
                    isFatal: isFatal))
        }
        guard let start = offsets.min() else { return faults }
        var next = start
        for (index, tensor) in tensors.enumerated() {
            guard offsets[index] == next else {
                report(
                    tensor.name, "data at byte \(offsets[index])",
                    "it at \(next), straight after that of the tensor before", isFatal: true)
                return faults
            }
            next = (next + byteCounts[index]).aligned(to: alignment) ?? next
        }
        return faults
    }
}
