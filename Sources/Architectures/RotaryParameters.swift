#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif
import TensorCore

/// How the rotary embedding is turned and stretched, whichever way the configuration spells it.
public struct RotaryParameters: Sendable {
    /// The name of the scaling: `default`, `linear`, `yarn`, `llama3`, `longrope`.
    public let type: String
    /// The base of the frequencies.
    public let theta: Double?
    /// The base of the frequencies in layers with a sliding window, where it differs.
    public let localTheta: Double?
    /// The part of a head that turns, where the configuration says.
    public let partialFactor: Double?
    private let values: JSON
    /// The parameters of layers with a sliding window, where they are said apart.
    private let local: JSON?
    private let configuration: ModelConfiguration
    private let key: String

    /// A number of the scaling's parameters.
    public func number(_ name: String) throws(ArchitectureError) -> Double? {
        guard let value = values[name], !value.isNull else { return nil }
        guard let number = value.double else {
            throw configuration.fault(
                .invalidValue(found: value.kindName, expected: "a number"), "\(key).\(name)")
        }
        return number
    }

    /// An integer of the scaling's parameters.
    public func integer(_ name: String) throws(ArchitectureError) -> Int? {
        guard let value = values[name], !value.isNull else { return nil }
        guard let integer = value.integer else {
            throw configuration.fault(
                .invalidValue(found: value.kindName, expected: "an integer"), "\(key).\(name)")
        }
        return integer
    }

    /// A list of numbers among the scaling's parameters.
    func numbers(_ name: String) throws(ArchitectureError) -> [Double]? {
        guard let value = values[name], !value.isNull else { return nil }
        guard let numbers = value.array?.map(\.double), !numbers.contains(nil) else {
            throw invalid(name, found: value.kindName, expected: "a list of numbers")
        }
        return numbers.compactMap { $0 }
    }

    /// How many pairs of a head turn by each of four positions (`mrope_section`, filled up with 0);
    /// `nil` where the configuration does not say.
    func sections() throws(ArchitectureError) -> [Int32]? {
        let name = "mrope_section"
        guard let value = values[name], !value.isNull else { return nil }
        let sections = value.array?.map { $0.integer.flatMap { Int32(exactly: $0) } }
        guard let sections, !sections.contains(where: { ($0 ?? -1) < 0 }) else {
            throw invalid(name, found: value.kindName, expected: "a list of counts")
        }
        return Array((sections.compactMap { $0 } + [0, 0, 0, 0]).prefix(4))
    }

    /// The context that the model was trained with before it was stretched: the whole context
    /// where the configuration says it neither beside the scaling, which counts first, nor in it.
    func originalContext() throws(ArchitectureError) -> Int {
        let name = "original_max_position_embeddings"
        var given = try configuration.integer(name)
        if given == nil { given = try integer(name) }
        guard let context = given else {
            return try configuration.required("max_position_embeddings")
        }
        guard context > 0 else {
            throw invalid(name, found: "\(context)", expected: "a positive integer")
        }
        return context
    }

    /// An error about one of the scaling's parameters.
    func invalid(_ name: String, found: String, expected: String) -> ArchitectureError {
        configuration.fault(.invalidValue(found: found, expected: expected), "\(key).\(name)")
    }

    /// An error about the kind of scaling.
    func unsupported(_ supported: [String]) -> ArchitectureError {
        configuration.fault(
            .unsupportedRotaryScaling(type, supported: supported), "\(key).rope_type")
    }

    /// Scalings that the family's files do not have: one that its readers do not know, and one of
    /// layers with a sliding window, for which files have a base and nothing else.
    func departures(_ rules: RotaryRules) -> [ArchitectureError] {
        var departures: [ArchitectureError] = []
        // A dynamic one counts beyond the context of the training only.
        if type != "dynamic", !rules.scalings.contains(type), rules.lost.contains(type) {
            departures.append(
                configuration.inexpressible(
                    "\(key).rope_type", found: "\"\(type)\"", expected: "\"default\""))
        }
        if let name = (local?["rope_type"] ?? local?["type"])?.text, name != "default" {
            departures.append(
                configuration.inexpressible(
                    "\(key).sliding_attention.rope_type", found: "\"\(name)\"",
                    expected: "the base of these layers alone"))
        }
        return departures
    }

    /// Reads `rope_parameters`, or `rope_scaling` and `rope_theta` of older files.
    ///
    /// `rope_parameters` may be one object, or one for each kind of attention. Where a file has
    /// both spellings, transformers goes by the older.
    public init(_ configuration: ModelConfiguration) throws(ArchitectureError) {
        let isOlder =
            configuration["rope_scaling"].map { $0.members?.isEmpty == false } ?? false
            || configuration["rope_parameters"] == nil
        let key = isOlder ? "rope_scaling" : "rope_parameters"
        let given = configuration[key]
        if let given, given.members == nil {
            throw configuration.fault(
                .invalidValue(found: given.kindName, expected: "an object"), key)
        }
        local = given?["sliding_attention"]
        values = given?["full_attention"] ?? given ?? .object([])
        self.key = key
        self.configuration = configuration
        let name = values["rope_type"] ?? values["type"]
        if let name, name.text == nil {
            throw configuration.fault(
                .invalidValue(found: name.kindName, expected: "a string"), "\(key).rope_type")
        }
        // Sections of the rotation are no stretching.
        type = name?.text.map { $0 == "mrope" ? "default" : $0 } ?? "default"

        func number(_ value: JSON?, _ key: String) throws(ArchitectureError) -> Double? {
            guard let value, !value.isNull else { return nil }
            guard let number = value.double else {
                throw configuration.fault(
                    .invalidValue(found: value.kindName, expected: "a number"), key)
            }
            return number
        }
        let global = configuration.first(of: [
            "global_rope_theta", "rope_global_theta", "rope_theta_global", "rope_theta",
            "rotary_emb_base",
        ])
        let sliding = configuration.first(of: [
            "local_rope_theta", "rope_local_theta", "rope_theta_local", "swa_rope_theta",
            "rope_local_base_freq",
        ])
        theta = try number(
            values["rope_theta"] ?? global?.value, global?.key ?? "\(key).rope_theta")
        let partial = configuration.first(of: [
            "partial_rotary_factor", "rope_pct", "rope_percent",
        ])
        partialFactor = try number(
            values["partial_rotary_factor"] ?? partial?.value,
            partial?.key ?? "\(key).partial_rotary_factor")
        localTheta = try number(
            local?["rope_theta"] ?? sliding?.value,
            sliding?.key ?? "\(key).sliding_attention.rope_theta")
    }
}

extension RotaryParameters {
    /// Checks that what transformers asks of each kind of scaling is there.
    ///
    /// - Returns: Sentences about what is there and not read.
    func review() throws(ArchitectureError) -> [String] {
        let needed: [String: [String]] = [
            "linear": ["factor"], "dynamic": ["factor"], "yarn": ["factor"],
            "llama3": ["factor", "low_freq_factor", "high_freq_factor"],
        ]
        for name in needed[type, default: []] {
            guard let value = try number(name) else {
                throw invalid(name, found: "nothing", expected: "a number for \"\(type)\"")
            }
            guard value > 0, value.isFinite else {
                throw invalid(name, found: "\(value)", expected: "a positive number")
            }
        }
        var notices: [String] = []
        if type == "default", values["rope_type"] == nil, let factor = try number("factor") {
            notices.append(
                "\(key) has a factor of \(factor) and no rope_type; as in transformers it is not "
                    + "applied")
        }
        if let beside = configuration["rope_theta"]?.double, let theta,
            values["rope_theta"] != nil, beside != theta
        {
            notices.append(
                "rope_theta is \(beside) and \(key).rope_theta \(theta); the latter is taken, as "
                    + "in transformers")
        }
        return notices
    }

    /// The factors by which Llama 3 divides each frequency: `rope_freqs.weight`.
    ///
    /// Long waves are slowed down by `factor`, short ones are left alone, and those between are
    /// blended (the `llama3` rule of transformers' `modeling_rope_utils`). Each step rounds to F32
    /// where the reference converter's tensors do, so that the values agree to the bit.
    ///
    /// - Parameters:
    ///   - dimension: The size of a head.
    ///   - contextLength: The context that the model was trained with before it was stretched.
    func llama3Factors(
        dimension: Int, contextLength: Int
    ) throws(ArchitectureError) -> [Float] {
        let base = theta ?? 10000
        let factor = try number("factor") ?? 8
        let low = try number("low_freq_factor") ?? 1
        let high = try number("high_freq_factor") ?? 4
        let context = Double(contextLength)
        var factors: [Float] = []
        for index in stride(from: 0, to: dimension, by: 2) {
            let exponent = Float(index) / Float(dimension)
            let frequency = 1 / Float(pow(base, Double(exponent)))
            let wavelength = (1 / frequency) * Float(2 * Double.pi)
            if Double(wavelength) < context / high {
                factors.append(1)
            } else if Double(wavelength) > context / low {
                factors.append(Float(factor))
            } else {
                let turns = (1 / wavelength) * Float(context)
                let smooth = (turns - Float(low)) / Float(high - low)
                factors.append(1 / ((1 - smooth) / Float(factor) + smooth))
            }
        }
        return factors
    }
}
