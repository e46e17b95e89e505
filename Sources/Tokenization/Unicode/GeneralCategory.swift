/// Unicode general categories, numbered as in `generalCategoryTable`.
enum GeneralCategory: UInt8, CaseIterable {
    case cn, cc, cf, co, cs, ll, lm, lo, lt, lu, mc, me, mn, nd, nl, no
    case pc, pd, pe, pf, pi, po, ps, sc, sk, sm, so, zl, zp, zs

    /// The category of a code point, from a table of one byte per code point.
    @inline(__always)
    static func number(of codePoint: UInt32) -> UInt8 {
        unsafe table.withUnsafeBufferPointer {
            unsafe $0.count > Int(codePoint) ? $0[Int(codePoint)] : 0
        }
    }

    /// The table, unrolled from the runs at first use (1.1 MB).
    static let table: [UInt8] = {
        var table = [UInt8](repeating: 0, count: 0x110000)
        for (index, run) in generalCategoryTable.enumerated() {
            let end =
                index + 1 < generalCategoryTable.count
                ? Int(generalCategoryTable[index + 1] >> 8) : table.count
            for codePoint in Int(run >> 8)..<end { table[codePoint] = UInt8(run & 0xFF) }
        }
        return table
    }()

    /// The set of the categories that a name like `L` or `Lu` means, as bits; `nil` for other names.
    static func mask(named name: String) -> UInt32? {
        let name = name.lowercased()
        var mask: UInt32 = 0
        for category in allCases {
            let own = "\(category)"
            if own == name || (name.utf8.count == 1 && own.hasPrefix(name)) {
                mask |= 1 << UInt32(category.rawValue)
            }
        }
        return mask == 0 ? nil : mask
    }

    static func mask(_ categories: GeneralCategory...) -> UInt32 {
        categories.reduce(0) { $0 | 1 << UInt32($1.rawValue) }
    }
}
