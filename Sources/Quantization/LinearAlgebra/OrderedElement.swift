internal import CKernels

/// The numbers that ordered products exist for: F32 and F64.
package protocol OrderedElement: BinaryFloatingPoint, Sendable {
    /// The kernels; of the current instruction set.
    static var orderedKernels: OrderedKernels<Self> { get }
}

/// Calls of `ordered.h` for one kind of number.
package struct OrderedKernels<Element: OrderedElement>: Sendable {
    /// The bytes of room that a product needs.
    let scratchByteCount: Int
    /// Columns of a panel of the right matrix.
    let panelColumns: Int
    let product:
        @Sendable (
            MatrixView<Element>, MatrixView<Element>, Element, Bool, MutableMatrixView<Element>,
            UnsafeMutableRawPointer
        ) -> Void
    let packLeft: @Sendable (MatrixView<Element>, UnsafeMutablePointer<Element>) -> Void
    let packRight: @Sendable (MatrixView<Element>, UnsafeMutablePointer<Element>) -> Void
    /// `c = scale · a b`, or added with `keep`, for panels of this depth.
    let multiplyPanels:
        @Sendable (
            UnsafePointer<Element>, UnsafePointer<Element>, Int, Element, Bool,
            MutableMatrixView<Element>
        ) -> Void
}

/// Rows of a panel of the left matrix.
let panelRows = Int(INGOT_PRODUCT_ROWS)
/// The most terms of a panel.
let panelDepth = Int(INGOT_PRODUCT_DEPTH)

extension Float: OrderedElement {
    /// The kernels for F32.
    package static var orderedKernels: OrderedKernels<Float> {
        let isa = InstructionSet.current.isa
        return OrderedKernels(
            scratchByteCount: ingot_ordered_product_scratch_f32(),
            panelColumns: Int(INGOT_PRODUCT_COLUMNS_F32),
            product: { a, b, scale, keep, c, scratch in
                ingot_ordered_product_f32(
                    isa, c.rowCount, c.columnCount, a.columnCount, scale, a.base, a.rowStride,
                    a.columnStride, b.base, b.rowStride, b.columnStride, keep, c.base, c.stride,
                    scratch)
            },
            packLeft: { a, panels in
                ingot_pack_left_f32(
                    isa, a.base, a.rowStride, a.columnStride, a.rowCount, a.columnCount, panels)
            },
            packRight: { b, panels in
                ingot_pack_right_f32(
                    isa, b.base, b.rowStride, b.columnStride, b.columnCount, b.rowCount, panels)
            },
            multiplyPanels: { left, right, depth, scale, keep, c in
                ingot_multiply_panels_f32(
                    isa, c.rowCount, c.columnCount, depth, scale, left, right, keep, c.base,
                    c.stride)
            })
    }
}

extension Double: OrderedElement {
    /// The kernels for F64.
    package static var orderedKernels: OrderedKernels<Double> {
        let isa = InstructionSet.current.isa
        return OrderedKernels(
            scratchByteCount: ingot_ordered_product_scratch_f64(),
            panelColumns: Int(INGOT_PRODUCT_COLUMNS_F64),
            product: { a, b, scale, keep, c, scratch in
                ingot_ordered_product_f64(
                    isa, c.rowCount, c.columnCount, a.columnCount, scale, a.base, a.rowStride,
                    a.columnStride, b.base, b.rowStride, b.columnStride, keep, c.base, c.stride,
                    scratch)
            },
            packLeft: { a, panels in
                ingot_pack_left_f64(
                    isa, a.base, a.rowStride, a.columnStride, a.rowCount, a.columnCount, panels)
            },
            packRight: { b, panels in
                ingot_pack_right_f64(
                    isa, b.base, b.rowStride, b.columnStride, b.columnCount, b.rowCount, panels)
            },
            multiplyPanels: { left, right, depth, scale, keep, c in
                ingot_multiply_panels_f64(
                    isa, c.rowCount, c.columnCount, depth, scale, left, right, keep, c.base,
                    c.stride)
            })
    }
}
