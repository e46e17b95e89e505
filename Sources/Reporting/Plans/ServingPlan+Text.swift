package import Planning

extension ServingPlan {
    /// What is planned, in a line: `llama, 134.5 M parameters, Q4_K_M (4.85 bpw)`.
    package var headline: String {
        let active =
            activeParameterCount < 0.9 * Double(parameterCount)
            ? " (\(NumberFormat.count(Int(min(activeParameterCount, 9e18)))) active)" : ""
        return "\(architecture), \(NumberFormat.count(parameterCount)) parameters\(active), "
            + "\(type) (\(NumberFormat.fixed(bitsPerWeight, 2)) bpw), \(context) tokens × "
            + NumberFormat.counted(slots, "slot")
            + ", keys \(cacheTypeK), values \(cacheTypeV)"
    }

    /// The plan as lines of text.
    package var lines: [String] {
        var lines = ["\(model): \(headline)", "  \(layers)", ""]
        lines += memoryTable.lines + [""] + deviceTable.lines
        lines += ["", "  \(workingPoint)"]
        lines.append("  in a server: \(serverOptions.joined(separator: " "))")
        if let loadTable { lines += ["", "Load: \(loadSentence)"] + loadTable.lines }
        if let typeTable {
            lines += ["", typeTable.title] + typeTable.lines + typeLines.map { "  " + $0 }
        }
        lines += ["", "Engine, for \(adviceFor)"]
        lines += engines.choices.map { "  \($0.engine): \($0.reason)" }
        lines += engines.obstacles.map { "  not \($0.engine): \($0.reason)" }
        lines += ["", ruleTable.title]
        for row in ruleTable.rows {
            lines += ["  \(row[0]): \(row[1]); this plan \(row[2])", "    \(row[3])"]
        }
        if !remedies.isEmpty {
            lines += ["", "It fits nowhere as asked. What works:"] + remedies.map { "  " + $0 }
        }
        return lines
    }

    /// At which point speeds are given.
    package var workingPoint: String {
        "speeds of texts of \(min(context, load.inputTokens + load.outputTokens / 2)) tokens,"
            + " TTFT of prompts of \(min(context, load.inputTokens)); prices of one device each"
            + " (or of as many as share the model), see --list-hardware"
    }

    /// The load in words.
    package var loadSentence: String {
        var words: [String] = []
        if let rate = load.requestsPerSecond {
            words.append("\(PlanText.speed(rate)) requests/s")
        }
        words.append("\(load.inputTokens) tokens in, \(load.outputTokens) out")
        if let limit = load.timeToFirstToken { words.append("TTFT ≤ \(PlanText.seconds(limit))") }
        if let limit = load.timePerOutputToken {
            words.append("TPOT ≤ \(PlanText.seconds(limit))")
        }
        return words.joined(separator: ", ")
    }

    /// What the table of types says for each device.
    package var typeLines: [String] {
        var lines: [String] = []
        if types.contains(where: \.needsImportance) {
            lines.append("* asks for an importance matrix or calibration")
        }
        if types.contains(where: { $0.places.contains { $0.largestContext != nil && !$0.fits } }) {
            lines.append("! does not fit with the context asked for, \(context)")
        }
        if types.contains(where: { $0.places.contains { $0.count > 1 } }) {
            lines.append("(n) on n devices")
        }
        let obstacles = types.flatMap(\.places).contains { $0.obstacle != nil }
        if obstacles { lines.append("no: no engine runs the type on that device") }
        let isMeasured = types.contains { $0.divergence != nil }
        let why = isMeasured ? "of least measured divergence" : "of most bits"
        if types.contains(where: { $0.engines == nil }) {
            lines += bestLines(bestTypes.map { ($0.type, $0.device) }, "best that fits, \(why)")
        }
        if types.contains(where: { $0.engines != nil }) {
            lines += bestLines(
                bestTypes.map { ($0.checkpointType, $0.device) },
                "best directory for GPU engines that fits, \(why)")
        }
        return lines
    }

    /// The best types, each with the devices that it is best for.
    private func bestLines(
        _ bests: [(type: String?, device: String)], _ words: String
    ) -> [String] {
        var byType: [(type: String?, devices: [String])] = []
        for best in bests {
            if let index = byType.firstIndex(where: { $0.type == best.type }) {
                byType[index].devices.append(best.device)
            } else {
                byType.append((best.type, [best.device]))
            }
        }
        return byType.map { type, devices in
            let names = devices.joined(separator: ", ")
            return type.map { "\(words): \($0) on \(names)" }
                ?? "\(words): none on \(names)"
        }
    }
}
