import TensorCore

extension ModelFamily {
    /// Falcon Mamba: Mamba whose steps, B and C are normalised, without weights.
    public static let falconMamba: ModelFamily = {
        var family = mamba
        family.name = "FalconMamba"
        family.classes = ["FalconMambaForCausalLM"]
        family.keys = family.keys + [.constant("ssm.dt_b_c_rms", .bool(true))]
        family.export = ConfigurationExport(
            modelType: "falcon_mamba",
            words: mambaWords,
            constants: [("expand", .integer(2)), ("use_bias", .bool(false))],
            presence: [("blk.0.ssm_conv1d.bias", "use_conv_bias")],
            fits: { $0.value("ssm.dt_b_c_rms") == .bool(true) })
        return family
    }()
}
