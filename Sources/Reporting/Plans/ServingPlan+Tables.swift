package import Planning

/// A table of a plan, for the terminal and for the page.
package struct PlanTable {
    /// What it shows.
    package let title: String
    /// The columns' names; the first column names the row.
    package let headings: [String]
    /// The cells.
    package let rows: [[String]]
    /// Whether the last column is running text.
    package var endsInText = false

    /// The table as aligned text.
    package var lines: [String] {
        var table = TextTable(
            rightAligned: headings.indices.map { index in
                index > 0 && !(endsInText && index == headings.count - 1)
            })
        table.add(row: headings)
        for row in rows { table.add(row: row) }
        return table.lines
    }
}

extension ServingPlan {
    /// What the model takes, part by part.
    package var memoryTable: PlanTable {
        func row(_ name: String, _ bytes: Int, _ words: String) -> [String] {
            [name, NumberFormat.bytes(bytes), "\(bytes)", words]
        }
        return PlanTable(
            title: "Memory", headings: ["part", "size", "bytes", "how it is known"],
            rows: [
                row("weights", memory.weights, weightsFrom),
                row(
                    "cache", memory.cache,
                    "as llama.cpp allocates it; a token more takes \(cacheBytesPerToken) bytes"),
                row("states", memory.states, "as llama.cpp allocates them"),
                row("compute", memory.compute, "a margin: activations, masks, logits"),
                row("sum", memory.total, ""),
            ], endsInText: true)
    }

    /// The devices.
    package var deviceTable: PlanTable {
        PlanTable(
            title: "Devices",
            headings: [
                "device", "has", "needs", "fits", "context × \(slots)", "slots × \(context)",
                "tok/s one", "tok/s \(slots)", "TTFT", "$/month", "$/10⁶ tokens",
            ],
            rows: devices.map { plan in
                [
                    PlanText.name(plan),
                    NumberFormat.bytes(plan.usableBytes),
                    NumberFormat.bytes(plan.neededBytes), plan.fits ? "yes" : "no",
                    PlanText.count(plan.largestContext), PlanText.count(plan.largestSlots),
                    PlanText.speed(plan.singleTokensPerSecond),
                    PlanText.speed(plan.tokensPerSecond),
                    PlanText.seconds(plan.timeToFirstToken), PlanText.price(plan.pricePerMonth),
                    PlanText.price(plan.pricePerMillionTokens),
                ]
            })
    }

    /// What the load takes; `nil` without one.
    package var loadTable: PlanTable? {
        let plans = devices.filter { $0.load != nil }
        guard !plans.isEmpty else { return nil }
        return PlanTable(
            title: "Load",
            headings: [
                "device", "slots", "limited by", "TTFT", "TPOT", "in time", "requests/s",
                "replicas", "$/month", "$/10⁶ tokens",
            ],
            rows: plans.compactMap { plan in
                plan.load.map { load in
                    [
                        PlanText.name(plan), "\(load.slots)", load.limitedBy,
                        PlanText.seconds(load.timeToFirstToken),
                        PlanText.seconds(load.timePerOutputToken),
                        load.meetsLimits ? "yes" : "no", PlanText.speed(load.requestsPerSecond),
                        PlanText.count(load.replicas), PlanText.price(load.pricePerMonth),
                        PlanText.price(load.pricePerMillionTokens),
                    ]
                }
            })
    }

    /// The types against the devices: the longest context of each, with how many devices it takes.
    package var typeTable: PlanTable? {
        guard types.count > 1 || types.first?.divergence != nil else { return nil }
        let isMeasured = types.contains { $0.divergence != nil }
        let title =
            "Types: the longest context with \(NumberFormat.counted(slots, "slot")), "
            + "– where not even 256 fit"
        func name(_ type: TypeChoice) -> String { type.type + (type.needsImportance ? " *" : "") }
        // Whichever there are fewer of are the columns.
        if devices.count > types.count {
            return PlanTable(
                title: title, headings: ["device"] + types.map(name),
                rows: devices.indices.map { index in
                    [devices[index].device.name]
                        + types.map { PlanText.place($0.places[index]) }
                })
        }
        return PlanTable(
            title: title,
            headings: ["type", "weights", "bpw"] + (isMeasured ? ["KLD"] : [])
                + devices.map(\.device.name),
            rows: types.map { type in
                [
                    name(type), NumberFormat.bytes(type.weights),
                    NumberFormat.fixed(type.bitsPerWeight, 2),
                ] + (isMeasured ? [type.divergence.map { NumberFormat.fixed($0, 4) } ?? ""] : [])
                    + type.places.map(PlanText.place)
            })
    }

    /// The rough rules.
    package var ruleTable: PlanTable {
        PlanTable(
            title: "Rules of thumb, for \(adviceFor)",
            headings: ["rule of thumb", "says", "this plan", "why they differ"],
            rows: rulesOfThumb.map { rule in
                [
                    rule.rule, PlanText.quantity(rule.rough, rule.unit),
                    rule.exact.map { PlanText.quantity($0, rule.unit) } ?? "–", rule.reason,
                ]
            }, endsInText: true)
    }
}

/// Numbers of plans in words.
package enum PlanText {
    static func name(_ plan: DevicePlan) -> String {
        plan.count > 1 ? "\(plan.count) × \(plan.device.name)" : plan.device.name
    }

    static func count(_ count: Int?) -> String { count.map { "\($0)" } ?? "–" }

    static func place(_ place: TypeChoice.Place) -> String {
        if place.obstacle != nil { return "no" }
        guard let context = place.largestContext else { return "–" }
        return "\(context)" + (place.count > 1 ? " (\(place.count))" : "")
            + (place.fits ? "" : " !")
    }

    /// Three digits of a speed.
    static func speed(_ value: Double?) -> String {
        guard let value, value.isFinite else { return "–" }
        return value >= 1e15
            ? "–" : NumberFormat.fixed(value, value >= 100 ? 0 : value >= 10 ? 1 : 2)
    }

    static func seconds(_ value: Double?) -> String {
        guard let value, value.isFinite, value < 1e12 else { return "–" }
        return value < 1
            ? "\(NumberFormat.fixed(value * 1000, value < 0.01 ? 2 : value < 0.1 ? 1 : 0)) ms"
            : "\(NumberFormat.fixed(value, value < 100 ? 1 : 0)) s"
    }

    static func price(_ value: Double?) -> String {
        guard let value, value.isFinite, value < 1e15 else { return "–" }
        return NumberFormat.fixed(value, value >= 100 ? 0 : value >= 1 ? 2 : 4)
    }

    static func quantity(_ value: Double, _ unit: String) -> String {
        guard value.isFinite, value < 9e18 else { return "–" }
        switch unit {
        case "bytes": return NumberFormat.bytes(Int(value))
        case "tokens/s": return "\(speed(value)) \(unit)"
        default: return NumberFormat.counted(Int(value), String(unit.dropLast()))
        }
    }
}
