import Allocation
import TestSupport
import Testing

@Suite struct FormatKnapsackTests {
    /// Items whose options are all different, with the least cost of all that fit found by trying
    /// everything.
    private func leastCost(_ knapsack: FormatKnapsack, byteLimit: Int) -> Double? {
        var best: Double?
        func visit(_ item: Int, _ bytes: Int, _ cost: Double) {
            guard bytes <= byteLimit else { return }
            guard item < knapsack.items.count else {
                best = min(best ?? .infinity, cost)
                return
            }
            for option in knapsack.items[item] {
                visit(item + 1, bytes + option.byteCount, cost + option.cost)
            }
        }
        visit(0, 0, 0)
        return best
    }

    private func random(_ generator: inout SeededRandom) -> FormatKnapsack {
        FormatKnapsack(
            items: (0..<Int.random(in: 1...6, using: &generator)).map { _ in
                (0..<Int.random(in: 1...5, using: &generator)).map { _ in
                    .init(
                        byteCount: Int.random(in: 1...40, using: &generator),
                        cost: Double(Int.random(in: 0...50, using: &generator)))
                }
            })
    }

    @Test func noSolutionIsBetter() {
        var generator = SeededRandom(seed: 3)
        for _ in 0..<300 {
            let knapsack = random(&generator)
            let limit = Int.random(in: 1...150, using: &generator)
            let best = leastCost(knapsack, byteLimit: limit)
            let choice = knapsack.solve(byteLimit: limit)
            #expect((choice == nil) == (best == nil))
            guard let choice, let best else { continue }
            #expect(knapsack.byteCount(choice) <= limit)
            #expect(knapsack.cost(choice) == best)
        }
    }

    @Test func theSmallestIsLeftWhenNothingElseFits() {
        var generator = SeededRandom(seed: 4)
        for _ in 0..<50 {
            let knapsack = random(&generator)
            let least = knapsack.leastByteCount
            #expect(knapsack.solve(byteLimit: least - 1) == nil)
            #expect(knapsack.solve(byteLimit: least).map(knapsack.byteCount) == least)
        }
    }

    /// Hundreds of items with a dozen options, as models have them: near the relaxation's bound, and
    /// the same again.
    @Test func manyItemsAreFilledToTheBound() throws {
        var generator = SeededRandom(seed: 5)
        let sizes = [18, 22, 26, 29, 34, 42, 46, 55, 66, 85]
        let knapsack = FormatKnapsack(
            items: (0..<200).map { _ in
                let width = 1000 * Int.random(in: 1...6, using: &generator)
                let harm = Double.random(in: 0.1...10, using: &generator)
                return sizes.map { size in
                    let error = harm * 1000 / Double(size * size)
                    return .init(
                        byteCount: width * size,
                        cost: error * Double.random(in: 0.8...1.2, using: &generator))
                }
            })
        let limit = knapsack.leastByteCount * 3 / 2
        let choice = try #require(knapsack.solve(byteLimit: limit))
        #expect(knapsack.byteCount(choice) <= limit)
        #expect(limit - knapsack.byteCount(choice) < 20_000)
        #expect(knapsack.solve(byteLimit: limit) == choice)
        // More bytes never cost more.
        let more = try #require(knapsack.solve(byteLimit: limit + 50_000))
        #expect(knapsack.cost(more) <= knapsack.cost(choice))
    }

    @Test func theHullLeavesOutWhatIsAboveIt() {
        let options: [FormatKnapsack.Option] = [
            .init(byteCount: 10, cost: 100), .init(byteCount: 20, cost: 90),
            .init(byteCount: 30, cost: 20), .init(byteCount: 40, cost: 25),
            .init(byteCount: 50, cost: 15), .init(byteCount: 10, cost: 120),
        ]
        #expect(FormatKnapsack.hull(options) == [0, 2, 4])
        #expect(FormatKnapsack.hull([options[1]]) == [0])
        // More bytes that gain nothing, and one on the line between two others.
        func hull(_ options: [(Int, Double)]) -> [Int] {
            FormatKnapsack.hull(options.map { .init(byteCount: $0.0, cost: $0.1) })
        }
        #expect(hull([(10, 5), (20, 5), (30, 5)]) == [0])
        #expect(hull([(10, 5), (20, 3), (30, 3)]) == [0, 1])
        #expect(hull([(10, 5), (20, 4), (30, 3)]) == [0, 2])
        #expect(hull([(10, 5), (10, 5)]) == [0])
        #expect(hull([]) == [])
    }
}
