/// Sums of squares that do not depend on the order of their additions: of threads, batches and parts.
///
/// Each square, which a `Double` holds exactly, is rounded to a multiple of 2⁻⁶⁴ by itself; multiples are
/// added in integers, which is associative. Squares from 2⁴⁴ on (inputs beyond four million, which no
/// trained layer takes in) are added apart, as numbers. Two sums of 128 bits are added in any order to the
/// same bits (compare Demmel and Nguyen, Fast Reproducible Floating-Point Summation, ARITH 2013, whose
/// bins these are with fixed places).
struct ExactSums: Sendable, Hashable {
    /// Multiples of 2⁻⁶⁴.
    private(set) var units: [Int128]
    /// What was too large, by column.
    private(set) var large: [Int: Double] = [:]

    /// Sums of nothing.
    init(count: Int) { units = [Int128](repeating: 0, count: count) }

    /// Sums that were gathered before.
    init(units: [Int128], large: [Int: Double]) {
        self.units = units
        self.large = large
    }

    /// The sums as numbers, each from its own digits alone.
    var values: [Double] {
        units.enumerated().map { column, units in
            // The integer part and the fraction, each rounded once.
            Double(Int64(truncatingIfNeeded: units >> 64))
                + Double(UInt64(truncatingIfNeeded: units)) * 0x1p-64 + (large[column] ?? 0)
        }
    }

    /// Adds another's sums.
    mutating func add(_ other: ExactSums) {
        for column in units.indices { add(other.units[column], to: column) }
        for (column, value) in other.large { large[column, default: 0] += value }
    }

    private mutating func add(_ value: Int128, to column: Int) {
        let sum = units[column] &+ value
        guard sum.magnitude < ExactSums.unitLimit else {
            // Half way to where bits would be lost.
            large[column, default: 0] += Double(Int64(truncatingIfNeeded: sum >> 64))
            units[column] = 0
            return
        }
        units[column] = sum
    }

    private static let unitLimit: UInt128 = 1 << 126

    /// Adds what a buffer holds to the columns from `first` on.
    mutating func add(_ squares: SquareBuffer, from first: Int) {
        squares.forEach { column, units, large in
            add(units, to: first + column)
            if large != 0 { self.large[first + column, default: 0] += large }
        }
    }
}

/// Squares of some rows, summed column by column in three bins whose sums `Double`s hold exactly.
struct SquareBuffer {
    private let columnCount: Int
    /// Multiples of 2¹², of 2⁻²⁶, of 2⁻⁶⁴, and what is too large, column after column.
    private let bins: UnsafeMutableBufferPointer<Double>

    /// Rows that the bins have room for: 2¹⁴ times the largest multiple of each is below 2⁵³.
    static let rowLimit = 1 << 14
    /// Squares from here on are too large for the bins.
    private static let limit = 0x1p44
    /// Adding and taking away such a number leaves a multiple of a bin's unit: 1.5 times the least
    /// number whose last bit is that unit.
    private static let roundings = (0x1.8p64, 0x1.8p26, 0x1.8p-12)

    /// The numbers that a buffer of so many columns works with.
    static func doubleCount(columnCount: Int) -> Int { 4 * columnCount }

    /// Begins sums in memory of `doubleCount` numbers.
    init(_ memory: UnsafeMutableBufferPointer<Double>, columnCount: Int) {
        self.columnCount = columnCount
        bins = memory
        bins.initialize(repeating: 0)
    }

    /// Adds a row; no more than `rowLimit`.
    func add(_ row: UnsafeBufferPointer<Float>) {
        guard let base = bins.baseAddress, let row = row.baseAddress else { return }
        let (high, middle, low, large) = (
            base, base + columnCount, base + 2 * columnCount, base + 3 * columnCount
        )
        let (first, second, third) = SquareBuffer.roundings
        for column in 0..<columnCount {
            let value = Double(row[column])
            let square = value * value
            // NaN too: it has no place in the bins.
            let isLarge = !(square < SquareBuffer.limit)
            var rest = isLarge ? 0 : square
            large[column] += isLarge ? square : 0
            var piece = (rest + first) - first
            high[column] += piece
            rest -= piece
            piece = (rest + second) - second
            middle[column] += piece
            rest -= piece
            low[column] += (rest + third) - third
        }
    }

    /// Each column's sum in multiples of 2⁻⁶⁴, and what was too large.
    func forEach(_ body: (_ column: Int, _ units: Int128, _ large: Double) -> Void) {
        for column in 0..<columnCount {
            let units =
                Int128(Int64(bins[column] * 0x1p-12)) << 76
                + Int128(Int64(bins[column + columnCount] * 0x1p26)) << 38
                + Int128(Int64(bins[column + 2 * columnCount] * 0x1p64))
            body(column, units, bins[column + 3 * columnCount])
        }
    }
}
