import Architectures
import GGUF
import TensorCore

/// How the matrices of linear layers are held.
enum MatrixStorage {
    /// Decoded in the block's buffer.
    case floats
    /// In the block's buffer, as codes where they have codes.
    case codes
    /// In memory for as long as the model runs.
    case resident(ResidentMatrices)
}

/// Hands out places in a buffer of weights, a block's or an expert's, and checks every tensor's
/// shape; then says what to decode to which place.
struct WeightLayout: Sendable {
    /// A tensor's rows and where in the buffer they go.
    struct Piece: Sendable {
        var tensor: Int
        var rowCount: Int
        var rowLength: Int
        var offset: Int
        /// How the rows are held as codes; `nil` where they are decoded.
        var coded: CodedMatrix?
    }

    let tensors: TensorIndex
    let matrices: MatrixStorage
    /// For the tensors of experts: how many there are.
    ///
    /// Their tensors have a further dimension, and the layout is that of one of them; the rows of
    /// the others follow in the same tensors.
    var expertCount: Int?
    /// What to decode.
    private(set) var pieces: [Piece] = []
    /// Biases that a stack has room for and the model does not have.
    private(set) var zeros: [Range<Int>] = []
    /// The length of the buffer.
    private(set) var floatCount = 0

    init(tensors: TensorIndex, matrices: MatrixStorage, expertCount: Int? = nil) {
        self.tensors = tensors
        self.matrices = matrices
        self.expertCount = expertCount
    }

    /// Room for `count` floats after what is there, aligned to 16 floats.
    private mutating func take(_ count: Int, aligned: Bool = true) throws(InferenceError) -> Int {
        let start = aligned ? floatCount.aligned(to: 16) : floatCount
        guard let start, let end = start.adding(checked: count) else {
            throw InferenceError(.outOfMemory(byteCount: .max), path: tensors.source.path)
        }
        floatCount = end
        return start
    }

    private func number(_ name: String, shape: [Int]) throws(InferenceError) -> Int {
        try tensors.number(name, shape: (expertCount.map { [$0] } ?? []) + shape)
    }

    /// Room for a tensor of this shape (of each expert).
    mutating func tensor(
        _ name: String, shape: [Int], aligned: Bool = true
    ) throws(InferenceError) -> Int {
        let tensor = try number(name, shape: shape)
        // The tensor has this shape, so the products do not overflow.
        let rowLength = shape[shape.count - 1]
        let rowCount = shape.dropLast().reduce(1, *)
        let offset = try take(rowCount * rowLength, aligned: aligned)
        pieces.append(
            Piece(tensor: tensor, rowCount: rowCount, rowLength: rowLength, offset: offset))
        return offset
    }

    /// Room for a tensor of this shape, where there is one.
    mutating func tensor(ifNamed name: String?, shape: [Int]) throws(InferenceError) -> Int? {
        guard let name else { return nil }
        return try tensor(name, shape: shape)
    }

    /// Room for a matrix for each head, `[heads, outputs, inputs]`.
    ///
    /// - Parameter isDecoded: Whether they are in the block's buffer whatever holds other matrices.
    mutating func headMatrices(
        _ name: String, headCount: Int, outputs: Int, inputs: Int, isDecoded: Bool
    ) throws(InferenceError) -> HeadMatrices {
        let number = try number(name, shape: [headCount, outputs, inputs])
        let storage: HeadMatrices.Storage =
            switch matrices {
            case .resident(let resident) where !isDecoded:
                .resident(resident, try resident.matrix(number, name))
            case .resident, .floats, .codes:
                .floats(offset: try tensor(name, shape: [headCount, outputs, inputs]))
            }
        return HeadMatrices(
            tensor: name, number: number, headCount: headCount, outputs: outputs, inputs: inputs,
            storage: storage)
    }

    /// Room for a norm of rows of `count`, with weights for each of `heads` heads where given.
    mutating func norm(
        _ norm: BlockDescription.Norm?, count: Int, heads: Int? = nil
    ) throws(InferenceError) -> Norm? {
        guard let norm else { return nil }
        let shape = (heads.map { [$0] } ?? []) + [count]
        var plan = Norm(kind: norm.kind, epsilon: norm.epsilon, count: count)
        plan.weight = try tensor(ifNamed: norm.weight, shape: shape)
        plan.bias = try tensor(ifNamed: norm.bias, shape: shape)
        if heads != nil { plan.headStride = count }
        return plan
    }

    /// Room for one linear layer, where there is one.
    mutating func stack(
        _ projection: BlockDescription.Projection?
    ) throws(InferenceError) -> LinearStack? {
        guard let projection else { return nil }
        return try stack([projection])
    }

    /// Room for linear layers that take the same input.
    mutating func stack(
        _ projections: [BlockDescription.Projection]
    ) throws(InferenceError) -> LinearStack {
        var stack = LinearStack(
            inputs: projections.first?.inputs ?? 0, storage: .floats(offset: try take(0)))
        var places: [LinearStack.Place] = []
        var resident: [ResidentMatrix] = []
        for projection in projections {
            let (rowCount, rowLength) = (projection.outputs, projection.inputs)
            let number = try number(projection.weight, shape: [rowCount, rowLength])
            let format = tensors.source.tensors[number].format
            let coded = CodedMatrix(format: format, rowCount: rowCount, rowLength: rowLength)
            stack.parts.append(
                LinearStack.Part(
                    tensor: projection.weight, number: number,
                    outputs: stack.outputs..<stack.outputs + rowCount,
                    rounding: Rounding(format, coded: coded)))
            stack.outputs += rowCount
            var piece = Piece(
                tensor: number, rowCount: rowCount, rowLength: rowLength, offset: floatCount)
            switch matrices {
            case .resident(let matrices):
                resident.append(try matrices.matrix(number, projection.weight))
                continue
            case .codes: piece.coded = coded
            case .floats: break
            }
            piece.offset = try take(
                piece.coded?.floatCount ?? rowCount * rowLength, aligned: piece.coded != nil)
            pieces.append(piece)
            places.append(LinearStack.Place(offset: piece.offset, coded: piece.coded))
        }
        switch matrices {
        case .floats: break
        case .codes: stack.storage = .codes(places)
        case .resident(let matrices): stack.storage = .resident(matrices, resident)
        }
        stack.bias = try biases(of: projections)
        for (projection, part) in zip(projections, stack.parts) {
            for adapters in projection.adapters {
                stack.adapters.append(
                    try AdapterStack(
                        adapters, behind: part.outputs.lowerBound, inputs: stack.inputs, &self))
            }
        }
        return stack
    }

    private mutating func biases(
        of projections: [BlockDescription.Projection]
    ) throws(InferenceError) -> Int? {
        guard projections.contains(where: { $0.bias != nil }) else { return nil }
        let start = try take(0)
        for projection in projections {
            if let name = projection.bias {
                _ = try tensor(name, shape: [projection.outputs], aligned: false)
            } else {
                let offset = try take(projection.outputs, aligned: false)
                zeros.append(offset..<offset + projection.outputs)
            }
        }
        return start
    }

    /// The pieces cut into jobs of about a millisecond.
    var decodingJobs: [DecodingJob] {
        pieces.flatMap { piece in
            let rows = DecodingJob.rowCount(rowLength: piece.rowLength)
            return stride(from: 0, to: piece.rowCount, by: rows).map {
                DecodingJob(
                    source: tensors.source, piece: piece,
                    rows: $0..<min(piece.rowCount, $0 + rows))
            }
        }
    }

    /// Tells where NaN or infinity come from: a tensor among the decoded ones, or arithmetic.
    func notFinite(_ what: String, in buffer: FloatBuffer, place: String) -> InferenceError {
        let damaged = pieces.first { !$0.isFinite(in: buffer) }
        let path = tensors.source.path
        guard let damaged else {
            return InferenceError(.notFinite(what: what), path: path, place: place)
        }
        return InferenceError(
            .notFinite(what: "its values"), path: path,
            place: tensors.source.tensors[damaged.tensor].name)
    }
}
