extension ProjectorLayout {
    /// One of three equal parts of the outermost dimension.
    @inline(never)
    static func third(_ index: Int) -> Self { share(index, of: 3) }

    /// One of equal parts of the outermost dimension.
    @inline(never)
    static func share(_ index: Int, of count: Int) -> Self {
        .init { stored, _ in
            guard let rows = stored.first, rows % count == 0 else { return nil }
            return .init(
                view: .reshaped(stored.map { .constant($0) }).narrowed(
                    0, from: .constant(index * (rows / count)), count: .constant(rows / count)),
                shape: [rows / count] + stored.dropFirst())
        }
    }

    /// One of two frames of kernels `[outputs, channels, 2, height, width]`.
    @inline(never)
    static func frame(_ index: Int) -> Self {
        .init { stored, _ in
            guard stored.count == 5, stored[2] == 2 else { return nil }
            return .init(
                view: .reshaped(stored.map { .constant($0) }).narrowed(2, from: .constant(index)),
                shape: [stored[0], stored[1], stored[3], stored[4]])
        }
    }

    /// Rows of each head from two halves to neighbouring pairs.
    @inline(never)
    static func rotaryPairs(_ key: String) -> Self {
        .init { stored, model throws(ArchitectureError) in
            guard let heads = try model.vision?.required(key), let rows = stored.first,
                rows % (2 * heads) == 0
            else { return nil }
            return .init(
                view: .rotaryPairs(heads: .constant(heads), of: stored.map { .constant($0) }),
                shape: stored)
        }
    }

    /// The same elements with other dimensions.
    @inline(never)
    static func shaped(_ shape: @escaping @Sendable ([Int]) -> [Int]?) -> Self {
        .init { stored, _ in
            guard let result = shape(stored) else { return nil }
            return .init(view: .reshaped(result.map { .constant($0) }), shape: result)
        }
    }

    /// The elements seen as a box with its sides in another order.
    @inline(never)
    static func permuted(
        _ order: [Int], as box: @escaping @Sendable ([Int], ProjectorModel) -> [Int]?
    ) -> Self {
        .init { stored, model in
            guard let sides = box(stored, model), sides.count == order.count else { return nil }
            return .init(
                view: .reshaped(sides.map { .constant($0) }).permuted(order),
                shape: order.map { sides[$0] })
        }
    }

    /// Linear patches, their pixels' colours innermost, as kernels `[outputs, 3, side, side]`.
    static let pixelsToKernels = ProjectorLayout.permuted([0, 3, 1, 2]) { stored, _ in
        guard stored.count == 2, stored[1] % 3 == 0 else { return nil }
        let side = Int(Double(stored[1] / 3).squareRoot())
        return side * side * 3 == stored[1] ? [stored[0], side, side, 3] : nil
    }

    /// Linear patches, their colours outermost, as kernels `[outputs, 3, side, side]`.
    static let planesToKernels = ProjectorLayout.shaped { stored in
        guard stored.count == 2, stored[1] % 3 == 0 else { return nil }
        let side = Int(Double(stored[1] / 3).squareRoot())
        return side * side * 3 == stored[1] ? [stored[0], 3, side, side] : nil
    }

    /// The same elements without a dimension of 1.
    @inline(never)
    static func without(_ axis: Int, ofRank rank: Int) -> Self {
        .shaped { stored in
            guard stored.count == rank else { return stored }
            guard stored[axis] == 1 else { return nil }
            return stored.enumerated().filter { $0.offset != axis }.map(\.element)
        }
    }
}
