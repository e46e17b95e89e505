import TensorCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What makes it doubtful that two importance matrices, or one and a model, belong together.
public enum ImportanceWarning: Sendable, Hashable, CustomStringConvertible {
    /// The files were made with windows of different lengths.
    case otherWindows(path: String, found: Int, expected: Int)
    /// Some tensors are in one only.
    case otherTensors(path: String, onlyThere: [String], onlyHere: [String])
    /// The columns that matter in one do not matter in the other.
    case otherColumns(path: String, correlation: Double)
    /// Entries that no tensor of the model has.
    case unmatched(path: String, names: [String], entryCount: Int, model: String)

    /// Whether it is about what the columns weigh.
    public var isOfColumns: Bool { if case .otherColumns = self { true } else { false } }

    /// The warning as a sentence.
    public var description: String {
        func shown(_ names: [String]) -> String {
            names.prefix(3).joined(separator: ", ") + (names.count > 3 ? ", …" : "")
        }
        switch self {
        case .otherWindows(let path, let found, let expected):
            return "\(path): made with windows of \(found) tokens, added to ones of \(expected)"
                + " (-c tells the length)"
        case .otherTensors(let path, let there, let here):
            let parts = [
                there.isEmpty ? nil : "\(there.count) only there (\(shown(there)))",
                here.isEmpty ? nil : "\(here.count) not there (\(shown(here)))",
            ]
            return "\(path): other tensors than what it is added to: "
                + parts.compactMap(\.self).joined(separator: ", ") + "; is it of another model?"
        case .otherColumns(let path, let correlation):
            let rounded = (correlation * 100).rounded() / 100
            return "\(path): other columns matter than in what it is added to (correlation"
                + " \(rounded)); is it of another model?"
        case .unmatched(let path, let names, let count, let model):
            return "\(path): \(names.count) of \(count) entries name no tensor of \(model):"
                + " \(shown(names)); is it of another model?"
        }
    }
}

extension ImportanceSums {
    /// What makes it doubtful that `other` is of the same model as these sums.
    ///
    /// - Throws: `GGUFError` when no tensor is in both.
    /// - Complexity: O(values).
    public func warnings(
        adding other: ImportanceSums, path: String
    ) throws(GGUFError) -> [ImportanceWarning] {
        guard !entries.isEmpty, !other.entries.isEmpty else { return [] }
        let common = entries.keys.filter { other.entries[$0] != nil }
        guard !common.isEmpty else {
            throw GGUFError(
                .otherModel(
                    found: "entries of other tensors (\(other.entries.keys.min() ?? ""), …)",
                    expected: "those of what it is added to (\(entries.keys.min() ?? ""), …)"),
                path: path)
        }
        var warnings: [ImportanceWarning] = []
        let there = other.entries.keys.filter { entries[$0] == nil }.sorted()
        let here = entries.keys.filter { other.entries[$0] == nil }.sorted()
        // Output matrices are asked for or not.
        if (there + here).contains(where: { $0 != "output.weight" }) {
            warnings.append(.otherTensors(path: path, onlyThere: there, onlyHere: here))
        }
        if other.chunkSize != chunkSize {
            warnings.append(
                .otherWindows(path: path, found: other.chunkSize, expected: chunkSize))
        }
        let correlations = common.compactMap { name in
            entries[name].flatMap { own in
                other.entries[name].flatMap { own.correlation(with: $0) }
            }
        }.sorted()
        if correlations.count >= 4 {
            let median = correlations[correlations.count / 2]
            if median < ImportanceSums.leastCorrelation {
                warnings.append(.otherColumns(path: path, correlation: median))
            }
        }
        return warnings
    }

    /// In a small model prose and noise in another script correlate by 0.15, prose and program text
    /// by 0.5; models that have nothing in common are mostly within 0.08 of 0 (three pairs of thirty
    /// tiny ones reached 0.4, which this does not tell).
    private static let leastCorrelation = 0.1

    /// Checks the entries against a model's tensors.
    ///
    /// - Throws: `GGUFError` when an entry has another length than the tensor of its name, or none
    ///   names a tensor.
    public func check(
        with tensors: [TensorDescription], model: String, path: String
    ) throws(GGUFError) -> [ImportanceWarning] {
        var shapes: [String: Shape] = [:]
        for tensor in tensors { shapes[tensor.name] = tensor.shape }
        for (name, entry) in entries {
            guard let shape = shapes[name] else { continue }
            let matrices = shape.rank > 2 ? shape.dimensions.dropLast(2).reduce(1, *) : 1
            guard entry.sums.count == shape.rowLength * matrices else {
                throw GGUFError(
                    .otherModel(
                        found: "\(entry.sums.count) values",
                        expected: "\(shape.rowLength * matrices) as \(model) has"), path: path,
                    place: name)
            }
        }
        let unmatched = entries.keys.filter { shapes[$0] == nil }.sorted()
        guard unmatched.count < entries.count || entries.isEmpty else {
            throw GGUFError(
                .otherModel(
                    found: "entries of other tensors (\(unmatched.first ?? ""), …)",
                    expected: "those of \(model)"), path: path)
        }
        return ImportanceWarning.unmatched(
            unmatched, of: entries.count, path: path, model: model)
    }
}

extension ImportanceWarning {
    fileprivate static func unmatched(
        _ names: [String], of count: Int, path: String, model: String
    ) -> [ImportanceWarning] {
        // There is none where the output matrix is the token embedding.
        let names = names.filter { $0 != "output.weight" }
        return names.isEmpty
            ? [] : [.unmatched(path: path, names: names, entryCount: count, model: model)]
    }
}

extension ImportanceMatrix {
    /// What makes it doubtful that the matrix is of the model with these tensors.
    public func warnings(for source: any TensorSource) -> [ImportanceWarning] {
        let known = Set(source.tensors.map { ByteString($0.name) })
        let names = entries.keys.filter { !known.contains($0) }.map(\.description).sorted()
        return ImportanceWarning.unmatched(
            names, of: entries.count, path: path, model: source.path)
    }
}

extension ImportanceSums.Entry {
    /// How far the same columns matter in both: Pearson's correlation of the logarithms of the mean
    /// squares; `nil` where there are few columns, or other ones.
    fileprivate func correlation(with other: Self) -> Double? {
        guard sums.count == other.sums.count, !counts.isEmpty, !other.counts.isEmpty else {
            return nil
        }
        func mean(_ entry: Self, _ index: Int) -> Double {
            let count = entry.counts[index / (entry.sums.count / entry.counts.count)]
            return count > 0 ? entry.sums[index] / count : 0
        }
        var (count, x, y, xx, yy, xy) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        for index in sums.indices {
            let (left, right) = (mean(self, index), mean(other, index))
            guard left > 0, right > 0 else { continue }
            let (a, b) = (log(left), log(right))
            count += 1
            x += a
            y += b
            xx += a * a
            yy += b * b
            xy += a * b
        }
        let variances = (xx - x * x / count) * (yy - y * y / count)
        guard count >= 16, variances > 0 else { return nil }
        return (xy - x * y / count) / variances.squareRoot()
    }
}
