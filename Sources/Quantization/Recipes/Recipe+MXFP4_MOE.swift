extension Recipe {
    /// Experts in 4-bit floats, all else in 8 bits: for models that were trained so.
    package static let MXFP4_MOE = Recipe(
        "MXFP4_MOE", fileType: 38, summary: "4.3 bits for experts, Q8_0 for the rest",
        MixedPrecision(.MXFP4, output: .Q8_0, followsCommonRules: false) { tensor in
            guard tensor.matrixCount > 1 else { return .Q8_0 }
            // The latent projections of this family are stacks of matrices too, but no experts.
            guard tensor.model.architecture == "bailingmoe3" else { return .MXFP4 }
            switch tensor.role {
            case .feedForwardUp, .feedForwardGate, .feedForwardDown: return .MXFP4
            default: return .Q8_0
            }
        })
}
