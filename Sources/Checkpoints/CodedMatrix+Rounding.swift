import TensorCore

extension CodedMatrix {
    /// Rounds rows to nearest: a scale from the largest magnitude of what shares it, then every value
    /// to the nearest code.
    ///
    /// - Parameters:
    ///   - range: Rows of the matrix, whole rows of cells.
    ///   - rows: Their values.
    ///   - largest: The largest magnitude of the matrix, where one scale is for all of it.
    package func round(_ range: Range<Int>, _ rows: UnsafePointer<Float>, largest: Float) {
        for first in stride(from: range.lowerBound, to: range.upperBound, by: cell.rows) {
            let band = first..<min(first + cell.rows, range.upperBound)
            for start in stride(from: 0, to: columnCount, by: cell.columns) {
                let columns = start..<min(start + cell.columns, columnCount)
                round(band, columns, rows - range.lowerBound * columnCount, largest)
            }
        }
    }

    private func round(
        _ band: Range<Int>, _ columns: Range<Int>, _ rows: UnsafePointer<Float>, _ largest: Float
    ) {
        let place = place(row: band.lowerBound, column: columns.lowerBound)
        var (low, high): (Float, Float) = (0, 0)
        for row in band {
            let values = rows + row * columnCount
            for column in columns {
                low = min(low, values[column])
                high = max(high, values[column])
            }
        }
        let magnitude = grid.scope == .tensor ? largest : max(-low, high)
        if case .integers(let bits, false) = grid.codes {
            let scale = grid.scale.stored((high - low) / Float(1 << bits - 1))
            let zero = min(max((-low / scale).rounded(.toNearestOrEven), 0), Float(1 << bits - 1))
            (scales[place], zeros[place]) = (scale, UInt8(zero))
        } else if grid.scale == .exponent {
            scales[place] = power(magnitude, band, columns, rows)
        } else {
            scales[place] =
                magnitude > 0 ? grid.scale.stored(magnitude / grid.divisor / unit) : 1
        }
        for row in band { encode(row, columns, rows + row * columnCount, place) }
    }

    /// The power of two with the smaller error of the two between which the range falls.
    private func power(
        _ magnitude: Float, _ band: Range<Int>, _ columns: Range<Int>, _ rows: UnsafePointer<Float>
    ) -> Float {
        guard magnitude > 0 else { return 1 }
        let lower = grid.scale.stored(magnitude / grid.divisor)
        var best = (scale: lower, error: Float.infinity)
        for scale in [lower, grid.scale.stored(2 * lower)] {
            var error: Float = 0
            for row in band {
                for column in columns {
                    let value = rows[row * columnCount + column]
                    let difference = nearest(value / scale) * scale - value
                    error += difference * difference
                }
            }
            if error < best.error { best = (scale, error) }
        }
        return best.scale
    }

    private func nearest(_ value: Float) -> Float {
        switch grid.codes {
        case .e4m3: EightBitFloat.value(of: EightBitFloat.code(of: value))
        case .e2m1: FourBitFloat.value(of: FourBitFloat.code(of: value))
        case .integers: value.rounded(.toNearestOrEven)
        }
    }

    /// Gives columns of a row their codes.
    private func encode(
        _ row: Int, _ columns: Range<Int>, _ values: UnsafePointer<Float>, _ place: Int
    ) {
        let codes = codes + row * columnCount
        let scale = scales[place] * unit
        switch grid.codes {
        case .integers(let bits, _):
            let (zero, highest) = (Float(zeros[place]), Float(1 << bits - 1))
            for column in columns {
                let code = (values[column] / scale).rounded(.toNearestOrEven) + zero
                codes[column] = UInt8(min(max(code, 0), highest))
            }
        case .e4m3:
            for column in columns { codes[column] = EightBitFloat.code(of: values[column] / scale) }
        case .e2m1:
            for column in columns { codes[column] = FourBitFloat.code(of: values[column] / scale) }
        }
    }
}
