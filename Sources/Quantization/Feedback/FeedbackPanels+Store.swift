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
        _ row: Int, _ index: Int, codes: UnsafeMutablePointer<UInt8>,
        scales storedScales: UnsafeMutablePointer<UInt8>,
        minimums storedMinimums: UnsafeMutablePointer<UInt8>,
        _ destination: UnsafeMutableRawPointer
    ) {
        let (width, length) = (Self.width, format.blockElementCount)
        let (panel, lane, first) = (row / width, row % width, index * length)
        let place = column(panel, first) + lane
        feedback.store(levels + place, stride: width, count: length, codes)
        let groups = group(panel, of: first) + lane
        let unitPlace = block(panel, of: first) + lane
        var (unit, minimumUnit) = (units[unitPlace], minimumUnits[unitPlace])
        switch feedback.scale {
        case .half, .kept, .number: unit = scales[groups]
        case .integers, .none, .zeroPoint: break
        }
        switch feedback.minimum {
        case .half, .zeroPoint: minimumUnit = -minimums[groups]
        case .integers, .none, .kept, .number: break
        }
        for group in 0..<length / feedback.groupLength {
            let place = groups + group * width
            storedScales[group] = feedback.scale.whole(scales[place], unit: unit)
            storedMinimums[group] = feedback.minimum.whole(minimums[place], unit: minimumUnit)
        }
        feedback.pack(
            .init(
                unit: unit, minimumUnit: minimumUnit, scales: storedScales,
                minimums: storedMinimums, codes: codes),
            destination)
    }
}
