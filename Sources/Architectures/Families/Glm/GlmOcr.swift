import TensorCore

extension ModelFamily {
    /// GLM-OCR, which also predicts a further token with a layer behind the last.
    public static let glmOcr: ModelFamily = {
        var family = glm4V
        family.name = "GlmOcr"
        family.classes = ["GlmOcrForConditionalGeneration"]
        family.defaults += [.integer("num_nextn_predict_layers", 0)]
        family.keys += [.count("nextn_predict_layers", "num_nextn_predict_layers")]
        family.tensors = [glm4VTensors, .predictorModules]
        family.checkpoint.multiTokenPrediction = .kept
        return family
    }()
}
