internal import CKernels
import TensorCore

/// How a format's blocks are rounded with error feedback: what values a block can hold, and how it
/// is stored.
///
/// A value is `scale * level - minimum`. Codes number the levels from the lowest.
struct FeedbackForm: Sendable {
    /// What a block's values can be.
    enum Levels: Sendable {
        /// Whole numbers.
        case integers(ClosedRange<Int>)
        /// Sixteen numbers in ascending order.
        case curve([Float])
    }

    /// How a group's scale or minimum is stored.
    enum Parameter: Sendable {
        /// Not at all.
        case none
        /// As a whole number of units, which are binary16 numbers at this place of a block.
        case integers(ClosedRange<Int>, unitOffset: Int)
        /// As a binary16 number at this place of a block.
        case half(offset: Int)
    }

    /// Stores the fields of a block.
    typealias Packer =
        @Sendable (_ fields: Fields, _ block: UnsafeMutableRawPointer) -> Void

    /// The fields of a block before they are packed.
    struct Fields {
        /// The unit of the scales, or the scale.
        let unit: Float
        /// The unit of the minimums, or the minimum.
        let minimumUnit: Float
        /// Integer scales counted from the least, one for each group.
        let scales: UnsafePointer<UInt8>
        /// Integer minimums.
        let minimums: UnsafePointer<UInt8>
        /// The codes.
        let codes: UnsafePointer<UInt8>
    }

    /// Values that share a scale.
    let groupLength: Int
    let levels: Levels
    let scale: Parameter
    let minimum: Parameter
    let pack: Packer
    /// The curve where C finds it.
    private let curve: Curve?

    /// Never freed: formats are not either.
    private struct Curve: @unchecked Sendable {
        let values: UnsafePointer<Float>
    }

    init(
        groupLength: Int, levels: Levels, scale: Parameter, minimum: Parameter = .none,
        pack: @escaping Packer
    ) {
        self.groupLength = groupLength
        self.levels = levels
        self.scale = scale
        self.minimum = minimum
        self.pack = pack
        guard case .curve(let values) = levels else {
            curve = nil
            return
        }
        let copy = UnsafeMutablePointer<Float>.allocate(capacity: values.count)
        copy.initialize(from: values, count: values.count)
        curve = Curve(values: UnsafePointer(copy))
    }

    /// The same for the kernels.
    func kernelForm(blockLength: Int) -> ingot_feedback_form {
        var form = ingot_feedback_form()
        form.groupLength = UInt32(groupLength)
        form.blockLength = UInt32(blockLength)
        form.curve = curve?.values
        if case .integers(let range) = levels {
            (form.lowest, form.highest) = (Float(range.lowerBound), Float(range.upperBound))
        }
        if case .integers(let range, _) = scale {
            form.lowestScale = Float(range.lowerBound)
            form.highestScale = Float(range.upperBound)
        }
        switch minimum {
        case .none: form.highestMinimum = 0
        case .integers(let range, _): form.highestMinimum = Float(range.upperBound)
        case .half: form.highestMinimum = -1
        }
        return form
    }

    /// The code of a level.
    @inline(__always)
    func code(_ level: Float) -> UInt8 {
        switch levels {
        case .integers(let range): UInt8(clamping: Int(level) - range.lowerBound)
        case .curve(let values): UInt8(values.firstIndex(of: level) ?? 0)
        }
    }

    /// The units of scales and minimums in a block.
    func units(_ block: UnsafeRawPointer) -> (scale: Float, minimum: Float) {
        func read(_ parameter: Parameter) -> Float {
            switch parameter {
            case .none: 0
            case .integers(_, let offset), .half(let offset): block.f16(offset)
            }
        }
        return (read(scale), read(minimum))
    }
}
