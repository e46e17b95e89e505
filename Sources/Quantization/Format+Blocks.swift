internal import CKernels

extension Format {
    /// Encodes rows on an instruction set; false when there is no kernel for it.
    ///
    /// The last argument encodes one block by the reference.
    typealias EncodingKernel =
        @Sendable (
            ingot_isa, _ rows: UnsafePointer<Float>, _ rowCount: Int, _ rowLength: Int,
            _ importance: UnsafePointer<Float>?, _ destination: UnsafeMutableRawPointer,
            ingot_reference
        ) -> Bool

    /// Decodes values on an instruction set; false when there is no kernel for it.
    typealias DecodingKernel =
        @Sendable (
            ingot_isa, _ source: UnsafeRawPointer, _ elementCount: Int,
            _ destination: UnsafeMutablePointer<Float>
        ) -> Bool

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
        requiresImportance: Bool = false, codes: CodeForm? = nil,
        encodingKernel: @escaping EncodingKernel, decodingKernel: @escaping DecodingKernel,
        encodeBlock: @escaping BlockEncoder,
        decodeBlock: @escaping BlockDecoder
    ) {
        self.init(
            name: name, typeID: typeID, blockElementCount: blockElementCount,
            blockByteCount: blockByteCount, requiresImportance: requiresImportance, codes: codes,
            encode: { rows, rowCount, rowLength, importance, destination in
                let isEncoded = encodingKernel(
                    InstructionSet.current.isa, rows, rowCount, rowLength, importance, destination,
                    encodeBlock)
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
                let isa = InstructionSet.current.isa
                if decodingKernel(isa, source, elementCount, destination) { return }
                for index in 0..<elementCount / blockElementCount {
                    decodeBlock(
                        source + index * blockByteCount, destination + index * blockElementCount)
                }
            })
    }
}
