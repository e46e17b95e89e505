/// What an importance matrix is to a format's encoder.
public enum ImportanceUse: Int, Sendable, Comparable {
    /// Nothing: the blocks are the same without it.
    case ignored
    /// It weighs the columns; without it all weigh the same.
    case optional
    /// As `optional`, but with so few bits that what is encoded without it is noise: recipes refuse.
    case expected
    /// Nothing can be encoded without it.
    case required

    /// Compares the need.
    public static func < (left: ImportanceUse, right: ImportanceUse) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// A tensor data format of GGUF: how a row of numbers is stored in blocks.
///
/// A format encodes blocks and knows nothing of models; which tensor gets which format is a
/// `Recipe`'s choice. Each format is declared in one file under `Formats/` as a static member
/// whose name is the format's name verbatim, and listed once in `Format.all`.
public struct Format: Sendable, Hashable, CustomStringConvertible {
    /// Encodes `rowCount` rows of `rowLength` values (a multiple of `blockElementCount`).
    ///
    /// `importance`, when given, holds `rowLength` non-negative weights, one per column, that apply
    /// to every row. Rows are finite. `destination` has room for `byteCount(rowLength:rowCount:)`.
    public typealias Encoder =
        @Sendable (
            _ rows: UnsafePointer<Float>, _ rowCount: Int, _ rowLength: Int,
            _ importance: UnsafePointer<Float>?, _ destination: UnsafeMutableRawPointer
        ) -> Void

    /// Decodes `elementCount` values (a multiple of `blockElementCount`) to F32.
    ///
    /// Any bytes are accepted; what they decode to may be NaN.
    public typealias Decoder =
        @Sendable (
            _ source: UnsafeRawPointer, _ elementCount: Int,
            _ destination: UnsafeMutablePointer<Float>
        ) -> Void

    /// The name that the field uses: `Q4_K`.
    public let name: String
    /// The tensor type number in a GGUF file.
    public let typeID: UInt32
    /// The number of values in one block.
    public let blockElementCount: Int
    /// The number of bytes of one block.
    public let blockByteCount: Int
    /// The formats that take its place where rows are not whole blocks, the first that fits: one of
    /// about as many bits in smaller blocks, and F16; none where there is no substitute.
    public let fallbacks: [Format]
    /// What importance is to `encode`.
    public let importance: ImportanceUse
    /// What to do instead of quantizing a model to it; `nil` where that needs no advice.
    let insteadOfRecipe: String?
    /// Encodes rows; `nil` for formats that are only carried along or decoded.
    public let encode: Encoder?
    /// Decodes blocks; `nil` for formats that are only carried along.
    public let decode: Decoder?

    /// How blocks become integers, for products with rounded activations; `nil` for formats whose
    /// values are not a code times a scale.
    package let codes: CodeForm?
    /// How blocks are rounded with error feedback; `nil` for formats that are not.
    let feedback: FeedbackForm?

    /// Declares a format.
    init(
        name: String, typeID: UInt32, blockElementCount: Int, blockByteCount: Int,
        fallbacks: [Format] = [], importance: ImportanceUse = .ignored,
        insteadOfRecipe: String? = nil, codes: CodeForm? = nil,
        feedback: FeedbackForm? = nil, encode: Encoder?, decode: Decoder?
    ) {
        self.name = name
        self.typeID = typeID
        self.blockElementCount = blockElementCount
        self.blockByteCount = blockByteCount
        self.fallbacks = fallbacks
        self.importance = importance
        self.insteadOfRecipe = insteadOfRecipe
        self.codes = codes
        self.feedback = feedback
        self.encode = encode
        self.decode = decode
    }

    /// Bits per stored value, block headers included.
    public var bitsPerWeight: Double {
        Double(blockByteCount * 8) / Double(blockElementCount)
    }

    /// Whether rows of this length are whole blocks.
    public func fits(rowLength: Int) -> Bool { rowLength % blockElementCount == 0 }

    /// The bytes of `rowCount` rows of `rowLength` values, or `nil` when the row is not whole
    /// blocks or the product overflows.
    public func byteCount(rowLength: Int, rowCount: Int) -> Int? {
        guard rowLength >= 0, rowCount >= 0, fits(rowLength: rowLength) else { return nil }
        let (row, overflow) = (rowLength / blockElementCount)
            .multipliedReportingOverflow(by: blockByteCount)
        guard !overflow else { return nil }
        let (all, overflowAll) = row.multipliedReportingOverflow(by: rowCount)
        return overflowAll ? nil : all
    }

    /// The bytes that some values of a tensor take, counted from the tensor's first byte.
    ///
    /// - Parameter elements: Values counted from the tensor's first, whole blocks.
    public func byteRange(of elements: Range<Int>) -> Range<Int> {
        elements.lowerBound / blockElementCount * blockByteCount..<elements.upperBound
            / blockElementCount * blockByteCount
    }

    /// The name.
    public var description: String { name }

    /// Two formats are equal when GGUF gives them the same number.
    public static func == (left: Format, right: Format) -> Bool { left.typeID == right.typeID }

    /// Hashes the number.
    public func hash(into hasher: inout Hasher) { hasher.combine(typeID) }

    /// The format with this GGUF tensor type number.
    public static func withTypeID(_ typeID: UInt32) -> Format? {
        all.first { $0.typeID == typeID }
    }

    /// The format with this name, whatever its case.
    public static func named(_ name: String) -> Format? {
        all.first { $0.name.lowercased() == name.lowercased() }
    }
}
