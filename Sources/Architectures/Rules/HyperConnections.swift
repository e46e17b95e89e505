import TensorCore

extension TensorModules {
    /// What mixes the streams of hyper-connections before and after a part of a block: weights for what
    /// goes in, for what comes out, and for the streams among each other.
    ///
    /// - Parameter name: The name of the part, here and in a GGUF file: `hc_attn`.
    static func streamConnection(_ name: String) -> Self {
        let streams = Dimension.key("hc_mult")
        let rows = streams * (2 + streams)
        return [
            .tensor("\(name)_fn", "\(name)_fn.weight", [rows, streams * .hidden]),
            .tensor("\(name)_base", "\(name)_base.weight", [rows]),
            .tensor("\(name)_scale", "\(name)_scale.weight", [3]),
        ]
    }

    /// What makes one row of the streams behind the last block.
    ///
    /// - Parameter source: What stands in front of the checkpoint's names.
    static func streamHead(
        _ source: String, presence: TensorRule.Presence = .required
    ) -> Self {
        let streams = Dimension.key("hc_mult")
        return [
            .tensor(
                "\(source)hc_head_fn", "output_hc_fn.weight", [streams, streams * .hidden],
                presence: presence),
            .tensor(
                "\(source)hc_head_base", "output_hc_base.weight", [streams], presence: presence),
            .tensor("\(source)hc_head_scale", "output_hc_scale.weight", [1], presence: presence),
        ]
    }
}
