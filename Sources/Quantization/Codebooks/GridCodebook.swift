internal import CKernels

/// The grid of an IQ1, IQ2 or IQ3 format: the points that groups of four or eight codes may take,
/// and for every group that is no point the points near it.
///
/// Made at first use and never freed; nothing changes it afterwards, so threads share it.
struct GridCodebook: @unchecked Sendable {
    /// Coordinates of a point: 4 or 8.
    let dimensions: Int
    /// Bits of a coordinate in a key: 3 or 2.
    let bits: Int
    /// Codes of a coordinate: 8 or 3.
    let levels: Int
    let pointCount: Int
    /// The codes of point p at `p * dimensions`, and the same as numbers 2 * code + 1.
    let codes: UnsafePointer<UInt8>
    let coordinates: UnsafePointer<Float>
    /// For every key the number of its point, or -1 minus the start of its list in `neighbours`.
    private let places: UnsafePointer<Int32>
    /// Lists of points: the count, then the points by distance and number, then the first again
    /// for kernels that look at several at a time.
    private let neighbours: UnsafePointer<UInt16>
    /// The same tables, and points packed in words, as kernels want them.
    let tables: UnsafePointer<ingot_grid>

    static let IQ2_XXS = GridCodebook(GridData.IQ2_XXS, dimensions: 8, levels: 3, rings: 2)
    static let IQ2_XS = GridCodebook(GridData.IQ2_XS, dimensions: 8, levels: 3, rings: 2)
    static let IQ2_S = GridCodebook(GridData.IQ2_S, dimensions: 8, levels: 3, rings: 1)
    static let IQ1 = GridCodebook(GridData.IQ1_S, dimensions: 8, levels: 3, rings: 3)
    static let IQ3_XXS = GridCodebook(GridData.IQ3_XXS, dimensions: 4, levels: 8, rings: 2)
    static let IQ3_S = GridCodebook(GridData.IQ3_S, dimensions: 4, levels: 8, rings: 3)

    /// The key of a group of codes.
    @inline(__always)
    func key(_ group: UnsafePointer<UInt8>) -> Int {
        var key = 0
        for place in 0..<dimensions { key |= Int(group[place]) << (bits * place) }
        return key
    }

    /// The number of the point with this key; `nil` when there is none.
    @inline(__always)
    func point(_ key: Int) -> Int? {
        let place = places[key]
        return place >= 0 ? Int(place) : nil
    }

    /// The points near a key that is no point; never empty.
    @inline(__always)
    func near(_ key: Int) -> UnsafeBufferPointer<UInt16> {
        let list = neighbours + Int(-1 - places[key])
        return UnsafeBufferPointer(start: list + 1, count: Int(list[0]))
    }

    /// Reads the points and lists the neighbours: all points at the `rings` smallest distances
    /// that occur.
    ///
    /// Costs keys × points operations, a tenth of a second for the largest grid.
    private init(_ text: StaticString, dimensions: Int, levels: Int, rings: Int) {
        self.dimensions = dimensions
        self.levels = levels
        bits = dimensions == 4 ? 3 : 2
        let digits = text.withUTF8Buffer { $0.map { $0 <= 0x39 ? Int($0) - 0x30 : Int($0) - 0x57 } }
        let pointCount = digits.count / 4
        self.pointCount = pointCount
        let codes = UnsafeMutablePointer<UInt8>.allocate(capacity: pointCount * dimensions)
        let numbers = UnsafeMutablePointer<Float>.allocate(capacity: pointCount * dimensions)
        let places = UnsafeMutablePointer<Int32>.allocate(capacity: 1 << (bits * dimensions))
        places.initialize(repeating: -1, count: 1 << (bits * dimensions))
        for point in 0..<pointCount {
            let key = digits[4 * point..<4 * point + 4].reduce(0) { $0 << 4 | $1 }
            places[key] = Int32(point)
            for place in 0..<dimensions {
                let code = UInt8(key >> (bits * place) & (1 << bits - 1))
                codes[point * dimensions + place] = code
                numbers[point * dimensions + place] = Float(2 * code + 1)
            }
        }
        let lists = Self.lists(
            places: places, codes: codes, pointCount: pointCount, dimensions: dimensions,
            bits: bits, levels: levels, rings: rings)
        let neighbours = UnsafeMutablePointer<UInt16>.allocate(capacity: lists.count)
        neighbours.initialize(from: lists, count: lists.count)
        self.codes = UnsafePointer(codes)
        self.coordinates = UnsafePointer(numbers)
        self.places = UnsafePointer(places)
        self.neighbours = UnsafePointer(neighbours)
        let packedPoints = Self.packed(0..<pointCount, codes, dimensions)
        // Where a list has its count there is some point that nobody reads.
        let packedNeighbours = Self.packed(
            lists.map { min(Int($0), pointCount - 1) }, codes, dimensions)
        let tables = UnsafeMutablePointer<ingot_grid>.allocate(capacity: 1)
        tables.initialize(
            to: ingot_grid(
                codes: codes, places: places, neighbours: neighbours,
                packedNeighbours: packedNeighbours, packedPoints: packedPoints))
        self.tables = UnsafePointer(tables)
    }

    /// Points with four bits for each coordinate, as `ingot_grid` has them.
    private static func packed(
        _ points: some Collection<Int>, _ codes: UnsafePointer<UInt8>, _ dimensions: Int
    ) -> UnsafePointer<UInt32> {
        let words = UnsafeMutablePointer<UInt32>.allocate(capacity: points.count)
        for (index, point) in points.enumerated() {
            var word: UInt32 = 0
            for place in 0..<dimensions {
                let code = UInt32(codes[point * dimensions + place])
                let quarter = dimensions == 8 ? UInt32(place & 3) << 2 : 0
                word |= (code | quarter) << UInt32(4 * place)
            }
            words[index] = word
        }
        return UnsafePointer(words)
    }

    private static func lists(
        places: UnsafeMutablePointer<Int32>, codes: UnsafePointer<UInt8>, pointCount: Int,
        dimensions: Int, bits: Int, levels: Int, rings: Int
    ) -> [UInt16] {
        var lists: [UInt16] = []
        var distances = [Int](repeating: 0, count: pointCount)
        var isTaken = [Bool](repeating: false, count: dimensions * levels * levels)
        for key in 0..<1 << (bits * dimensions) where places[key] < 0 {
            let group = (0..<dimensions).map { key >> (bits * $0) & (1 << bits - 1) }
            guard group.allSatisfy({ $0 < levels }) else { continue }
            isTaken.withUnsafeMutableBufferPointer { $0.update(repeating: false) }
            for point in 0..<pointCount {
                var distance = 0
                for place in 0..<dimensions {
                    let difference = Int(codes[point * dimensions + place]) - group[place]
                    distance += difference * difference
                }
                distances[point] = distance
                isTaken[distance] = true
            }
            let nearest = isTaken.indices.filter { isTaken[$0] }.prefix(rings)
            places[key] = Int32(-1 - lists.count)
            let start = lists.count
            lists.append(0)
            for ring in nearest {
                for point in 0..<pointCount where distances[point] == ring {
                    lists.append(UInt16(point))
                }
            }
            lists[start] = UInt16(lists.count - start - 1)
            let batch = dimensions == 4 ? 8 : 16
            while (lists.count - start - 1) % batch != 0 { lists.append(lists[start + 1]) }
        }
        return lists
    }
}
