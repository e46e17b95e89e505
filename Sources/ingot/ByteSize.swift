/// Sizes as options name them.
enum ByteSize {
    /// Reads a number of bytes above 0, with K, M or G for powers of 1024: `512M`.
    static func parse(_ text: String) -> Int? {
        parse(text, ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30]).flatMap { $0 > 0 ? $0 : nil }
    }

    /// Reads a number of bytes, with K, M or G for powers of 1000, as splits are measured.
    static func parseDecimal(_ text: String) -> Int? {
        parse(text, ["K": 1000, "M": 1_000_000, "G": 1_000_000_000])
    }

    private static func parse(_ text: String, _ units: [Character: Int]) -> Int? {
        let unit = text.uppercased().last.flatMap { units[$0] }
        guard let number = Int(unit == nil ? text[...] : text.dropLast()), number >= 0 else {
            return nil
        }
        let (product, overflow) = number.multipliedReportingOverflow(by: unit ?? 1)
        return overflow ? nil : product
    }
}
