import Parts
import Testing

/// How work is divided.
@Suite struct PartSharesTests {
    @Test(arguments: [
        ("1/1", 1, 1), ("3/8", 3, 8), ("8/8", 8, 8), ("10000/10000", 10000, 10000),
    ])
    func numbersAreRead(text: String, number: Int, count: Int) {
        let part = PartNumber(parsing: text)
        #expect(part?.number == number && part?.count == count)
        #expect(PartNumber.parse(path: "a/b.gguf" + (part?.suffix ?? ""))?.part == part)
        #expect(
            PartNumber.parse(path: part?.manifestPath(of: "a/b.gguf") ?? "")?.output == "a/b.gguf")
    }

    @Test(arguments: [
        "", "3", "0/8", "9/8", "-1/8", "3/8/9", "3/", "/8", "a/b", "1/100000", "1 / 2",
    ])
    func otherTextsAreNot(text: String) {
        #expect(PartNumber(parsing: text) == nil)
    }

    @Test(arguments: [
        "a.gguf", "a.gguf.part-00001", "a.part-00000-of-00002", "a.part-00003-of-00002",
        "a.part-1-of-2", ".part-00001-of-00002", "a-00001-of-00002",
    ])
    func otherNamesAreNot(name: String) {
        #expect(PartNumber.parse(path: name) == nil)
    }

    @Test(arguments: [1, 2, 3, 7, 64, 1000])
    func cutsAreBalancedToARow(count: Int) {
        // A model's kind of list: many small tensors, some huge ones.
        let rows = (0..<200).map { $0 % 5 == 0 ? 4096 : $0 % 5 == 1 ? 1 : 512 }
        let costs = rows.enumerated().map { Double($0.element) * ($0.offset % 3 == 0 ? 10 : 1) }
        let cuts = PartShares.cuts(costs: costs, rows: rows, into: count)
        #expect(cuts.count == count + 1)
        #expect(cuts.first == PartCut(item: 0, row: 0))
        #expect(cuts.last == PartCut(item: 200, row: 0))
        #expect(zip(cuts, cuts.dropFirst()).allSatisfy { $0 <= $1 })
        func before(_ cut: PartCut) -> Double {
            costs[..<cut.item].reduce(0, +)
                + (cut.row > 0 ? costs[cut.item] * Double(cut.row) / Double(rows[cut.item]) : 0)
        }
        let total = costs.reduce(0, +)
        for (first, last) in zip(cuts, cuts.dropFirst()) {
            // Half a row on either side.
            #expect(abs(before(last) - before(first) - total / Double(count)) <= 10)
        }
    }

    @Test func wholeItemsAreDividedAsWellAsTheyCan() {
        let costs: [Double] = [9, 1, 1, 1, 8, 2, 2, 2, 2, 2]
        let ranges = PartShares.ranges(costs: costs, into: 3)
        #expect(ranges == [0..<2, 2..<5, 5..<10])
        let most = PartShares.ranges(costs: costs, into: 3).map { costs[$0].reduce(0, +) }.max()
        // No division of this list into three stretches has a cheaper dearest one.
        var best = Double.infinity
        for first in 0...10 {
            for second in first...10 {
                let sums = [0..<first, first..<second, second..<10].map { costs[$0].reduce(0, +) }
                best = min(best, sums.max() ?? 0)
            }
        }
        #expect(most == best)
    }

    @Test func moreWholePartsThanItemsLeaveSomeEmpty() {
        let ranges = PartShares.ranges(costs: [1, 1], into: 5)
        #expect(ranges.count == 5)
        #expect(ranges.flatMap(Array.init) == [0, 1])
        #expect(PartShares.ranges(costs: [], into: 2) == [0..<0, 0..<0])
        #expect(PartShares.cuts(costs: [], rows: [], into: 2).count == 3)
    }
}
