/// Documents that have a share of the rows together: a kind's, or one text of the user's.
package struct CalibrationStratum {
    let kind: CalibrationDocument.Kind
    /// The documents' names.
    let names: [String]
    /// The share that it should have, beside the weights of the others.
    let weight: Double
    /// All rows that it could give, in the order of the text.
    let rows: [[Int32]]
    /// The rows that it may give at most.
    let capacity: Int
    let tokenCount: Int

    /// From this share of characters on that are spelled in bytes a document counts as such.
    private static let spelledLimit = 0.25
    /// What a document spelled in bytes weighs, beside another.
    private static let spelledWeight = 0.125

    private static func share(of kind: CalibrationDocument.Kind) -> Double {
        switch kind {
        case .prose: 0.32
        case .code: 0.26
        case .chat: 0.22
        case .multilingual: 0.20
        case .random: 0
        case .own: 1
        }
    }

    /// The strata of documents: one for each text of the user's, those shorter than a row together;
    /// for each kind of the mix one for the documents that the tokenizer has characters for, and a
    /// lighter one for the rest.
    static func strata(of documents: [EncodedDocument], rowLength: Int) -> [CalibrationStratum] {
        var strata: [CalibrationStratum] = []
        for kind in CalibrationDocument.Kind.allCases {
            let all = documents.filter { $0.document.kind == kind }
            if kind == .own {
                let short = all.filter { $0.tokens.count < rowLength }
                let parts = all.filter { $0.tokens.count >= rowLength }.map { [$0] }
                strata += (short.isEmpty ? parts : parts + [short]).map {
                    CalibrationStratum($0, kind, weight: 1, scale: 1, rowLength: rowLength)
                }
                continue
            }
            let total = all.reduce(0) { $0 + $1.characterCount }
            for isSpelled in [false, true] {
                let part = all.filter { ($0.spelledShare > spelledLimit) == isSpelled }
                guard !part.isEmpty else { continue }
                let characters = part.reduce(0) { $0 + $1.characterCount }
                let scale = isSpelled ? spelledWeight : 1
                strata.append(
                    CalibrationStratum(
                        part, kind,
                        weight: share(of: kind) * scale * Double(characters)
                            / Double(max(1, total)),
                        scale: scale, rowLength: rowLength))
            }
        }
        return strata
    }

    private init(
        _ documents: [EncodedDocument], _ kind: CalibrationDocument.Kind, weight: Double,
        scale: Double, rowLength: Int
    ) {
        self.kind = kind
        self.weight = weight
        names = documents.map(\.document.name)
        let tokens = documents.map(\.tokens)
        tokenCount = tokens.reduce(0) { $0 + $1.count }
        rows = CalibrationStratum.rows(of: tokens, length: rowLength)
        capacity = Int((Double(rows.count) * scale).rounded(.up))
    }

    /// Cuts texts that follow one another into rows; where the next text begins within a quarter of a
    /// row, the next row begins with it.
    package static func rows(of documents: [[Int32]], length: Int) -> [[Int32]] {
        var stream: [Int32] = []
        var starts: [Int] = []
        for tokens in documents {
            starts.append(stream.count)
            stream += tokens
        }
        var rows: [[Int32]] = []
        var position = 0
        var next = 0
        while position + length <= stream.count {
            rows.append(Array(stream[position..<position + length]))
            position += length
            while next < starts.count, starts[next] < position { next += 1 }
            if next < starts.count, starts[next] - position <= length / 4 {
                position = starts[next]
            }
        }
        return rows
    }
}

/// Parts of a whole number by weights.
package enum Apportionment {
    /// Divides `total` by weights, none above its capacity; what one cannot take goes to the others.
    ///
    /// What remains of fractions goes to the largest, the first of equal ones.
    package static func counts(of total: Int, weights: [Double], capacities: [Int]) -> [Int] {
        var counts = [Int](repeating: 0, count: weights.count)
        var open = weights.indices.filter { weights[$0] > 0 && capacities[$0] > 0 }
        var left = total
        while !open.isEmpty, left > 0 {
            let sum = open.reduce(0) { $0 + weights[$1] }
            let full = open.filter { Double(left) * weights[$0] / sum >= Double(capacities[$0]) }
            if full.isEmpty {
                let parts = open.map { (index: $0, part: Double(left) * weights[$0] / sum) }
                for (index, part) in parts { counts[index] = Int(part) }
                let missing = left - parts.reduce(0) { $0 + Int($1.part) }
                let byRemainder = parts.sorted {
                    let (a, b) = (
                        $0.part - $0.part.rounded(.down), $1.part - $1.part.rounded(.down)
                    )
                    return a != b ? a > b : $0.index < $1.index
                }
                for (index, _) in byRemainder.prefix(missing) { counts[index] += 1 }
                break
            }
            for index in full {
                counts[index] = capacities[index]
                left -= capacities[index]
            }
            open.removeAll { full.contains($0) }
        }
        return counts
    }
}
