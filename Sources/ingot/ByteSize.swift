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

    /// Reads the size of a file: a number with or without a fraction, with K, M, G or T for powers
    /// of 1000 and KiB, MiB, GiB or TiB for powers of 1024, a B behind the former or not.
    ///
    /// A fraction of a byte is dropped.
    static func parseFileSize(_ text: String) -> Int? {
        var rest = text.uppercased()[...]
        var base = 1000.0
        if rest.hasSuffix("IB") {
            (base, rest) = (1024, rest.dropLast(2))
        } else if rest.hasSuffix("B") {
            rest = rest.dropLast()
        }
        let units: [Character] = ["K", "M", "G", "T"]
        var power = 0
        if let unit = rest.last, let place = units.firstIndex(of: unit) {
            (power, rest) = (place + 1, rest.dropLast())
        } else if base == 1024 {
            return nil
        }
        // Whole numbers of bytes stay exact.
        if power == 0, let bytes = Int(rest) { return bytes > 0 ? bytes : nil }
        guard rest.allSatisfy({ $0.isNumber || $0 == "." }), let number = Double(rest) else {
            return nil
        }
        // Decimal fractions are not binary ones: 3.9G is 3900000000.
        var scale = 1.0
        for _ in 0..<power { scale *= base }
        let bytes = (number * scale * (1 + 1e-15)).rounded(.down)
        return bytes >= 1 && bytes < 9e18 ? Int(bytes) : nil
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
