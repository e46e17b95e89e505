import Architectures
import Safetensors
import TensorCore

/// The factors of a change in the order in which a GGUF file has the changed tensor.
///
/// What the family's rules do to a matrix they do to its factors: rows that change places do so in
/// `B`, columns in `A`, experts are stacked.
struct AdapterFactors {
    typealias Factor = (shape: Shape, parts: StoredParts)

    let a: Factor
    let b: Factor

    /// Makes the factors of a tensor that the rules have made of changes.
    ///
    /// - Parameter folds: What `B` is multiplied by, by the change.
    /// - Throws: `AdapterError.Kind.inexpressible`
    init(
        _ made: TensorMatcher.Made, folds: (AdapterDirectory.Change) -> Float
    ) throws {
        guard case .stored(let stored) = made.content, stored.change == .none else {
            throw AdapterFactors.inexpressible(made, "a change to a tensor that is computed found")
        }
        let matrices = try stored.parts.map { part in
            guard let matrix = part.values as? ChangedTensor else {
                throw AdapterError(
                    .wholeTensor, path: part.values.path, place: part.values.name)
            }
            return matrix
        }
        let first = matrices[0]
        guard matrices.allSatisfy({ $0.change.rank == first.change.rank }) else {
            throw AdapterFactors.inexpressible(
                made, "changes of different ranks found, which become one tensor")
        }
        let rank = first.change.rank
        var (aParts, bParts): ([StoredParts.Part], [StoredParts.Part]) = ([], [])
        for (part, matrix) in zip(stored.parts, matrices) {
            let views = try AdapterFactors.views(part.view, of: matrix, made)
            let fold = folds(matrix.change)
            aParts.append(.init(values: matrix.change.a, view: views.a, factors: []))
            bParts.append(
                .init(
                    values: matrix.change.b, view: views.b,
                    factors: part.factors + (fold == 1 ? [] : [fold])))
        }
        var outer = made.shape.dimensions
        let (columns, rows) = (outer.removeLast(), outer.removeLast())
        if aParts.count > 1, outer.isEmpty {
            // One matrix of several: a product only where all have the same A.
            for part in aParts.dropFirst() {
                guard try OutputHead.areEqual(part.values, aParts[0].values) else {
                    throw AdapterFactors.inexpressible(
                        made, "changes with different lora_A found, which become one tensor")
                }
            }
            aParts.removeSubrange(1...)
        }
        a = try AdapterFactors.factor(
            first.change.isOfEmbeddings ? [rows, rank] : outer + [rank, columns], aParts, made)
        b = try AdapterFactors.factor(
            first.change.isOfEmbeddings ? [columns, rank] : outer + [rows, rank], bParts, made)
    }

    private static func factor(
        _ dimensions: [Int], _ parts: [StoredParts.Part], _ made: TensorMatcher.Made
    ) throws -> Factor {
        let stored = StoredParts(parts, change: .none)
        guard let shape = Shape(dimensions), stored.starts.last == shape.elementCount else {
            throw inexpressible(made, "a change to a part of its rows found")
        }
        return (shape, stored)
    }

    /// The views of both factors that make a view of their product.
    private static func views(
        _ view: StridedView, of matrix: ChangedTensor, _ made: TensorMatcher.Made
    ) throws -> (a: StridedView, b: StridedView) {
        let change = matrix.change
        let (rows, columns) = (matrix.shape.dimensions[0], matrix.shape.dimensions[1])
        let wholeA = StridedView(elementCount: change.a.shape.elementCount)
        let wholeB = StridedView(elementCount: change.b.shape.elementCount)
        if change.isOfEmbeddings {
            guard made.name == "token_embd.weight", view.isWhole else {
                throw inexpressible(
                    made, "a change to embeddings found that readers do not look for")
            }
            // Readers look tokens up in it: a row for each.
            let byToken = StridedView(
                axes: [.init(count: rows, stride: 1), .init(count: change.rank, stride: rows)],
                offset: 0)
            return (byToken, wholeB)
        }
        if matrix.isTransposed {
            guard
                view.axes == [
                    .init(count: columns, stride: 1), .init(count: rows, stride: columns),
                ]
            else { throw inexpressible(made, "a change to a part of its columns found") }
            return (wholeA, wholeB)
        }
        if let byRows = view.ofRows(from: columns, to: change.rank) { return (wholeA, byRows) }
        if let byColumns = view.ofColumns(rowCount: rows, to: change.rank) {
            return (byColumns, wholeB)
        }
        throw inexpressible(
            made, "a change found that is no product of two matrices in the order of GGUF")
    }

    private static func inexpressible(
        _ made: TensorMatcher.Made, _ what: String
    ) -> AdapterError {
        var place = made.name
        var path = ""
        if case .stored(let stored) = made.content, let part = stored.parts.first {
            path = part.values.path
            place = part.values.name
        }
        return AdapterError(.inexpressible(what), path: path, place: place)
    }
}

extension StridedView {
    /// Whether it is all elements as they are stored.
    fileprivate var isWhole: Bool { offset == 0 && axes == [Axis(count: elementCount, stride: 1)] }

    /// A view that takes whole rows, for rows of another length; `nil` for one that cuts rows.
    func ofRows(from length: Int, to other: Int) -> StridedView? {
        guard let run = axes.last, run.stride == 1, run.count % length == 0, offset % length == 0,
            axes.dropLast().allSatisfy({ $0.stride % length == 0 })
        else { return nil }
        return StridedView(
            axes: axes.dropLast().map { Axis(count: $0.count, stride: $0.stride / length * other) }
                + [Axis(count: run.count / length * other, stride: 1)],
            offset: offset / length * other)
    }

    /// A view that takes all rows in turn and reorders the elements of each, for another number of
    /// rows; `nil` for any other.
    fileprivate func ofColumns(rowCount: Int, to other: Int) -> StridedView? {
        guard offset == 0, let rows = axes.first, rows.count == rowCount, axes.count > 1,
            axes.dropFirst().reduce(1, { $0 * $1.count }) == rows.stride,
            axes.dropFirst().allSatisfy({ $0.stride < rows.stride })
        else { return nil }
        return StridedView(
            axes: [Axis(count: other, stride: rows.stride)] + axes.dropFirst(), offset: 0)
    }
}
