internal import CKernels

extension Format {
    /// Encodes one block; `variance` is the row's mean square, 0 without importance.
    typealias BlockEncoder =
        @convention(c) @Sendable (
            _ values: UnsafePointer<Float>, _ importance: UnsafePointer<Float>?,
            _ variance: Float, _ block: UnsafeMutableRawPointer
        ) -> Void

    /// Decodes one block.
    typealias BlockDecoder =
        @Sendable (_ block: UnsafeRawPointer, _ values: UnsafeMutablePointer<Float>) -> Void

    /// Declares a format of blocks: kernels for the instruction sets, and the reference in Swift
    /// that states the algorithm and serves where there is no kernel.
    init(
        name: String, typeID: UInt32, blockElementCount: Int, blockByteCount: Int,
        fallbacks: [Format], importance: ImportanceUse, insteadOfRecipe: String? = nil,
        codes: ingot_code_form, feedback: FeedbackForm? = nil, kernels: BlockKernels,
        encodeBlock: @escaping BlockEncoder,
        decodeBlock: @escaping BlockDecoder
    ) {
        self.init(
            name: name, typeID: typeID, blockElementCount: blockElementCount,
            blockByteCount: blockByteCount, fallbacks: fallbacks, importance: importance,
            insteadOfRecipe: insteadOfRecipe, codes: CodeForm(codes, unpack: kernels.unpack),
            feedback: feedback,
            encode: { rows, rowCount, rowLength, importance, destination in
                let isEncoded = kernels.encode(
                    rows, rowCount, rowLength, importance, destination, encodeBlock)
                if isEncoded { return }
                let perRow = rowLength / blockElementCount
                for row in 0..<rowCount {
                    let values = rows + row * rowLength
                    let variance =
                        importance == nil
                        ? 0 : ScaleSearch.sumOfSquares(values, rowLength) / Float(rowLength)
                    for index in 0..<perRow {
                        encodeBlock(
                            values + index * blockElementCount,
                            importance.map { $0 + index * blockElementCount }, variance,
                            destination + (row * perRow + index) * blockByteCount)
                    }
                }
            },
            decode: { source, elementCount, destination in
                if kernels.decode(source, elementCount, destination) { return }
                for index in 0..<elementCount / blockElementCount {
                    decodeBlock(
                        source + index * blockByteCount, destination + index * blockElementCount)
                }
            })
    }
}

/// The kernels of a format, for the current instruction set; each returns false when there is none
/// for it.
struct BlockKernels: Sendable {
    /// Encodes rows; the last argument encodes one block by the reference.
    let encode:
        @Sendable (
            _ rows: UnsafePointer<Float>, _ rowCount: Int, _ rowLength: Int,
            _ importance: UnsafePointer<Float>?, _ destination: UnsafeMutableRawPointer,
            _ reference: ingot_reference
        ) -> Bool
    /// Decodes values.
    let decode:
        @Sendable (
            _ source: UnsafeRawPointer, _ elementCount: Int,
            _ destination: UnsafeMutablePointer<Float>
        ) -> Bool
    /// Unpacks blocks to integers.
    let unpack: CodeForm.Unpacker

    /// Kernels that need nothing but their blocks.
    init(_ kernels: ingot_kernels) {
        encode = { rows, rowCount, rowLength, importance, destination, reference in
            kernels.encode(
                InstructionSet.current.isa, rows, rowCount, rowLength, importance, destination,
                reference)
        }
        decode = { kernels.decode(InstructionSet.current.isa, $0, $1, $2) }
        unpack = { kernels.unpack(InstructionSet.current.isa, $0, $1, $2, $3, $4) }
    }

    /// Kernels that look points of a grid up; the grid is made at the first use.
    init(
        _ kernels: ingot_grid_kernels, grid: @autoclosure @escaping @Sendable () -> GridCodebook
    ) {
        encode = { rows, rowCount, rowLength, importance, destination, _ in
            kernels.encode(
                InstructionSet.current.isa, grid().tables, rows, rowCount, rowLength, importance,
                destination)
        }
        decode = { kernels.decode(InstructionSet.current.isa, grid().tables, $0, $1, $2) }
        unpack = { source, elementCount, codes, scales, _ in
            kernels.unpack(
                InstructionSet.current.isa, grid().tables, source, elementCount, codes, scales)
        }
    }
}
