import Evaluation
import Foundation
import Reporting

/// Reports for the tests: one that looks like a measured one, and variations of it.
enum SampleReport {
    /// Six levels of a model of 135 million weights, from Q8_0 to Q2_K.
    static let six = report(levels: [
        level(
            "Q8_0", bits: 8.54, mean: 0.0033, error: 0.000041, tail: 0.0452, top: 0.9713,
            ratio: 1.0007),
        level(
            "Q6_K", bits: 6.6, mean: 0.0276, error: 0.00035, tail: 0.381, top: 0.9198, ratio: 1.0085
        ),
        level(
            "Q5_K_M", bits: 5.87, mean: 0.0497, error: 0.00062, tail: 0.664, top: 0.8931,
            ratio: 1.0213),
        level(
            "Q4_K_M", bits: 5.17, mean: 0.1195, error: 0.0014, tail: 1.53, top: 0.8387, ratio: 1.066
        ),
        level(
            "Q3_K_M", bits: 4.45, mean: 0.363, error: 0.0039, tail: 3.94, top: 0.7294, ratio: 1.274),
        level("Q2_K", bits: 3.7, mean: 1.94, error: 0.014, tail: 11.2, top: 0.4612, ratio: 5.12),
    ])

    /// Every recipe at once, close neighbours and a level that is larger and worse.
    static let crowd = report(
        levels: [
            ("Q8_0", 8.54, 0.0033), ("Q6_K", 6.6, 0.0276), ("Q5_1", 6.34, 0.0521),
            ("Q5_K_M", 5.87, 0.0497), ("Q5_K_S", 5.79, 0.0514), ("Q5_0", 5.82, 0.0588),
            ("Q4_1", 5.37, 0.1461), ("Q4_K_M", 5.17, 0.1195), ("Q4_K_S", 5.01, 0.1297),
            ("IQ4_NL", 4.99, 0.1301), ("IQ4_XS", 4.86, 0.1366), ("Q4_0", 4.92, 0.1803),
            ("Q3_K_L", 4.68, 0.324), ("Q3_K_M", 4.45, 0.363), ("Q3_K_S", 4.15, 0.489),
            ("IQ3_S", 4.12, 0.401), ("IQ3_XXS", 3.91, 0.672), ("Q2_K", 3.7, 1.94),
            ("IQ2_XS", 3.4, 2.31), ("IQ1_S", 2.9, 4.6),
        ].map { name, bits, mean in
            level(
                name, bits: bits, mean: mean, error: mean * 0.012, tail: min(mean * 14, 22),
                top: 1 - 0.4 * mean.squareRoot(), ratio: 1 + mean * 0.6)
        })

    /// Names and texts that try to leave the place they are put in.
    static let hostile: QualityReport = {
        var report = six
        report.title = "</title><script>alert(1)</script> & \"co\""
        report.base.fileName = "a|b`c``<img src=x onerror=alert(1)>\u{1B}[31m.gguf"
        report.levels[0].name = "Q8_0'\"><svg onload=alert(1)>"
        report.levels[1].fileName = "x\u{202E}fugg.exe\n| injected |"
        report.levels[2].name = "]]>*bold*[link](javascript:alert(1))"
        report.levels[3].name = String(repeating: "長い名前", count: 500)
        report.warnings = ["<b>bold</b> --> \u{0} \u{FFFE} done"]
        report.text.name = "</code></dd><script>alert(2)</script>"
        report.provenance.commandLine = "ingot report 'a b' && rm -rf <x>"
        return report
    }()

    /// The six levels with everything that may be added: an earlier report, calibration texts, a
    /// sensitivity map; their names too try to leave their place.
    static let full: QualityReport = {
        var report = six
        report.base.digest = "sha256:" + String(repeating: "ab", count: 32)
        report.levels[3].digest = "sha256:" + String(repeating: "cd", count: 32)
        report.levels[3].importanceMatrix = "imatrix<script>.gguf"
        report.calibration = [
            .init(
                name: "calibration</dd>.txt",
                overlap: .init(
                    wordCount: 13, sequenceCount: 25_604, sharedCount: 128, samplingInterval: 2)),
            .init(name: "other.txt", overlap: nil),
        ]
        report.sensitivity = sensitivity
        report.baseline = BaselineComparison(
            of: report, with: earlier, fileName: "old\"><script>.json")
        return report
    }()

    /// A report of an hour earlier: Q4_K_M was better, Q2_K was not there, Q4_0 was.
    static let earlier: QualityReport = {
        var report = six
        report.settings.windowCount = 159
        report.levels[3].divergence.mean = Estimate(0.1, standardError: 0.0014)
        report.levels[5].name = "Q4_0"
        return report
    }()

    /// Two formats, three layers, two kinds of tensors in them and one outside.
    static let sensitivity = Sensitivity(
        model: "model<b>.gguf", formats: ["Q4_K", "Q2_K<i>"],
        cells: ["Q4_K", "Q2_K<i>"].enumerated().flatMap { index, format in
            [
                Sensitivity.Cell(
                    name: "token_embd.weight", layer: nil, kind: "token_embd", format: format,
                    divergence: Estimate(0.01, standardError: 0.001))
            ]
                + (0..<3).flatMap { (layer: Int) in
                    ["attn_v", "ffn_down'><svg>"].map { (kind: String) in
                        Sensitivity.Cell(
                            name: "blk.\(layer).\(kind).weight", layer: layer, kind: kind,
                            format: format,
                            divergence: Estimate(
                                Double(layer + 1) * (index == 0 ? 1e-4 : 1e-2),
                                standardError: 1e-5))
                    }
                }
        }, contextLength: 512, windowCount: 4, scoredTokenCount: 1020)

    /// Two types, one in three roundings and one in two, and a calibrated level alone.
    static let roundings: QualityReport = {
        func level(
            _ name: String, _ rounding: QualityReport.Rounding, _ mean: Double, bits: Double,
            change: Double? = nil
        ) -> QualityReport.Level {
            var level = Self.level(
                name, bits: bits, mean: mean, error: mean * 0.02, tail: mean * 14, top: 0.8,
                ratio: 1 + mean * 0.6)
            level.fileName = "model-\(name)-\(rounding.rawValue).gguf"
            level.rounding = rounding
            level.roundingChange = change.map {
                .init(
                    reference: .importance, referenceFileName: "model-\(name)-importance.gguf",
                    meanDivergence: Estimate($0, standardError: 0.012))
            }
            return level
        }
        return report(levels: [
            level("Q4_K_M", .plain, 0.12, bits: 5.17),
            level("Q4_K_M", .importance, 0.1, bits: 5.17),
            level("Q4_K_M", .calibrated, 0.07, bits: 5.17, change: -0.3),
            level("IQ2_XS", .importance, 2, bits: 2.9),
            level("IQ2_XS", .calibrated, 2.2, bits: 2.9, change: 0.1),
            level("Q6_K", .calibrated, 0.02, bits: 6.6),
        ])
    }()

    /// The reports above, for tests that take each in turn.
    static let named = [
        "six": six, "crowd": crowd, "hostile": hostile, "full": full, "roundings": roundings,
    ]

    static func report(levels: [QualityReport.Level]) -> QualityReport {
        QualityReport(
            title: "SmolLM2-135M",
            base: .init(
                fileName: "smollm2-135m-f16.gguf", fileByteCount: 270_884_032,
                bitsPerWeight: 16.01,
                tensorTypes: [
                    .init(name: "F16", tensorCount: 211, byteCount: 268_960_000),
                    .init(name: "F32", tensorCount: 61, byteCount: 140_544),
                ],
                perplexity: Estimate(17.2041, standardError: 0.1327)),
            text: .init(
                name: "wiki.test.raw", byteCount: 1_290_590, tokenCount: 301_447,
                digest: "sha256:173c87a53759e0201f33e0ccf978e510c2042d7f2cb78229d9a50d79b9e7dd08"),
            settings: .init(
                contextLength: 512, windowCount: 160, scoredTokenCount: 40_960, threadCount: 2),
            provenance: .init(
                toolVersion: "ingot 0.1.0",
                commandLine: "ingot report smollm2-135m-f16.gguf smollm2-135m-*.gguf "
                    + "-f wiki.test.raw -o report",
                machine: "AMD EPYC 9R14, 2 cores, Linux 6.1",
                date: Date(timeIntervalSince1970: 1_795_375_800)),
            levels: levels)
    }

    static func level(
        _ name: String, bits: Double, mean: Double, error: Double, tail: Double, top: Double,
        ratio: Double
    ) -> QualityReport.Level {
        let ratioError = 0.0004 + 0.012 * abs(ratio - 1)
        return QualityReport.Level(
            name: name, fileName: "smollm2-135m-\(name).gguf",
            fileByteCount: Int(270_884_032 * bits / 16.01), bitsPerWeight: bits,
            statistics: LevelStatistics(
                perplexity: Estimate(17.2041 * ratio, standardError: 0.1327 * ratio),
                logPerplexityRatio: Estimate(
                    Foundation.log(ratio), standardError: ratioError / ratio),
                perplexityRatio: Estimate(ratio, standardError: ratioError),
                divergence: .init(
                    mean: Estimate(mean, standardError: error), median: mean * 0.55,
                    quantile90: mean * 2.2, quantile95: mean * 3.4, quantile99: mean * 6.1,
                    quantile999: Estimate(tail, standardError: tail * 0.06), maximum: tail * 2.4),
                sameTopToken: Estimate(
                    top, standardError: (top * (1 - top) / 40_960).squareRoot()),
                meanProbabilityChange: Estimate(-0.04 * mean, standardError: 0.0008),
                rmsProbabilityChange: Estimate(0.16 * mean.squareRoot(), standardError: 0.0011),
                probabilityChange: probabilityChange(scale: min(1, mean.squareRoot()))),
            tokensPerSecond: 612)
    }

    /// A distribution that leans to losses.
    private static func probabilityChange(scale: Double) -> LevelStatistics.ProbabilityChange {
        .init(
            minimum: -0.97 * scale, quantile001: -0.8 * scale, quantile01: -0.45 * scale,
            quantile05: -0.2 * scale, quantile10: -0.1 * scale, median: -0.0004 * scale,
            quantile90: 0.06 * scale, quantile95: 0.12 * scale, quantile99: 0.31 * scale,
            quantile999: 0.6 * scale, maximum: 0.93 * scale)
    }
}
