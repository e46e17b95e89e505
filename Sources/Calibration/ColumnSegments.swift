/// Stretches of a wide input's columns: the diagonal blocks of its Hessian.
///
/// Moments and factors of n columns take n² numbers, and factoring n³ operations. Of an input wider
/// than a limit only the moments inside a stretch are summed, and each stretch is rounded as if it were
/// all of the row: errors are made up for by columns of the same stretch.
public enum ColumnSegments {
    /// The widest stretch where memory is not bounded: Llama 3 8B's 14336 columns are two.
    public static let usualWidth = 8192
    /// The widths that are tried where it is, the widest first.
    public static let widths = [8192, 4096, 2048, 1024, 512]
    /// Stretches end where the blocks of all formats do.
    private static let unit = 256

    /// As few stretches of about equal length as the width allows.
    package static func ranges(columnCount: Int, width: Int) -> [Range<Int>] {
        precondition(width >= unit, "a stretch has whole blocks")
        let units = columnCount / unit
        let wanted = (columnCount + width - 1) / width
        let count = max(1, min(units, wanted))
        return (0..<count).map { index in
            let end = index == count - 1 ? columnCount : (index + 1) * units / count * unit
            return index * units / count * unit..<end
        }
    }
}
