#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif
import GGUF
import TensorCore

/// `general.size_label`: the number of parameters with at least two digits, `135M` or `8x7.2B`.
enum SizeLabel {
    /// The label of a model with these tensors; `nil` when it has none.
    ///
    /// Tensors of experts (`…_exps.…`) count once for the label's size and give the number in
    /// front of the `x`.
    static func of(_ tensors: [TensorDescription]) -> String? {
        var shared = 0
        var total = 0
        var ofOneExpert = 0
        var expertCounts: [Int] = []
        for tensor in tensors {
            let count = tensor.shape.elementCount
            total = total.addingReportingOverflow(count).partialValue
            let dimensions = tensor.shape.dimensions
            let isExpert = tensor.name.contains("_exps.") && dimensions.count >= 3
            let position = dimensions.count - (tensor.name.contains(".bias") ? 2 : 3)
            if isExpert, dimensions[position] > 0 {
                expertCounts.append(dimensions[position])
                ofOneExpert += count / dimensions[position]
            } else {
                shared = shared.addingReportingOverflow(count).partialValue
            }
        }
        // Of models with adapters inside, the reference converter counts none.
        guard total > 0, !tensors.contains(where: { $0.name.hasSuffix(".lora_a") }) else {
            return nil
        }
        guard !expertCounts.isEmpty else { return rounded(total) }
        let experts = expertCounts.reduce(0, +) / expertCounts.count
        return "\(experts)x" + rounded(shared + ofOneExpert)
    }

    /// The total number of elements.
    static func elementCount(_ tensors: [TensorDescription]) -> Int {
        tensors.reduce(0) { $0.addingReportingOverflow($1.shape.elementCount).partialValue }
    }

    /// A count with a unit of thousands and at least two digits.
    static func rounded(_ count: Int) -> String {
        let units: [(limit: Double, scale: Double, name: String)] = [
            (1e12, 1e-12, "T"), (1e9, 1e-9, "B"), (1e6, 1e-6, "M"), (0, 1e-3, "K"),
        ]
        let value = Double(count)
        let unit = units.first { value > $0.limit } ?? (0, 1e-3, "K")
        let scaled = value * unit.scale
        let digits = String(Int(scaled.rounded(.toNearestOrEven)))
        let fraction = max(0, 2 - (digits == "0" ? 0 : digits.count))
        return fixed(scaled, fraction) + unit.name
    }

    /// The number with `fraction` decimals, rounded as the C library does.
    private static func fixed(_ value: Double, _ fraction: Int) -> String {
        var buffer = [CChar](repeating: 0, count: 64)
        _ = withVaList([Int32(fraction), value]) { vsnprintf(&buffer, buffer.count, "%.*f", $0) }
        return String(
            decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
