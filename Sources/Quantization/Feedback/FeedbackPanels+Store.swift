extension FeedbackPanels {
    /// Packs all blocks of all rows.
    func store(_ destination: UnsafeMutableRawPointer) {
        let length = format.blockElementCount
        let blockCount = columnCount / length
        withScratch(length + 32, of: UInt8.self) { codes in
            for row in 0..<rowCount {
                for block in 0..<blockCount {
                    store(
                        row, block, codes: codes, scales: codes + length,
                        minimums: codes + length + 16,
                        destination + (row * blockCount + block) * format.blockByteCount)
                }
            }
        }
    }

    private func store(
        _ row: Int, _ block: Int, codes: UnsafeMutablePointer<UInt8>,
        scales storedScales: UnsafeMutablePointer<UInt8>,
        minimums storedMinimums: UnsafeMutablePointer<UInt8>,
        _ destination: UnsafeMutableRawPointer
    ) {
        let (width, length) = (Self.width, format.blockElementCount)
        let (panel, lane, groupLength) = (row / width, row % width, feedback.groupLength)
        let place = part(panel, columnCount, at: block * length) + lane
        for column in 0..<length { codes[column] = feedback.code(levels[place + column * width]) }
        let groups =
            part(
                panel, columnCount / groupLength, at: block * length / groupLength) + lane
        let unitPlace = part(panel, columnCount / length, at: block) + lane
        var (unit, minimumUnit) = (units[unitPlace], minimumUnits[unitPlace])
        if case .half = feedback.scale { unit = scales[groups] }
        if case .half = feedback.minimum { minimumUnit = -minimums[groups] }
        for group in 0..<length / groupLength {
            let (scale, minimum) = (
                scales[groups + group * width], minimums[groups + group * width]
            )
            storedScales[group] = Self.whole(scale, unit, feedback.scale)
            storedMinimums[group] = Self.whole(minimum, minimumUnit, feedback.minimum)
        }
        feedback.pack(
            .init(
                unit: unit, minimumUnit: minimumUnit, scales: storedScales,
                minimums: storedMinimums, codes: codes),
            destination)
    }

    /// A number in units, counted from the least that can be stored.
    private static func whole(
        _ value: Float, _ unit: Float, _ parameter: FeedbackForm.Parameter
    ) -> UInt8 {
        guard case .integers(let range, _) = parameter else { return 0 }
        let quotient = unit != 0 ? (value / unit).rounded(.toNearestOrEven) : 0
        let whole = abs(quotient) < 0x1p20 ? Int(quotient) : 0
        return UInt8(
            clamping: min(max(whole, range.lowerBound), range.upperBound) - range.lowerBound)
    }
}
