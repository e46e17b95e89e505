import Evaluation
import Reporting
import Testing

@Suite("Numbers and axes")
struct FigureTests {
    @Test(
        "the error decides the digits",
        arguments: [
            (23.5412, 0.1312, "23.54 ± 0.13"), (0.1195, 0.00141, "0.1195 ± 0.0014"),
            (17.2, 0.0996, "17.20 ± 0.10"), (12345.6, 321.7, "12346 ± 322"),
            (1.2e-6, 3.04e-7, "(1.20 ± 0.30)×10⁻⁶"), (4.2e8, 1.1e7, "(4.20 ± 0.11)×10⁸"),
            (-0.0121, 0.0034, "−0.0121 ± 0.0034"), (-0.00001, 0.34, "0.00 ± 0.34"),
            (1.234567891, 1e-12, "1.234568 ± 1.0×10⁻¹²"), (0.0276, 0, "0.02760"),
            (1.5, .nan, "1.500"), (.infinity, 0.1, "∞"), (.nan, .nan, "NaN"),
            (1e-300, 0, "1.000×10⁻³⁰⁰"), (1.7e308, 1e308, "(1.7 ± 1.0)×10³⁰⁸"),
        ])
    func estimates(value: Double, error: Double, text: String) {
        #expect(NumberText(Estimate(value, standardError: error)).text == text)
    }

    @Test(
        "bytes are decimal with one decimal",
        arguments: [
            (0, "0.0 kB"), (98_612_000, "98.6 MB"), (999_949_999, "999.9 MB"),
            (999_950_000, "1.0 GB"), (13_500_000_000, "13.5 GB"),
        ])
    func bytes(count: Int, text: String) {
        #expect(NumberText.bytes(count) == text)
    }

    @Test("a logarithmic axis gives each decade the same length")
    func logarithmic() {
        let axis = Axis.logarithmic(0.0033...11.2, from: 400, to: 60)
        // 0.0033 · 0.95 goes down to 0.002, 11.2 · 1.05 up to 20: four decades in 340 units.
        #expect(abs(axis.lower - 0.002) < 1e-12)
        #expect(abs(axis.upper - 20) < 1e-9)
        #expect(abs(axis.position(0.02) - 315) < 1e-9)
        #expect(abs(axis.position(0.2) - 230) < 1e-9)
        #expect(abs(axis.position(2) - 145) < 1e-9)
        // log10(0.01 / 0.002) = 0.69897 of a decade of 85 units.
        #expect(abs(axis.position(0.01) - (400 - 59.41245)) < 1e-4)
        #expect(axis.position(1000) == 60)
        #expect(axis.position(.nan) == 400)
        #expect(axis.ticks.compactMap(\.label) == ["0.01", "0.1", "1", "10"])
        #expect(axis.ticks.count == 37)
    }

    @Test("a short logarithmic axis is labelled at 1, 2 and 5")
    func shortLogarithmic() {
        let axis = Axis.logarithmic(0.03...0.9, from: 0, to: 100)
        #expect(axis.ticks.compactMap(\.label) == ["0.02", "0.05", "0.1", "0.2", "0.5", "1"])
    }

    @Test("a very long logarithmic axis keeps few labels")
    func longLogarithmic() {
        let axis = Axis.logarithmic(1e-200...1e200, from: 0, to: 100)
        #expect((3...10).contains(axis.ticks.count))
        #expect(axis.ticks.allSatisfy { $0.label?.hasPrefix("10") == true || $0.label == "1" })
    }

    @Test("a linear axis has round ticks inside its bounds")
    func linear() {
        let axis = Axis.linear(3.7...8.54, from: 0, to: 700, count: 8)
        #expect(axis.ticks.compactMap(\.label) == ["4", "5", "6", "7", "8"])
        let single = Axis.linear(4...4, from: 0, to: 100, count: 5)
        #expect(abs(single.position(4) - 50) < 1e-9)
        #expect(single.ticks.count >= 3)
        let fine = Axis.linear(-0.001...0.004, from: 0, to: 100, count: 5)
        #expect(fine.ticks.compactMap(\.label) == ["0.000", "0.002", "0.004"])
    }

    @Test("a symmetric logarithmic axis: the threshold is one decade from zero")
    func symmetric() {
        let scale = Axis.Scale.symmetricLogarithmic(threshold: 0.01)
        #expect(scale.transform(0) == 0)
        #expect(scale.transform(0.005) == 0.5)
        #expect(abs(scale.transform(0.01) - 1) < 1e-12)
        #expect(abs(scale.transform(1) - 3) < 1e-12)
        #expect(abs(scale.transform(-0.1) + 2) < 1e-12)
        let axis = Axis.symmetricLogarithmic(0.0...4, threshold: 0.01, from: 0, to: 100) {
            NumberText.fixed($0 * 100, 0)
        }
        #expect(axis.ticks.compactMap(\.label) == ["0", "1", "10", "100"])
        // Where one decade is nearly all there is, 2 and 5 are labelled too.
        let short = Axis.symmetricLogarithmic(-0.001...0.05, threshold: 0.01, from: 0, to: 100) {
            NumberText.fixed($0 * 100, 0)
        }
        #expect(short.ticks.compactMap(\.label) == ["0", "1", "2", "5"])
        let far = Axis.symmetricLogarithmic(-1e9...1e9, threshold: 0.01, from: 0, to: 100) { _ in ""
        }
        #expect(far.ticks.count < 20)
    }

    @Test("the front holds what nothing beats")
    func front() {
        let points: [(x: Double, y: Double)] = [
            (8, 1), (6, 3), (6, 2), (7, 2), (4, 9), (5, 9), (3, .nan), (6, 2), (9, 0.5),
        ]
        // (6, 3) loses to (6, 2), (7, 2) to the smaller (6, 2), (5, 9) to (4, 9).
        #expect(paretoFront(points) == [4, 2, 7, 0, 8])
        #expect(paretoFront([]).isEmpty)
    }

    @Test("a line meets a box")
    func boxes() {
        let box = Box(x: 10, y: 10, width: 10, height: 10)
        #expect(box.intersects(from: Point(x: 0, y: 15), to: Point(x: 30, y: 15)))
        #expect(box.intersects(from: Point(x: 12, y: 0), to: Point(x: 18, y: 30)))
        #expect(!box.intersects(from: Point(x: 0, y: 5), to: Point(x: 30, y: 5)))
        #expect(!box.intersects(from: Point(x: 0, y: 15), to: Point(x: 9, y: 15)))
        #expect(!box.intersects(from: Point(x: 0, y: 25), to: Point(x: 9, y: 12)))
    }

    @Test("labels of crowded points keep apart")
    func placement() {
        let frame = Box(x: 0, y: 0, width: 400, height: 300)
        let requests = (0..<12).map {
            LabelRequest(anchor: Point(x: 200 + Double($0) * 3, y: 150), width: 50, height: 15)
        }
        let marks = requests.map { Box.around($0.anchor, width: 10, height: 10) }
        let places = placeLabels(requests, marks: marks, lines: [], frame: frame).compactMap { $0 }
        #expect(places.count >= 8)
        for (index, place) in places.enumerated() {
            #expect(frame.contains(place.box))
            #expect(!marks.contains(where: place.box.intersects))
            #expect(!places[(index + 1)...].contains { $0.box.intersects(place.box) })
        }
        // No room at all: none rather than one over another.
        let tiny = Box(x: 0, y: 0, width: 20, height: 20)
        #expect(
            placeLabels(requests, marks: marks, lines: [], frame: tiny)
                == Array(repeating: nil, count: 12))
    }

    @Test("long names lose their middle")
    func shortening() {
        #expect(shortened("Q4_K_M", to: 8) == "Q4_K_M")
        #expect(shortened("model-with-long-name-Q4_K_M.gguf", to: 16) == "model-w…K_M.gguf")
        #expect(columnCount("日本e\u{301}") == 5)
    }
}
