import Quantization
import TensorCore
import Yams

/// A value of a job's file, which knows its line and its key.
struct JobNode {
    let node: Node
    /// The file.
    let file: String
    /// The keys that lead to it: `models[0].path`.
    let path: String

    /// The line and the key, for messages.
    var place: String {
        let line = node.mark.map { "line \($0.line)" }
        return [line, path.isEmpty ? nil : path].compactMap { $0 }.joined(separator: ": ")
    }

    /// An error about this value.
    func fault(_ problem: String, _ remedy: String? = nil) -> ClusterError {
        ClusterError(file: file, place: place, problem: problem, remedy: remedy)
    }

    /// What was found, for messages.
    var found: String {
        switch node {
        case .scalar(let scalar):
            scalar.string.isEmpty ? "nothing" : "\"\(scalar.string.prefix(60))\""
        case .mapping: "keys"
        case .sequence: "a list"
        case .alias: "an alias"
        }
    }

    /// The values by key.
    ///
    /// - Parameter keys: The keys that there can be.
    /// - Throws: `ClusterError` for a key that is none of them.
    func members(_ keys: [String]) throws(ClusterError) -> [String: JobNode] {
        guard case .mapping(let mapping) = node else {
            throw fault("\(found) found, expected keys: \(keys.joined(separator: ", "))")
        }
        var members: [String: JobNode] = [:]
        for (key, value) in mapping {
            let name = key.scalar?.string ?? ""
            let own = path.isEmpty ? name : "\(path).\(name)"
            guard keys.contains(name) else {
                let similar = nearestNames(to: name, among: keys)
                throw JobNode(node: key, file: file, path: own).fault(
                    "there is no such key; expected \(keys.joined(separator: ", "))",
                    similar.isEmpty ? nil : "Write \(similar.joined(separator: " or ")).")
            }
            members[name] = JobNode(node: value, file: file, path: own)
        }
        return members
    }

    /// Keys and texts, whatever the keys are called.
    func texts() throws(ClusterError) -> [(key: String, value: String)] {
        guard case .mapping(let mapping) = node else {
            throw fault("\(found) found, expected keys with texts")
        }
        var texts: [(key: String, value: String)] = []
        for (key, value) in mapping {
            let name = key.scalar?.string ?? ""
            texts.append(
                (name, try JobNode(node: value, file: file, path: "\(path).\(name)").text()))
        }
        return texts
    }

    /// The elements of a list; a single value is a list of one.
    func elements() throws(ClusterError) -> [JobNode] {
        guard case .sequence(let sequence) = node else { return [self] }
        guard !sequence.isEmpty else {
            throw fault("an empty list found, expected at least one element")
        }
        return sequence.enumerated().map { index, value in
            JobNode(node: value, file: file, path: "\(path)[\(index)]")
        }
    }

    /// A text in one line.
    func text() throws(ClusterError) -> String {
        guard case .scalar(let scalar) = node, !scalar.string.isEmpty, node.null == nil else {
            throw fault("\(found) found, expected a text")
        }
        guard !scalar.string.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F })
        else { throw fault("a line break or a control character found, expected one line of text") }
        return scalar.string
    }

    /// A text out of some.
    func choice(_ choices: [String]) throws(ClusterError) -> String {
        let text = try text()
        guard choices.contains(text) else {
            throw fault("\(found) found, expected \(choices.joined(separator: ", "))")
        }
        return text
    }

    /// A whole number in a range.
    func integer(_ range: ClosedRange<Int>) throws(ClusterError) -> Int {
        guard case .scalar = node, let value = node.int, range.contains(value) else {
            throw fault(
                "\(found) found, expected a whole number from \(range.lowerBound) to"
                    + " \(range.upperBound)")
        }
        return value
    }

    /// `true` or `false`.
    func boolean() throws(ClusterError) -> Bool {
        guard case .scalar = node, let value = node.bool else {
            throw fault("\(found) found, expected true or false")
        }
        return value
    }

    /// Bytes: a number with K, M, G or T for powers of 1000 or KiB, MiB, GiB, TiB for powers of 1024.
    func bytes() throws(ClusterError) -> Int {
        let text = try text()
        let units =
            [
                ("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40), ("Ki", 10), ("Mi", 20),
                ("Gi", 30),
                ("Ti", 40),
            ].map { ($0.0, 1 << $0.1) } + [
                ("KB", 1000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000),
                ("K", 1000), ("M", 1_000_000), ("G", 1_000_000_000), ("T", 1_000_000_000_000),
            ]
        let unit = units.first { text.hasSuffix($0.0) }
        let digits = unit.map { text.dropLast($0.0.count) } ?? text[...]
        guard let number = Int(digits.filter { $0 != " " }), number > 0,
            let bytes = number.multiplied(checkedBy: unit?.1 ?? 1), bytes < 1 << 52
        else {
            throw fault("\(found) found, expected a size such as 64G or 64GiB")
        }
        return bytes
    }

    /// Seconds: `90m`, `4h`, `1d` or `HH:MM:SS`, which YAML may take for a number.
    func seconds() throws(ClusterError) -> Int {
        let text = try text()
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
        let limit = 365 * 86_400
        if parts.count == 3, let hours = parts[0], let minutes = parts[1], let seconds = parts[2],
            (0...8760).contains(hours), (0..<60).contains(minutes), (0..<60).contains(seconds),
            hours + minutes + seconds > 0
        {
            return hours * 3600 + minutes * 60 + seconds
        }
        let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        guard let unit = text.last.flatMap({ units[$0] }), let number = Int(text.dropLast()),
            number > 0, let seconds = number.multiplied(checkedBy: unit), seconds <= limit
        else { throw fault("\(found) found, expected a time such as 90m, 4h or 04:00:00") }
        return seconds
    }
}
