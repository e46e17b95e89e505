package import CKernels

/// How the blocks of a format are unpacked to integers, for products in integers.
///
/// A value is `scale * (code - offset) + minimum`, with a scale and a minimum for every group.
package struct CodeForm: Sendable {
    /// Unpacks whole blocks: a code for each value, a scale and (where the format has them) a
    /// minimum for each group.
    ///
    /// False when the processor has no kernel.
    package typealias Unpacker =
        @Sendable (
            _ source: UnsafeRawPointer, _ elementCount: Int,
            _ codes: UnsafeMutablePointer<UInt8>, _ scales: UnsafeMutablePointer<Float>,
            _ minimums: UnsafeMutablePointer<Float>
        ) -> Bool

    /// What the kernels need to know.
    package let form: ingot_code_form
    /// Unpacks blocks.
    package let unpack: Unpacker

    init(_ form: ingot_code_form, unpack: @escaping Unpacker) {
        self.form = form
        self.unpack = unpack
    }
}

extension ingot_code_form {
    /// Describes codes.
    ///
    /// - Parameters:
    ///   - group: The values that share a scale: 16 or 32.
    ///   - block: The activations that share one, as engines round them for this format: 32 or
    ///     256.
    ///   - highest: The largest code.
    init(
        group: UInt32, block: UInt32, offset: UInt32, highest: UInt32, hasMinimum: Bool = false
    ) {
        self.init(
            groupLength: group, blockLength: block, offset: offset, highest: highest,
            hasMinimum: hasMinimum)
    }
}
