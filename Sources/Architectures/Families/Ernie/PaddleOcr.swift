import TensorCore

extension ModelFamily {
    /// The language model of PaddleOCR-VL: ERNIE 4.5 whose rotation has sections, by halves.
    public static let paddleOcr: ModelFamily = {
        var family = ernie
        family.name = "PaddleOcr"
        family.architecture = "paddleocr"
        family.classes = ["PaddleOCRVLForConditionalGeneration"]
        family.export = nil
        family.decoder = .blocks(.init(pairing: .halves))
        return family
    }()
}
