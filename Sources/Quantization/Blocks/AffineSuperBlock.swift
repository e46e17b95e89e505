/// What Q2_K, Q4_K and Q5_K have in common.
///
/// A super-block has 256 values in sub-blocks, each with its own scale and minimum, which are
/// small integers times the super-block's `d` and `dmin`:
///
///     value = d * scale * code - dmin * minimum
struct AffineSuperBlock: Sendable {
    /// How values are weighted when there is no importance matrix.
    enum Weighting: Sendable {
        /// |x|
        case magnitude
        /// |x| + sqrt(mean of x² over the sub-block)
        case magnitudeAndSpread
    }

    /// When integer scales and minimums are limited to what their bits hold.
    ///
    /// It matters for negative scales alone, whose integers wrap to large ones: blocks with
    /// weights of many orders of magnitude get there.
    enum Limited: Sendable {
        case never, withoutImportance, always
    }

    /// Values in a sub-block.
    let subBlockLength: Int
    /// The largest code.
    let n: Int32
    /// The largest integer scale and minimum.
    let scaleN: Int32
    let weighting: Weighting
    /// The error measured without an importance matrix; with one it is the squared error.
    let measure: ScaleSearch.ErrorMeasure
    /// The grids tried without an importance matrix.
    let candidates: ScaleSearch.Candidates
    /// What the mean of x² over the super-block is multiplied with to get the variance of
    /// `ScaleSearch.weights`.
    let varianceFactor: Float
    /// Whether integer scales are limited to `scaleN`.
    let limited: Limited
    /// How the integer scales and minimums are stored.
    let pairs: ScalePairs
    let pairsOffset: Int
    /// Where `d` is stored; `dmin` follows.
    let dOffset: Int

    /// Values in a super-block.
    static let elementCount = 256
    /// The number of sub-blocks.
    var subBlockCount: Int { Self.elementCount / subBlockLength }

    /// Quantizes one super-block.
    ///
    /// Stores `d`, `dmin` and the scale pairs in `block` and passes the 256 codes to `pack`.
    func quantize(
        _ values: UnsafePointer<Float>, _ importance: UnsafePointer<Float>?,
        _ block: UnsafeMutableRawPointer, pack: (_ codes: UnsafePointer<UInt8>) -> Void
    ) {
        withScratch(Self.elementCount + 32, of: UInt8.self) { codes in
            let (scaleCodes, minimumCodes) = (codes + 256, codes + 272)
            withScratch(3 * 16 + subBlockLength, of: Float.self) { scratch in
                let (scales, minimums, sums) = (scratch, scratch + 16, scratch + 32)
                fit(values, importance, codes, scales, minimums, sums, weights: scratch + 48)
                let divide = importance == nil ? spread : search
                block.setF16(dOffset, divide(scales, sums, scaleCodes))
                block.setF16(dOffset + 2, divide(minimums, sums, minimumCodes))
            }
            pairs.store(scaleCodes, minimumCodes, block + pairsOffset)
            encode(values, block, codes)
            pack(codes)
        }
    }

    /// How these blocks are rounded with error feedback.
    func feedback(
        pack:
            @escaping @Sendable (_ codes: UnsafePointer<UInt8>, _ block: UnsafeMutableRawPointer)
            -> Void
    ) -> FeedbackForm {
        FeedbackForm(
            groupLength: subBlockLength, levels: .integers(0...Int(n)),
            scale: .integers(0...Int(scaleN), unitOffset: dOffset),
            minimum: .integers(0...Int(scaleN), unitOffset: dOffset + 2)
        ) { fields, block in
            block.setF16(dOffset, fields.unit)
            block.setF16(dOffset + 2, fields.minimumUnit)
            pairs.store(fields.scales, fields.minimums, block + pairsOffset)
            pack(fields.codes, block)
        }
    }

    /// Finds the scale and the minimum of every sub-block, and the sum of its weights.
    private func fit(
        _ values: UnsafePointer<Float>, _ importance: UnsafePointer<Float>?,
        _ codes: UnsafeMutablePointer<UInt8>, _ scales: UnsafeMutablePointer<Float>,
        _ minimums: UnsafeMutablePointer<Float>, _ sums: UnsafeMutablePointer<Float>,
        weights: UnsafeMutablePointer<Float>
    ) {
        let variance =
            importance == nil
            ? 0 : varianceFactor * ScaleSearch.sumOfSquares(values, 256) / 256
        for j in 0..<subBlockCount {
            let start = j * subBlockLength
            if let importance {
                ScaleSearch.weights(
                    values + start, importance + start, subBlockLength, variance: variance,
                    into: weights)
                sums[j] = ScaleSearch.sum(weights, subBlockLength)
            } else {
                setWeights(values + start, weights)
            }
            (scales[j], minimums[j]) = ScaleSearch.affine(
                values + start, subBlockLength, n: n, weights: weights,
                measure: importance == nil ? measure : .squared,
                candidates: importance == nil ? candidates : .weighted, codes: codes + start)
        }
    }

    private func setWeights(
        _ values: UnsafePointer<Float>, _ weights: UnsafeMutablePointer<Float>
    ) {
        switch weighting {
        case .magnitude:
            for index in 0..<subBlockLength { weights[index] = abs(values[index]) }
        case .magnitudeAndSpread:
            let sum = ScaleSearch.sumOfSquares(values, subBlockLength)
            let spread = (sum / Float(subBlockLength)).squareRoot()
            for index in 0..<subBlockLength { weights[index] = spread + abs(values[index]) }
        }
    }

    /// Spreads `0...scaleN` evenly up to the largest of the sub-blocks' values; returns the step.
    private func spread(
        _ values: UnsafePointer<Float>, _: UnsafePointer<Float>,
        _ codes: UnsafeMutablePointer<UInt8>
    ) -> Float {
        var largest: Float = 0
        for j in 0..<subBlockCount where values[j] > largest { largest = values[j] }
        let inverse = largest > 0 ? Float(scaleN) / largest : 0
        for j in 0..<subBlockCount {
            codes[j] = UInt8(truncatingIfNeeded: ScaleSearch.nearest(inverse * values[j]))
            if limited != .never { codes[j] = min(codes[j], UInt8(scaleN)) }
        }
        return largest / Float(scaleN)
    }

    /// Searches for the step with an importance matrix.
    private func search(
        _ values: UnsafePointer<Float>, _ sums: UnsafePointer<Float>,
        _ codes: UnsafeMutablePointer<UInt8>
    ) -> Float {
        let step = ScaleSearch.positive(
            values, subBlockCount, n: scaleN, weights: sums, codes: codes)
        if limited == .always {
            for j in 0..<subBlockCount { codes[j] = min(codes[j], UInt8(scaleN)) }
        }
        return step
    }

    /// Chooses the codes again, for the scales and minimums as they are stored.
    ///
    /// A sub-block whose scale became 0 keeps the codes of its search.
    private func encode(
        _ values: UnsafePointer<Float>, _ block: UnsafeRawPointer,
        _ codes: UnsafeMutablePointer<UInt8>
    ) {
        let (d, dmin) = (block.f16(dOffset), block.f16(dOffset + 2))
        for j in 0..<subBlockCount {
            let pair = pairs.load(block + pairsOffset, j)
            let scale = d * Float(pair.scale)
            if scale == 0 { continue }
            let minimum = dmin * Float(pair.minimum)
            for index in j * subBlockLength..<(j + 1) * subBlockLength {
                let code = ScaleSearch.nearest((values[index] + minimum) / scale, in: 0...n)
                codes[index] = UInt8(code)
            }
        }
    }
}
