import Foundation

/// How values become positions on a plot, and which of them are marked.
package struct Axis {
    /// The function that is drawn to scale.
    package enum Scale: Hashable {
        /// The value itself.
        case linear
        /// Its logarithm; values are positive.
        case logarithmic
        /// Linear between `-threshold` and `threshold`, logarithmic beyond; a decade is as long
        /// as the way from zero to the threshold.
        case symmetricLogarithmic(threshold: Double)

        /// Where `value` is before it is stretched to pixels.
        package func transform(_ value: Double) -> Double {
            switch self {
            case .linear: return value
            case .logarithmic: return log10(value)
            case .symmetricLogarithmic(let threshold):
                let ratio = abs(value) / threshold
                return ratio <= 1 ? value / threshold : (value < 0 ? -1 : 1) * (1 + log10(ratio))
            }
        }
    }

    /// A marked value; a minor tick has no label.
    package struct Tick: Hashable {
        package let value: Double
        package let label: String?
    }

    let scale: Scale
    package let lower: Double
    package let upper: Double
    package let ticks: [Tick]
    /// The position of `lower`, in the plot's units.
    let start: Double
    /// The position of `upper`.
    let end: Double

    /// The position of `value`; values off the axis are put at its end.
    package func position(_ value: Double) -> Double {
        let (low, high) = (scale.transform(lower), scale.transform(upper))
        let fraction = (scale.transform(value) - low) / (high - low)
        return start + (end - start) * (fraction.isNaN ? 0 : min(max(fraction, 0), 1))
    }

    /// A linear axis over `values` with some room at both ends and about `count` ticks.
    package static func linear(
        _ values: ClosedRange<Double>, from start: Double, to end: Double, count: Int,
        label: (Double, Int) -> String = { NumberText.fixed($0, $1) }
    ) -> Axis {
        var (low, high) = (values.lowerBound, values.upperBound)
        if high - low <= abs(high) * 1e-9 {
            let room = max(abs(high) * 0.1, 0.5)
            (low, high) = (low - room, high + room)
        }
        let room = (high - low) * 0.06
        (low, high) = (low - room, high + room)
        let step = niceStep((high - low) / Double(max(1, count)))
        let decimals = max(0, -Int(floor(log10(step) + 1e-9)))
        var ticks: [Tick] = []
        let first = (low / step).rounded(.up)
        for index in 0..<(4 * max(1, count)) {
            let value = (first + Double(index)) * step
            guard value <= high else { break }
            ticks.append(Tick(value: value, label: label(value, decimals)))
        }
        return Axis(
            scale: .linear, lower: low, upper: high, ticks: ticks, start: start, end: end)
    }

    /// A logarithmic axis over positive `values`, widened to the next 1, 2 or 5 of a decade.
    ///
    /// Every decade is labelled (every second, third … when there are many); on a short axis 2
    /// and 5 are too.
    package static func logarithmic(
        _ values: ClosedRange<Double>, from start: Double, to end: Double
    ) -> Axis {
        // Room for the marks, and never an empty span.
        let low = niceBound(values.lowerBound * 0.95, upward: false)
        let high = niceBound(values.upperBound * 1.05, upward: true)
        let span = log10(high) - log10(low)
        let stride = max(1, Int((span / 8).rounded(.up)))
        var ticks: [Tick] = []
        for exponent in Int(floor(log10(low) + 1e-9))...Int(ceil(log10(high) - 1e-9)) {
            let decade = pow(10, Double(exponent))
            for multiple in 1...9 {
                let value = decade * Double(multiple)
                guard value >= low * (1 - 1e-9), value <= high * (1 + 1e-9) else { continue }
                let isMajor = multiple == 1 && exponent.isMultiple(of: stride)
                let isNamed = span <= 2 && (multiple == 2 || multiple == 5)
                if isMajor || isNamed {
                    ticks.append(Tick(value: value, label: plain(value, exponent: exponent)))
                } else if stride == 1 {
                    ticks.append(Tick(value: value, label: nil))
                }
            }
        }
        return Axis(
            scale: .logarithmic, lower: low, upper: high, ticks: ticks, start: start, end: end)
    }

    /// An axis that is linear around zero and logarithmic beyond `threshold`; zero is on it.
    ///
    /// Decades are labelled as on a logarithmic axis.
    package static func symmetricLogarithmic(
        _ values: ClosedRange<Double>, threshold: Double, from start: Double, to end: Double,
        label: (Double) -> String
    ) -> Axis {
        let scale = Scale.symmetricLogarithmic(threshold: threshold)
        func inverse(_ position: Double) -> Double {
            let size = abs(position)
            let value = size <= 1 ? size * threshold : threshold * pow(10, size - 1)
            return position < 0 ? -value : value
        }
        let (least, most) = (min(values.lowerBound, 0), max(values.upperBound, 0))
        let room = 0.06 * max(scale.transform(most) - scale.transform(least), 0.5)
        let low = inverse(scale.transform(least) - room)
        let high = inverse(scale.transform(most) + room)
        let decades = max(abs(scale.transform(low)), abs(scale.transform(high)))
        let stride = max(1, Int((decades / 5).rounded(.up)))
        let isShort = scale.transform(high) - scale.transform(low) <= 2.5
        var ticks = [Tick(value: 0, label: label(0))]
        for sign in [-1.0, 1.0] {
            for exponent in 0...max(0, Int(decades)) {
                let decade = sign * threshold * pow(10, Double(exponent))
                for multiple in 1...9 {
                    let value = decade * Double(multiple)
                    guard value >= low, value <= high else { continue }
                    let isNamed = isShort && (multiple == 2 || multiple == 5)
                    if multiple == 1 && exponent.isMultiple(of: stride) || isNamed {
                        ticks.append(Tick(value: value, label: label(value)))
                    } else if stride == 1 {
                        ticks.append(Tick(value: value, label: nil))
                    }
                }
            }
        }
        ticks.sort { $0.value < $1.value }
        return Axis(scale: scale, lower: low, upper: high, ticks: ticks, start: start, end: end)
    }

    /// The nearest 1, 2 or 5 times a power of ten at or above `step`.
    static func niceStep(_ step: Double) -> Double {
        guard step > 0, step.isFinite else { return 1 }
        return niceBound(step, upward: true)
    }

    /// The next 1, 2 or 5 times a power of ten at or beyond `value`, which is positive.
    private static func niceBound(_ value: Double, upward: Bool) -> Double {
        let decade = pow(10, floor(log10(value)))
        let candidates = [0.5, 1, 2, 5, 10].map { $0 * decade }
        let found =
            upward
            ? candidates.first { $0 >= value * (1 - 1e-9) }
            : candidates.last { $0 <= value * (1 + 1e-9) }
        return found ?? value
    }

    /// `0.001`, `20`, and powers of ten where zeros would have to be counted.
    private static func plain(_ value: Double, exponent: Int) -> String {
        if (-4...4).contains(exponent) { return NumberText.fixed(value, max(0, -exponent)) }
        return NumberText(value, digits: 1).text.replacing("1×", with: "")
    }
}
