import Evaluation
import GGUF
public import Inference
import Quantization
import TensorCore
public import Templates
public import Tokenization

/// A model with what a server has to know of it.
public struct ServedModel: Sendable {
    /// The model.
    public let model: Model
    /// Its tokenizer.
    public let tokenizer: Tokenizer
    /// Its chat template; `nil` where it has none.
    public let template: ChatTemplate?
    /// The template's text.
    public let templateSource: String?
    /// Names that requests may call it by; the first is its own.
    public let names: [String]
    /// What answers are like where requests say nothing of it.
    public let preset: ModelPreset
    private let controls: [ByteString: Int32]

    /// Describes a model.
    public init(
        model: Model, tokenizer: Tokenizer, template: ChatTemplate?, templateSource: String?,
        names: [String], preset: ModelPreset = ModelPreset()
    ) {
        precondition(!names.isEmpty, "a model needs a name")
        self.model = model
        self.tokenizer = tokenizer
        self.template = template
        self.templateSource = templateSource
        self.names = names
        self.preset = preset
        let vocabulary = tokenizer.vocabulary
        var controls: [ByteString: Int32] = [:]
        for (index, type) in vocabulary.types.enumerated()
        where type == .control && vocabulary.tokens.indices.contains(index) {
            controls[vocabulary.tokens[index]] = Int32(index)
        }
        self.controls = controls
    }

    /// The name that answers carry.
    public var name: String { names[0] }

    /// The names of a model's file, with and without its ending.
    public static func names(ofFile path: String) -> [String] {
        let file = path.split(separator: "/").last.map(String.init) ?? path
        let stem = file.hasSuffix(".gguf") ? String(file.dropLast(5)) : file
        return stem == file ? [stem] : [stem, file]
    }

    /// Whether a request means this model; a name may end in `:latest`.
    func isCalled(_ name: String) -> Bool {
        names.contains(name)
            || name.hasSuffix(":latest") && names.contains(String(name.dropLast(7)))
    }

    /// The control tokens of some names, where there are such tokens.
    func tokens(named texts: [String]) -> Set<Int32> {
        Set(texts.compactMap { controls[ByteString($0)] })
    }

    // MARK: Facts

    /// When its file was made, in seconds since 1970.
    var modifiedSeconds: Int { model.source.files.first?.identity.modifiedSeconds ?? 0 }
    /// The bytes of its files.
    var byteCount: Int { model.source.files.reduce(0) { $0 + $1.byteCount } }
    /// The number of its weights.
    var parameterCount: Int {
        model.source.tensors.reduce(0) { $0 + $1.shape.elementCount }
    }
    /// The family's name.
    var family: String { model.source.metadata["general.architecture"]?.text ?? "unknown" }
    /// The name of its file type, such as `Q4_K_M`.
    var fileType: String {
        guard let number = model.source.metadata["general.file_type"]?.integer else {
            return "unknown"
        }
        return Recipe.all.first { $0.fileType.map(Int.init) == number }?.name ?? "unknown"
    }
    /// The number of weights for people, such as `134.5M`.
    var parameterSize: String {
        let count = Double(parameterCount)
        func number(_ value: Double) -> String {
            let tenths = Int((value * 10).rounded())
            return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
        }
        if count >= 1e9 { return number(count / 1e9) + "B" }
        return count >= 1e6 ? number(count / 1e6) + "M" : number(count / 1e3) + "K"
    }
}
