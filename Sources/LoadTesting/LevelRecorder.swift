/// Adds up the requests of a level.
struct LevelRecorder {
    private let level: LoadLevel
    private let serviceLevels: ServiceLevels
    private let promptTokenCount: Int?
    private let start: Double
    private var end: Double
    private var (ttft, tpot, itl, e2e) = (
        Distribution(), Distribution(), Distribution(), Distribution()
    )
    private var result: LevelResult
    private(set) var failuresInARow = 0

    init(
        _ level: LoadLevel, serviceLevels: ServiceLevels, promptTokenCount: Int?, start: Double
    ) {
        self.level = level
        self.serviceLevels = serviceLevels
        self.promptTokenCount = promptTokenCount
        self.start = start
        end = start
        result = LevelResult(level)
    }

    mutating func record(_ outcome: RequestOutcome) {
        end = max(end, outcome.end)
        result.latenessMax = max(result.latenessMax, outcome.lateness)
        switch outcome.result {
        case .cancelled: result.cancelled += 1
        case .failure(let failure):
            failuresInARow += 1
            result.errors[failure.name, default: 0] += 1
            if result.errorExamples[failure.name] == nil {
                result.errorExamples[failure.name] = failure.detail
            }
        case .success(let request):
            failuresInARow = 0
            add(request)
        }
    }

    private mutating func add(_ request: MeasuredRequest) {
        result.completed += 1
        result.inputTokens += request.promptTokens
        result.outputTokens += request.outputTokens
        if request.outputTokens < request.limit { result.shortAnswers += 1 }
        if let promptTokenCount, request.promptTokens != promptTokenCount {
            result.otherPromptLengths += 1
        }
        if serviceLevels.areMet(by: request) { result.good += 1 }
        ttft.record(request.ttft)
        if let seconds = request.tpot { tpot.record(seconds) }
        for gap in request.gaps { itl.record(gap) }
        e2e.record(request.e2e)
    }

    /// What is told of the level, up to the end of its last request.
    func finished(isCutShort: Bool, isGivenUp: Bool) -> LevelResult {
        var result = result
        result.finish(seconds: end - start)
        (result.ttft, result.tpot) = (ttft.summary, tpot.summary)
        (result.itl, result.e2e) = (itl.summary, e2e.summary)
        (result.isCutShort, result.isGivenUp) = (isCutShort, isGivenUp)
        if !serviceLevels.isEmpty {
            result.goodput = result.seconds > 0 ? Double(result.good) / result.seconds : 0
            result.goodShare = Double(result.good) / Double(max(1, result.measured))
        }
        return result
    }
}
