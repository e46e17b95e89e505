/// Finds the block that holds given values exactly, where there is one.
///
/// Weights that were trained on a grid, or decoded from a quantized file, are levels times scales, rounded
/// to what the source stores. The format's own encoder may miss their scales: it looks for the least
/// error from a few beginnings. Here the scales that all values allow are intersected group by group,
/// then the units of which they are whole multiples, and a block counts when decoding it and rounding to
/// the source's format gives every value back.
struct GridFit {
    let format: Format
    let form: FeedbackForm
    let levels: GridLevels
    let precision: StoredPrecision

    /// `nil` where the format has no such grid.
    init?(_ format: Format, storedAs source: Format) {
        guard let form = format.feedback, let levels = GridLevels(form.levels) else { return nil }
        self.format = format
        self.form = form
        self.levels = levels
        precision = StoredPrecision(source)
    }

    private var length: Int { format.blockElementCount }
    private var groupCount: Int { length / form.groupLength }
    private var hasMinimum: Bool { if case .none = form.minimum { false } else { true } }

    /// Encodes a block; what is in `block` counts only where the result is true.
    func encode(_ values: UnsafePointer<Float>, into block: UnsafeMutableRawPointer) -> Bool {
        format.encode?(values, 1, length, nil, block)
        if holds(values, block) { return true }
        if case .kept = form.scale { return false }
        var groups: [GridGroup] = []
        for index in 0..<groupCount {
            guard
                let group = GridGroup(
                    values + index * form.groupLength, count: form.groupLength, levels: levels,
                    hasMinimum: hasMinimum, precision: precision)
            else { return false }
            groups.append(group)
        }
        switch form.scale {
        case .half: return encodeAlone(groups[0], values, block)
        case .integers(let range, _, _, _): return encode(groups, range, values, block)
        case .none, .kept, .number, .zeroPoint: return false
        }
    }

    /// Whether the block decodes to the values.
    private func holds(_ values: UnsafePointer<Float>, _ block: UnsafeRawPointer) -> Bool {
        var isSame = true
        withScratch(length, of: Float.self) { decoded in
            format.decode?(block, length, decoded)
            for index in 0..<length where precision.rounded(decoded[index]) != values[index] {
                isSame = false
                break
            }
        }
        return isSame
    }

    /// A block that is one group, whose scale and minimum are binary16 numbers.
    private func encodeAlone(
        _ group: GridGroup, _ values: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer
    ) -> Bool {
        for way in group.ways {
            for scale in way.scale.halves {
                guard hasMinimum else {
                    if store(values, Choice(unit: scale), block) { return true }
                    continue
                }
                let first = group.minimum(scale: Double(scale))
                for shift in 0...max(0, levels.highest - way.reach) {
                    for minimum in (first + Double(scale) * Double(shift)).halves {
                        let choice = Choice(unit: scale, minimumUnit: minimum)
                        if store(values, choice, block) { return true }
                    }
                }
            }
        }
        return false
    }

    /// A block whose groups have whole multiples of a unit as scales.
    private func encode(
        _ groups: [GridGroup], _ range: ClosedRange<Int>, _ values: UnsafePointer<Float>,
        _ block: UnsafeMutableRawPointer
    ) -> Bool {
        let scaled = groups.indices.filter { !groups[$0].isFlat }
        guard let reference = scaled.min(by: { groups[$0].isBefore(groups[$1]) }) else {
            let choice = Choice(unit: 0, wholes: groups.map { _ in 0 })
            return encodeMinimums(groups, groups.map { _ in 0 }, choice, values, block)
        }
        for way in groups[reference].ways {
            for whole in range.sorted(by: { abs($0) > abs($1) }) where whole != 0 {
                guard
                    let found = unit(
                        way.scale.divided(by: Double(whole)), groups, scaled, range)
                else { continue }
                for unit in found.span.halves {
                    let choice = Choice(unit: unit, wholes: found.wholes)
                    if encodeMinimums(groups, found.reaches, choice, values, block) { return true }
                }
            }
        }
        return false
    }

    /// What is left of the units that a unit may be, when all groups' scales are multiples.
    private func unit(
        _ start: Span, _ groups: [GridGroup], _ scaled: [Int], _ range: ClosedRange<Int>
    ) -> (span: Span, wholes: [Int], reaches: [Int])? {
        var span = start
        var wholes = [Int](repeating: 0, count: groups.count)
        var reaches = wholes
        for index in scaled {
            guard span.middle != 0 else { return nil }
            var isFound = false
            for way in groups[index].ways {
                let quotient = (way.scale.middle / span.middle).rounded()
                guard quotient != 0, abs(quotient) < 1e6, range.contains(Int(quotient)) else {
                    continue
                }
                let left = span.intersection(way.scale.divided(by: quotient))
                guard !left.isEmpty else { continue }
                (span, wholes[index], reaches[index]) = (left, Int(quotient), way.reach)
                isFound = true
                break
            }
            guard isFound else { return nil }
        }
        return (span, wholes, reaches)
    }

    /// Units and whole multiples.
    private struct Choice {
        var unit: Float
        var minimumUnit: Float = 0
        var wholes: [Int] = []
        var minimums: [Int] = []
    }

    /// Finds the unit of the minimums, where there are any, and stores the block.
    private func encodeMinimums(
        _ groups: [GridGroup], _ reaches: [Int], _ choice: Choice,
        _ values: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer
    ) -> Bool {
        guard case .integers(let range, _, _, _) = form.minimum else {
            return store(values, choice, block)
        }
        let scales = choice.wholes.map { Double(choice.unit) * Double($0) }
        // The minimums of every group, by the level that its lowest value may be.
        let options = groups.indices.map { index -> [Span] in
            let first = groups[index].minimum(scale: scales[index])
            let shifts = scales[index] > 0 ? max(0, levels.highest - reaches[index]) : 0
            return (0...shifts).map { first + scales[index] * Double($0) }
                .filter { !$0.isEmpty && $0.high >= 0 }
        }
        guard options.allSatisfy({ !$0.isEmpty }) else { return false }
        var choice = choice
        choice.minimums = [Int](repeating: 0, count: groups.count)
        let needed = options.indices.filter { !options[$0].contains { $0.low <= 0 } }
        guard
            let reference = needed.min(by: {
                (options[$0].count, -options[$0][0].middle) < (
                    options[$1].count, -options[$1][0].middle
                )
            })
        else { return store(values, choice, block) }
        for option in options[reference] {
            for whole in stride(from: range.upperBound, to: 0, by: -1) {
                guard
                    let found = minimumUnit(option.divided(by: Double(whole)), options, range)
                else { continue }
                choice.minimums = found.wholes
                for unit in found.span.halves {
                    choice.minimumUnit = unit
                    if store(values, choice, block) { return true }
                }
            }
        }
        return false
    }

    private func minimumUnit(
        _ start: Span, _ options: [[Span]], _ range: ClosedRange<Int>
    ) -> (span: Span, wholes: [Int])? {
        var span = Span(max(0, start.low), start.high)
        guard span.high > 0 else { return nil }
        var wholes = [Int](repeating: 0, count: options.count)
        for index in options.indices {
            var isFound = false
            for option in options[index] {
                let quotient = (option.middle / span.middle).rounded()
                if option.low <= 0, quotient <= 0 {
                    isFound = true
                    break
                }
                guard quotient > 0, quotient < 1e6, range.contains(Int(quotient)) else { continue }
                let left = span.intersection(option.divided(by: quotient))
                guard !left.isEmpty else { continue }
                (span, wholes[index]) = (left, Int(quotient))
                isFound = true
                break
            }
            guard isFound else { return nil }
        }
        return (span, wholes)
    }

    /// Chooses the levels for scales and minimums, and stores the block.
    ///
    /// - Returns: Whether it holds the values.
    private func store(
        _ values: UnsafePointer<Float>, _ choice: Choice, _ block: UnsafeMutableRawPointer
    ) -> Bool {
        withScratch(length, of: Float.self) { found in
            withScratch(length + 32, of: UInt8.self) { codes in
                let (scales, minimums) = (codes + length, codes + length + 16)
                for group in 0..<groupCount {
                    var scale = choice.unit
                    var minimum: Float = 0
                    if case .integers(let range, _, _, _) = form.scale {
                        scale *= Float(choice.wholes[group])
                        scales[group] = UInt8(clamping: choice.wholes[group] - range.lowerBound)
                    }
                    if case .integers(let range, _, _, _) = form.minimum {
                        minimum = choice.minimumUnit * Float(choice.minimums[group])
                        minimums[group] = UInt8(
                            clamping: choice.minimums[group] - range.lowerBound)
                    } else if case .half = form.minimum {
                        minimum = choice.minimumUnit
                    }
                    for index in group * form.groupLength..<(group + 1) * form.groupLength {
                        let level =
                            scale != 0
                            ? (Double(values[index]) + Double(minimum)) / Double(scale) : 0
                        found[index] = Float(levels.nearest(level))
                    }
                }
                form.store(found, stride: 1, count: length, codes)
                // It was found as what is taken off.
                var added = choice.minimumUnit
                if case .half = form.minimum { added = -added }
                form.pack(
                    .init(
                        unit: choice.unit, minimumUnit: added, scales: scales, minimums: minimums,
                        codes: codes),
                    block)
            }
        }
        return holds(values, block)
    }
}

extension GridGroup {
    /// Whether its scale says more of the unit than another's: it can be fewer, and is larger.
    fileprivate func isBefore(_ other: GridGroup) -> Bool {
        (ways.count, -abs(ways[0].scale.middle)) < (
            other.ways.count, -abs(other.ways[0].scale.middle)
        )
    }
}

extension Format {
    /// Encodes a row whose values are all of the format's own: levels times scales that its blocks can
    /// hold, rounded to the format that the row is stored in.
    ///
    /// - Parameters:
    ///   - row: `count` finite values, whole blocks.
    ///   - source: The format in which the row is stored; F16 and BF16 round, all others are taken as
    ///     exact.
    ///   - destination: Room for the row. What is there counts only where the result is true.
    /// - Returns: Whether decoding gives every value back, rounded as the source's are.
    /// - Complexity: Some dozen operations for a value; of rows that are not such, little more than the
    ///   encoder's for the first block.
    public func encodeExactly(
        _ row: UnsafePointer<Float>, count: Int, storedAs source: Format,
        into destination: UnsafeMutableRawPointer
    ) -> Bool {
        precondition(fits(rowLength: count))
        guard encode != nil, decode != nil, let fit = GridFit(self, storedAs: source) else {
            return false
        }
        for block in 0..<count / blockElementCount {
            let isExact = fit.encode(
                row + block * blockElementCount, into: destination + block * blockByteCount)
            guard isExact else { return false }
        }
        return true
    }
}
