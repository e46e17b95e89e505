public import Foundation
import HTTPRequests
import Reporting

/// What a load test measured, and how; times are in seconds.
public struct LoadReport: Sendable, Codable {
    /// The number of the JSON's layout.
    public static let schemaVersion = 1

    /// How it was measured.
    public struct Setup: Sendable, Codable {
        /// The program and its version.
        public var tool: String
        /// When the test began.
        public var date: Date
        /// The server's address.
        public var server: String
        /// Which endpoint was asked.
        public var endpoint: LoadEndpoint
        /// The model's name.
        public var model: String
        /// Where prompts came from, in words.
        public var prompts: String
        /// The tokens of each prompt; `nil` when they differ.
        public var inputTokens: Int?
        /// The tokens that were asked for.
        public var outputTokens: Int
        /// Whether texts went on behind their end tokens.
        public var ignoresEnd: Bool
        /// The most requests of a level.
        public var requestCount: Int?
        /// Seconds after which a level sent no more.
        public var duration: Double?
        /// Requests before each level that were not measured.
        public var warmupCount: Int
        /// Seconds for a request.
        public var timeout: Double
        /// What prompts and arrivals were drawn with.
        public var seed: UInt64
        /// What good requests keep.
        public var serviceLevels: ServiceLevels?

        /// The setup of a plan against a target.
        public init(
            tool: String, date: Date, target: LoadTarget, plan: LoadPlan, prompts: String,
            inputTokens: Int?
        ) {
            self.tool = tool
            self.date = date
            server = target.address.root
            endpoint = target.endpoint
            model = target.model
            self.prompts = prompts
            self.inputTokens = inputTokens
            outputTokens = target.outputTokens
            ignoresEnd = target.ignoresEnd
            requestCount = plan.requestCount
            duration = plan.duration
            warmupCount = plan.warmupCount
            timeout = plan.timeout
            seed = plan.seed
            serviceLevels = plan.serviceLevels.isEmpty ? nil : plan.serviceLevels
        }
    }

    /// The number of the layout.
    public var schemaVersion = LoadReport.schemaVersion
    /// How it was measured.
    public var setup: Setup
    /// The levels, in the order in which they were run.
    public var levels: [LevelResult]
    /// The gates, level by level.
    public var checks: [LoadCheck]
    /// What a reader has to know.
    public var notes: [String]

    /// A report; gates are held against every level.
    public init(
        setup: Setup, levels: [LevelResult], gates: [LoadGate] = [], notes: [String] = []
    ) {
        self.setup = setup
        self.levels = levels
        checks = gates.flatMap { gate in levels.map(gate.check) }
        self.notes = notes + levels.flatMap { LoadReport.notes(on: $0, setup) }
    }

    /// Throws when no request of any level went well.
    public func requireResults() throws(LoadTestError) {
        guard levels.allSatisfy({ $0.completed == 0 }), let level = levels.first else { return }
        let errors = level.errors.sorted { $0.key < $1.key }.map { "\($0.value) × \($0.key)" }
        throw LoadTestError(
            .nothingMeasured(
                level: level.level,
                detail: errors.isEmpty ? "stopped" : errors.joined(separator: ", ")),
            address: setup.server)
    }

    private static func notes(on level: LevelResult, _ setup: Setup) -> [String] {
        var notes: [String] = []
        func note(_ text: String) { notes.append("Level \(level.level): \(text).") }
        for (name, count) in level.errors.sorted(by: { $0.key < $1.key }) {
            note("\(count) × \(name), first: \(visible(level.errorExamples[name] ?? ""))")
        }
        if level.isGivenUp { note("given up, nothing but errors came") }
        if level.isCutShort {
            note("stopped before its end, \(level.cancelled) requests still ran")
        }
        if level.otherPromptLengths > 0, let count = setup.inputTokens {
            note(
                "\(level.otherPromptLengths) prompts have not \(count) tokens by the server's count"
            )
        }
        if level.shortAnswers > 0, setup.ignoresEnd {
            note("\(level.shortAnswers) texts are shorter than was asked for")
        }
        // A tenth of a second is more than a machine with time to spare takes.
        if level.latenessMax > 0.1 {
            let late = NumberFormat.fixed(level.latenessMax, 1)
            note("requests were sent up to \(late) s late, which their times hold")
        }
        return notes
    }
}
