/// One option for each item, at the least cost under a limit of bytes: the multiple-choice knapsack.
///
/// The linear relaxation is solved on the items' lower convex hulls by the steps' gain for a byte.
/// Its multiplier λ bounds what any solution can cost, so that an exact search over what is left of
/// the limit has few partial solutions to follow. Sources: Sinha and Zoltners 1979 (hulls);
/// Nemhauser and Ullmann 1969 (lists of undominated partial solutions).
package struct FormatKnapsack {
    /// One way to have an item.
    package struct Option: Hashable {
        package var byteCount: Int
        /// Not negative and finite.
        package var cost: Double

        package init(byteCount: Int, cost: Double) {
            self.byteCount = byteCount
            self.cost = cost
        }
    }

    /// The options of each item, at least one.
    package let items: [[Option]]

    package init(items: [[Option]]) { self.items = items }

    /// Partial solutions that are followed at most; beyond that the most promising are.
    private static let stateLimit = 1 << 13

    /// The bytes of the smallest solution.
    package var leastByteCount: Int { items.reduce(0) { $0 + ($1.map(\.byteCount).min() ?? 0) } }

    /// The option of each item; `nil` when even the smallest are more than `byteLimit`.
    ///
    /// Of solutions of equal cost the one found first counts, in the order of items and options:
    /// the same for the same input.
    package func solve(byteLimit: Int) -> [Int]? {
        guard leastByteCount <= byteLimit else { return nil }
        let (greedy, multiplier) = relaxed(byteLimit: byteLimit)
        return filled(greedy, multiplier: multiplier, byteLimit: byteLimit)
    }

    /// The sum of the costs of a solution.
    package func cost(_ choice: [Int]) -> Double {
        zip(items, choice).reduce(0) { $0 + $1.0[$1.1].cost }
    }

    /// The sum of the bytes of a solution.
    package func byteCount(_ choice: [Int]) -> Int {
        zip(items, choice).reduce(0) { $0 + $1.0[$1.1].byteCount }
    }

    // MARK: The relaxation

    /// The options on an item's lower convex hull, smallest first.
    package static func hull(_ options: [Option]) -> [Int] {
        let order = options.indices.sorted {
            let (a, b) = (options[$0], options[$1])
            return (a.byteCount, a.cost, $0) < (b.byteCount, b.cost, $1)
        }
        var hull: [Int] = []
        for index in order {
            let option = options[index]
            if let last = hull.last, options[last].cost <= option.cost { continue }
            while hull.count >= 2 {
                let (a, b) = (options[hull[hull.count - 2]], options[hull[hull.count - 1]])
                // b lies on or above the line from a to the new option.
                let left = (b.cost - a.cost) * Double(option.byteCount - a.byteCount)
                let right = (option.cost - a.cost) * Double(b.byteCount - a.byteCount)
                guard left >= right else { break }
                hull.removeLast()
            }
            hull.append(index)
        }
        return hull
    }

    /// The best steps along the hulls as long as they fit, and the gain for a byte of the first
    /// that does not: 0 when all do.
    private func relaxed(byteLimit: Int) -> (choice: [Int], multiplier: Double) {
        struct Step {
            var item: Int
            var option: Int
            var byteCount: Int
            var gain: Double
        }
        var choice: [Int] = []
        var steps: [Step] = []
        for (item, options) in items.enumerated() {
            let hull = FormatKnapsack.hull(options)
            choice.append(hull[0])
            for (from, to) in zip(hull, hull.dropFirst()) {
                let bytes = options[to].byteCount - options[from].byteCount
                let gain = (options[from].cost - options[to].cost) / Double(bytes)
                steps.append(Step(item: item, option: to, byteCount: bytes, gain: gain))
            }
        }
        // Steps of one item stay in their order: gains fall along a hull.
        let order = steps.indices.sorted { (-steps[$0].gain, $0) < (-steps[$1].gain, $1) }
        var left = byteLimit - byteCount(choice)
        var multiplier = 0.0
        var stopped = Set<Int>()
        for index in order {
            let step = steps[index]
            guard !stopped.contains(step.item) else { continue }
            if step.byteCount <= left {
                choice[step.item] = step.option
                left -= step.byteCount
            } else {
                stopped.insert(step.item)
                if multiplier == 0 { multiplier = step.gain }
            }
        }
        return (choice, multiplier)
    }

    // MARK: What is left

    /// A choice for the items so far.
    private struct State {
        var byteCount: Int
        /// What the choice costs above the relaxation's bound.
        var excess: Double
        var cost: Double
        var previous: Int32
        var option: Int32
    }

    /// The best solution, by an exact search unless there are too many ways to follow.
    ///
    /// With r = cost + λ·bytes above an item's least, the cost of a solution is a constant and Σ r
    /// and λ times the bytes that it leaves. No option and no partial solution with r above what
    /// the known solution has in sum can be part of a better one.
    private func filled(_ known: [Int], multiplier: Double, byteLimit: Int) -> [Int] {
        let knownBytes = byteCount(known)
        let reduced = items.map { options -> [Double] in
            let values = options.map { $0.cost + multiplier * Double($0.byteCount) }
            let least = values.min() ?? 0
            return values.map { $0 - least }
        }
        var gap = multiplier * Double(byteLimit - knownBytes)
        for (item, option) in known.enumerated() { gap += reduced[item][option] }
        guard gap > 0 else { return known }
        var least = [Int](repeating: 0, count: items.count + 1)
        for item in items.indices.reversed() {
            least[item] = least[item + 1] + (items[item].map(\.byteCount).min() ?? 0)
        }
        var columns: [[State]] = [
            [State(byteCount: 0, excess: 0, cost: 0, previous: -1, option: -1)]
        ]
        for item in items.indices {
            let states = columns[item]
            var next: [State] = []
            for (option, candidate) in items[item].enumerated() where reduced[item][option] <= gap {
                for (number, state) in states.enumerated() {
                    let bytes = state.byteCount + candidate.byteCount
                    let excess = state.excess + reduced[item][option]
                    guard excess <= gap, bytes <= byteLimit - least[item + 1] else { continue }
                    next.append(
                        State(
                            byteCount: bytes, excess: excess, cost: state.cost + candidate.cost,
                            previous: Int32(number), option: Int32(option)))
                }
            }
            columns.append(FormatKnapsack.undominated(next))
        }
        guard let best = columns[items.count].indices.last else { return known }
        // Undominated states rise in bytes and fall in cost.
        guard columns[items.count][best].cost < cost(known) else { return known }
        var choice = [Int](repeating: 0, count: items.count)
        var number = best
        for item in items.indices.reversed() {
            let state = columns[item + 1][number]
            choice[item] = Int(state.option)
            number = Int(state.previous)
        }
        return choice
    }

    /// States that no other beats in bytes and cost, by rising bytes; at most `stateLimit`.
    private static func undominated(_ states: [State]) -> [State] {
        var order = states
        order.sort {
            ($0.byteCount, $0.cost, $0.previous, $0.option)
                < ($1.byteCount, $1.cost, $1.previous, $1.option)
        }
        var kept: [State] = []
        for state in order {
            if let last = kept.last, last.cost <= state.cost { continue }
            kept.append(state)
        }
        guard kept.count > stateLimit else { return kept }
        let limit = kept.map(\.excess).sorted()[stateLimit - 1]
        return Array(kept.filter { $0.excess <= limit }.prefix(stateLimit))
    }
}
