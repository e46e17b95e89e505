import Conversion
import GGUF

extension ConversionSource {
    /// The first of the blocks that predict further tokens, behind the layers: no text runs through
    /// them, so nothing is known of what they take in. Beyond all blocks where there are none.
    var firstPredictor: Int {
        let architecture = metadata["general.architecture"]?.text ?? ""
        func count(_ key: String) -> Int? { metadata["\(architecture).\(key)"]?.integer }
        let (blocks, further) = (count("block_count"), count("nextn_predict_layers") ?? 0)
        guard let blocks, further > 0, blocks >= further else { return .max }
        return blocks - further
    }

    /// The block that a tensor is of; `nil` for one outside.
    static func block(of tensor: String) -> Int? {
        let parts = tensor.split(separator: ".")
        return parts.count > 1 && parts[0] == "blk" ? Int(parts[1]) : nil
    }
}
