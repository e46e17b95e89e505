public import Evaluation

extension QualityReport {
    /// One quantized file and how far it is from the base.
    ///
    /// The members of `statistics` are the level's too: `level.divergence.mean`.
    @dynamicMemberLookup
    public struct Level: Sendable, Hashable {
        /// The name of its file type, `Q4_K_M`.
        public var name: String
        /// The file's name, without its folder.
        public var fileName: String
        /// The file's length (of all its parts).
        public var fileByteCount: Int
        /// Bits of tensor data per weight.
        public var bitsPerWeight: Double
        /// What was measured.
        public var statistics: LevelStatistics
        /// Tokens evaluated per second, when it was timed.
        public var tokensPerSecond: Double?
        /// A digest of the file's bytes, `sha256:…`, when one was taken.
        public var digest: String?
        /// The importance matrix that the file says it was quantized with.
        public var importanceMatrix: String?
        /// What it was rounded by, as the file says; `nil` in reports made before this was told.
        public var rounding: Rounding?
        /// The texts that it was calibrated on, where it was.
        public var calibration: ProvenanceRecord.Calibration?
        /// What the rounding changes beside a level of the same type with a simpler one.
        public var roundingChange: RoundingChange?

        /// Creates a level.
        public init(
            name: String, fileName: String, fileByteCount: Int, bitsPerWeight: Double,
            statistics: LevelStatistics, tokensPerSecond: Double? = nil, digest: String? = nil,
            importanceMatrix: String? = nil, rounding: Rounding? = nil,
            calibration: ProvenanceRecord.Calibration? = nil,
            roundingChange: RoundingChange? = nil
        ) {
            self.name = name
            self.fileName = fileName
            self.fileByteCount = fileByteCount
            self.bitsPerWeight = bitsPerWeight
            self.statistics = statistics
            self.tokensPerSecond = tokensPerSecond
            self.digest = digest
            self.importanceMatrix = importanceMatrix
            self.rounding = rounding
            self.calibration = calibration
            self.roundingChange = roundingChange
        }

        /// A figure that was measured.
        public subscript<Value>(
            dynamicMember figure: WritableKeyPath<LevelStatistics, Value>
        ) -> Value {
            get { statistics[keyPath: figure] }
            set { statistics[keyPath: figure] = newValue }
        }
    }
}

extension QualityReport.Level: Codable {
    // What is measured stands beside what the file is, in one object.
    private enum CodingKeys: CodingKey {
        case name, fileName, fileByteCount, bitsPerWeight, tokensPerSecond, digest, importanceMatrix
        case rounding, calibration, roundingChange
    }

    /// Reads a level.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            name: try container.decode(String.self, forKey: .name),
            fileName: try container.decode(String.self, forKey: .fileName),
            fileByteCount: try container.decode(Int.self, forKey: .fileByteCount),
            bitsPerWeight: try container.decode(Double.self, forKey: .bitsPerWeight),
            statistics: try LevelStatistics(from: decoder),
            tokensPerSecond: try container.decodeIfPresent(Double.self, forKey: .tokensPerSecond),
            digest: try container.decodeIfPresent(String.self, forKey: .digest),
            importanceMatrix: try container.decodeIfPresent(String.self, forKey: .importanceMatrix),
            rounding: try container.decodeIfPresent(
                QualityReport.Rounding.self, forKey: .rounding),
            calibration: try container.decodeIfPresent(
                ProvenanceRecord.Calibration.self, forKey: .calibration),
            roundingChange: try container.decodeIfPresent(
                QualityReport.RoundingChange.self, forKey: .roundingChange))
    }

    /// Writes a level.
    public func encode(to encoder: any Encoder) throws {
        try statistics.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(name, forKey: .name)
        try container.encode(fileName, forKey: .fileName)
        try container.encode(fileByteCount, forKey: .fileByteCount)
        try container.encode(bitsPerWeight, forKey: .bitsPerWeight)
        try container.encodeIfPresent(tokensPerSecond, forKey: .tokensPerSecond)
        try container.encodeIfPresent(digest, forKey: .digest)
        try container.encodeIfPresent(importanceMatrix, forKey: .importanceMatrix)
        try container.encodeIfPresent(rounding, forKey: .rounding)
        try container.encodeIfPresent(calibration, forKey: .calibration)
        try container.encodeIfPresent(roundingChange, forKey: .roundingChange)
    }
}
