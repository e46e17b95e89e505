import Calibration
import Reporting
import TensorCore

/// The statistics of an importance matrix, as `imatrix --show-statistics` prints them.
///
/// The keys of the JSON are described in docs/commands-evaluate.md.
struct ImportanceListing: Encodable {
    struct Tensor: Encodable {
        let name: String
        let layer: Int?
        let kind: String
        let sum: Float
        let minimum: Float
        let maximum: Float
        let mean: Float
        let standardDeviation: Float
        let active: Float
        let count: Int
        let entropy: Float
        let normalizedEntropy: Float?
        let zScoreDensity: Float
        let cosineSimilarity: Float
    }
    struct Layer: Encodable {
        let layer: Int
        let sum: Float
        let zScoreDensity: Float
        let cosineSimilarity: Float
    }

    let schemaVersion = 1
    let file: String
    let tensors: [Tensor]
    let layers: [Layer]
    let version: String

    init(_ statistics: ImportanceStatistics, file: String) {
        self.file = file
        tensors = statistics.tensors.map { tensor in
            Tensor(
                name: tensor.name, layer: tensor.layer, kind: tensor.kind, sum: tensor.sum,
                minimum: tensor.minimum, maximum: tensor.maximum, mean: tensor.mean,
                standardDeviation: tensor.deviation, active: tensor.active, count: tensor.count,
                entropy: tensor.entropy, normalizedEntropy: tensor.normalizedEntropy,
                zScoreDensity: tensor.zScoreDensity, cosineSimilarity: tensor.cosine)
        }
        layers = statistics.layers.map { layer in
            Layer(
                layer: layer.layer, sum: layer.sum, zScoreDensity: layer.zScoreDensity,
                cosineSimilarity: layer.cosine)
        }
        version = Ingot.version
    }

    /// The tables: tensors, then layers.
    var lines: [String] {
        func fixed(_ value: Float, _ decimals: Int) -> String {
            NumberFormat.fixed(Double(value), decimals)
        }
        func percent(_ share: Float) -> String { fixed(100 * share, 2) + "%" }
        var table = TextTable(
            rightAligned: [true, false] + [Bool](repeating: true, count: 11))
        table.add(
            "Layer", "Tensor", "Σ(Act²)", "Min", "Max", "μ", "σ", "% Active", "N", "Entropy",
            "E (norm)", "ZD", "CosSim")
        for tensor in tensors {
            table.add(
                tensor.layer.map(String.init) ?? "-", tensor.kind, fixed(tensor.sum, 2),
                fixed(tensor.minimum, 4), fixed(tensor.maximum, 4), fixed(tensor.mean, 2),
                fixed(tensor.standardDeviation, 2), percent(tensor.active), "\(tensor.count)",
                fixed(tensor.entropy, 4), tensor.normalizedEntropy.map(percent) ?? "-",
                percent(tensor.zScoreDensity), fixed(tensor.cosineSimilarity, 4))
        }
        var averages = TextTable(rightAligned: [true, true, true, true])
        averages.add("Layer", "μΣ(Act²)", "μZD", "μCosSim")
        for layer in layers {
            averages.add(
                "\(layer.layer)", fixed(layer.sum, 2), fixed(100 * layer.zScoreDensity, 4) + "%",
                fixed(layer.cosineSimilarity, 4))
        }
        return ["\(file): \(NumberFormat.counted(tensors.count, "tensor"))", ""] + table.lines
            + ["", "weighted means per layer (\(NumberFormat.counted(layers.count, "layer")))", ""]
            + averages.lines
    }
}
