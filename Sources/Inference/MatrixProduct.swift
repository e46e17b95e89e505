import COpenBLAS

/// Products of matrices stored row after row, in F32, on the calling thread.
///
/// The decoder's own workers share the work, each with its own tokens, so OpenBLAS must not start
/// threads of its own: with one thread to a call there is no waiting inside a layer.
enum MatrixProduct {
    /// Keeps OpenBLAS to the calling thread, in the whole process.
    static func useCallingThread() { openblas_set_num_threads(1) }

    /// `c = scale · a bᵀ + keep · c` for `a` of `rows × inner`, `b` of `columns × inner`.
    ///
    /// - Parameters:
    ///   - strides: The floats from row to row of `a`, `b` and `c`.
    ///   - keep: 0 to overwrite `c`, 1 to add to it.
    @inline(__always)
    static func timesTransposed(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into c: UnsafeMutablePointer<Float>,
        rows: Int, columns: Int, inner: Int, strides: (a: Int, b: Int, c: Int),
        scale: Float = 1, keep: Float = 0
    ) {
        cblas_sgemm(
            CblasRowMajor, CblasNoTrans, CblasTrans, Int32(rows), Int32(columns), Int32(inner),
            scale, a, Int32(strides.a), b, Int32(strides.b), keep, c, Int32(strides.c))
    }

    /// `c = a b` for `a` of `rows × inner`, `b` of `inner × columns`.
    @inline(__always)
    static func times(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into c: UnsafeMutablePointer<Float>,
        rows: Int, columns: Int, inner: Int, strides: (a: Int, b: Int, c: Int)
    ) {
        cblas_sgemm(
            CblasRowMajor, CblasNoTrans, CblasNoTrans, Int32(rows), Int32(columns), Int32(inner),
            1, a, Int32(strides.a), b, Int32(strides.b), 0, c, Int32(strides.c))
    }
}
