public import TensorCore

/// What a model directory says about how its weights are quantized: `quantization_config` of
/// `config.json`, or the file that stands for it.
public struct QuantizationConfiguration: Sendable {
    /// The object.
    public let json: JSON
    /// The file that it is in.
    public let path: String
    /// Its key in the file; empty for the whole file.
    public let place: String

    /// Wraps an object of `path`.
    public init(json: JSON, path: String, place: String) {
        // ModelOpt's own file, and some configurations made of it, nest what they say.
        if json["quant_algo"] == nil, let inner = json["quantization"]?.members {
            let outer = json.members?.filter { $0.key != "quantization" } ?? []
            let keys = Set(inner.map(\.key))
            self.json = .object(inner + outer.filter { !keys.contains($0.key) })
        } else {
            self.json = json
        }
        self.path = path
        self.place = place
    }

    /// The method's name in lower case: `gptq`; `nil` when the object does not say.
    ///
    /// Some libraries do not write it and are told by their own keys.
    public var method: String? {
        if let name = json["quant_method"]?.text { return name.lowercased() }
        if json["load_in_4bit"]?.boolean == true || json["load_in_8bit"]?.boolean == true {
            return "bitsandbytes"
        }
        if json["quant_algo"] != nil || json["producer"]?["name"]?.text == "modelopt" {
            return "modelopt"
        }
        if json["group_size"] != nil, json["bits"] != nil {
            return json["desc_act"] == nil ? "mlx" : "gptq"
        }
        return nil
    }

    /// The object under `key`, which has to be one.
    func object(_ key: String) throws -> QuantizationConfiguration {
        guard let value = json[key], value.members != nil else {
            throw fault(key, found: json[key]?.kindName ?? "nothing", expected: "an object")
        }
        return QuantizationConfiguration(
            json: value, path: path, place: place.isEmpty ? key : "\(place).\(key)")
    }

    /// A whole number in `range`; `fallback` when there is none.
    func integer(_ key: String, in range: ClosedRange<Int>, otherwise fallback: Int? = nil) throws
        -> Int
    {
        let expected = "a whole number from \(range.lowerBound) to \(range.upperBound)"
        guard let value = json[key], !value.isNull else {
            if let fallback { return fallback }
            throw fault(key, found: "nothing", expected: expected)
        }
        guard let integer = value.integer, range.contains(integer) else {
            throw fault(
                key, found: value.integer.map(String.init) ?? value.kindName, expected: expected)
        }
        return integer
    }

    /// A text; `fallback` when there is none.
    func text(_ key: String, otherwise fallback: String? = nil) throws -> String {
        guard let value = json[key], !value.isNull else {
            if let fallback { return fallback }
            throw fault(key, found: "nothing", expected: "a string")
        }
        guard let text = value.text else {
            throw fault(key, found: value.kindName, expected: "a string")
        }
        return text
    }

    /// A Boolean; `fallback` when there is none.
    func boolean(_ key: String, otherwise fallback: Bool) throws -> Bool {
        guard let value = json[key], !value.isNull else { return fallback }
        guard let boolean = value.boolean else {
            throw fault(key, found: value.kindName, expected: "true or false")
        }
        return boolean
    }

    /// Rows and columns of a block; `nil` when there are none.
    func block(_ key: String) throws -> (rows: Int, columns: Int)? {
        guard let value = json[key], !value.isNull else { return nil }
        let numbers = value.array?.compactMap(\.integer) ?? []
        guard value.array?.count == 2, numbers.count == 2, numbers.allSatisfy({ $0 > 0 }) else {
            throw fault(key, found: value.kindName, expected: "two positive numbers")
        }
        return (numbers[0], numbers[1])
    }

    /// An error about a key.
    func fault(_ key: String, found: String, expected: String) -> SafetensorsError {
        SafetensorsError(
            .malformedQuantization(found: found, expected: expected), path: path,
            place: place.isEmpty ? key : "\(place).\(key)")
    }
}
