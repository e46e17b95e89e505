/// A place between two rows of a list of items that have rows, such as a file's tensors.
public struct PartCut: Sendable, Hashable, Comparable {
    /// The item that it is in or before.
    public let item: Int
    /// The rows of that item before it.
    public let row: Int

    /// The place before a row.
    public init(item: Int, row: Int) {
        self.item = item
        self.row = row
    }

    /// Compares places in the order of the list.
    public static func < (left: PartCut, right: PartCut) -> Bool {
        (left.item, left.row) < (right.item, right.row)
    }
}

/// How work is divided: in stretches of one list, of about equal cost.
public enum PartShares {
    /// Cuts a list whose items can be cut between rows.
    ///
    /// - Parameters:
    ///   - costs: What each item costs, all its rows about the same.
    ///   - rows: The rows of each item.
    ///   - count: The number of parts.
    /// - Returns: One place more than parts: part `k` goes from place `k - 1` to place `k`.
    /// - Complexity: O(items + parts).
    public static func cuts(costs: [Double], rows: [Int], into count: Int) -> [PartCut] {
        let total = costs.reduce(0, +)
        var cuts = [PartCut(item: 0, row: 0)]
        cuts.reserveCapacity(count + 1)
        var (item, before) = (0, 0.0)
        for number in 1..<max(1, count) {
            let target = total * Double(number) / Double(count)
            while item < costs.count, before + costs[item] < target {
                before += costs[item]
                item += 1
            }
            var cut = PartCut(item: item, row: 0)
            if item < costs.count, costs[item] > 0 {
                let share = max(0, min(1, (target - before) / costs[item]))
                let row = Int((share * Double(rows[item])).rounded())
                cut =
                    row < rows[item]
                    ? PartCut(item: item, row: row) : PartCut(item: item + 1, row: 0)
            }
            cuts.append(max(cut, cuts[cuts.count - 1]))
        }
        cuts.append(PartCut(item: costs.count, row: 0))
        return cuts
    }

    /// Divides a list of items that stay whole so that the dearest part is as cheap as can be.
    ///
    /// - Returns: The items of each part, in order; some are empty where there are fewer items.
    /// - Complexity: O(items · 64).
    public static func ranges(costs: [Double], into count: Int) -> [Range<Int>] {
        let total = costs.reduce(0, +)
        var (low, high) = (max(total / Double(max(1, count)), costs.max() ?? 0), total)
        // The least limit that so many parts can keep, as exactly as a Double tells.
        for _ in 0..<64 where low < high {
            let middle = low + (high - low) / 2
            if filled(costs, limit: middle).count <= count { high = middle } else { low = middle }
        }
        var ranges = filled(costs, limit: high)
        // Rounding of sums may leave the limit a hair too low: the rest goes to the last.
        if ranges.count > count {
            ranges[count - 1] = ranges[count - 1].lowerBound..<costs.count
            ranges.removeLast(ranges.count - count)
        }
        while ranges.count < count { ranges.append(costs.count..<costs.count) }
        return ranges
    }

    /// Parts filled one after the other, none above `limit` unless it is one item.
    private static func filled(_ costs: [Double], limit: Double) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var (first, sum) = (0, 0.0)
        for (item, cost) in costs.enumerated() {
            if item > first, sum + cost > limit {
                ranges.append(first..<item)
                (first, sum) = (item, 0)
            }
            sum += cost
        }
        if first < costs.count { ranges.append(first..<costs.count) }
        return ranges
    }
}
