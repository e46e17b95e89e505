import Foundation

/// Unicode's normalization forms.
enum UnicodeForm {
    case nfc, nfd, nfkc, nfkd

    func normalized(_ scalars: [UInt32]) -> [UInt32] {
        if scalars.allSatisfy({ $0 < 0x80 }) { return scalars }
        var view = String.UnicodeScalarView()
        for scalar in scalars { if let scalar = Unicode.Scalar(scalar) { view.append(scalar) } }
        let text = String(view)
        let result =
            switch self {
            case .nfc: text.precomposedStringWithCanonicalMapping
            case .nfd: text.decomposedStringWithCanonicalMapping
            case .nfkc:
                // In two steps: Foundation does not compose what a compatibility mapping has made.
                text.decomposedStringWithCompatibilityMapping.precomposedStringWithCanonicalMapping
            case .nfkd: text.decomposedStringWithCompatibilityMapping
            }
        return result.unicodeScalars.map(\.value)
    }
}
