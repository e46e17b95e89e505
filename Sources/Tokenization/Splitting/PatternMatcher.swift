/// Runs a `PatternProgram` over bytes.
@safe
struct PatternMatcher {
    private let program: UnsafeBufferPointer<PatternProgram.Instruction>
    private let sets: UnsafeBufferPointer<PatternProgram.CompactSet>
    private let ranges: UnsafeBufferPointer<ClosedRange<UInt32>>
    private let entries: [Int]
    private let openings: UnsafeBufferPointer<UInt32>
    private let units: UTF8Units
    private var frames: [Frame] = []

    /// An alternative to come back to: `program` at `instruction`, `position`; a run of a class may
    /// be given back down to `floor`.
    private struct Frame {
        var instruction: Int
        var position: Int
        var floor: Int
    }

    /// Calls `body` with a matcher over `bytes`.
    static func with<Result>(
        _ program: PatternProgram, _ bytes: UnsafeBufferPointer<UInt8>,
        _ body: (inout PatternMatcher) -> Result
    ) -> Result {
        unsafe program.instructions.withUnsafeBufferPointer { instructions in
            unsafe program.sets.withUnsafeBufferPointer { sets in
                unsafe program.ranges.withUnsafeBufferPointer { ranges in
                    unsafe program.openings.withUnsafeBufferPointer { openings in
                        var matcher = unsafe PatternMatcher(
                            program: instructions, sets: sets, ranges: ranges,
                            entries: program.entries, openings: openings,
                            units: UTF8Units(bytes: bytes))
                        return body(&matcher)
                    }
                }
            }
        }
    }

    private init(
        program: UnsafeBufferPointer<PatternProgram.Instruction>,
        sets: UnsafeBufferPointer<PatternProgram.CompactSet>,
        ranges: UnsafeBufferPointer<ClosedRange<UInt32>>, entries: [Int],
        openings: UnsafeBufferPointer<UInt32>, units: UTF8Units
    ) {
        unsafe self.program = unsafe program
        unsafe self.sets = unsafe sets
        unsafe self.ranges = unsafe ranges
        self.entries = entries
        unsafe self.openings = unsafe openings
        self.units = units
    }

    /// Cuts `start ..< end` into matches and what lies between them; appends the end of each piece.
    mutating func cut(_ start: Int, _ end: Int, into ends: inout [Int]) {
        var position = start
        var last = start
        while position < end {
            let match = firstMatch(at: position, start: start, end: end)
            if match > position {
                if last < position { ends.append(position) }
                ends.append(match)
                position = match
                last = match
            } else {
                position += units.unit(at: position, end: end).byteCount
            }
        }
        if last < end { ends.append(end) }
    }

    /// The matches in `start ..< end`, the empty ones as well: like those of a regular expression's
    /// iterator, none touches the one before when it is empty.
    mutating func matches(_ start: Int, _ end: Int) -> [Range<Int>] {
        var result: [Range<Int>] = []
        var position = start
        while position < end {
            let match = firstMatch(at: position, start: start, end: end)
            let isRepeated = match == position && result.last?.upperBound == position
            if match >= 0, !isRepeated { result.append(position..<match) }
            if match > position {
                position = match
            } else {
                position += units.unit(at: position, end: end).byteCount
            }
        }
        return result
    }

    /// The end of the match at `position`, -1 without.
    @inline(__always)
    private mutating func firstMatch(at position: Int, start: Int, end: Int) -> Int {
        var open = unsafe openings[Int(units.bytes[position])]
        while open != 0 {
            let choice = open.trailingZeroBitCount
            open &= open - 1
            let match = run(entries[choice], position, start, end)
            if match >= 0 { return match }
        }
        return -1
    }

    @inline(__always)
    private func isMember(_ scalar: UInt32, _ set: PatternProgram.CompactSet) -> Bool {
        if scalar < 64 { return set.low >> UInt64(scalar) & 1 == 1 }
        if scalar < 128 { return set.high >> UInt64(scalar - 64) & 1 == 1 }
        return isMemberBeyondASCII(scalar, set)
    }

    private func isMemberBeyondASCII(_ scalar: UInt32, _ set: PatternProgram.CompactSet) -> Bool {
        var found =
            set.categories != 0
            && set.categories >> UInt32(GeneralCategory.number(of: scalar)) & 1 == 1
        if !found, set.firstRange < set.endRange {
            var (low, high) = (set.firstRange, set.endRange)
            while low < high {
                let middle = (low + high) / 2
                if unsafe ranges[middle].upperBound < scalar {
                    low = middle + 1
                } else {
                    high = middle
                }
            }
            found = unsafe low < set.endRange && ranges[low].lowerBound <= scalar
        }
        guard found != set.isNegated else { return false }
        return unsafe set.excluded < 0 || !isMember(scalar, sets[set.excluded])
    }

    /// The end of the match that begins with instruction `entry` at `position`, -1 without.
    private mutating func run(_ entry: Int, _ position: Int, _ start: Int, _ end: Int) -> Int {
        let base = frames.count
        var instruction = entry
        var position = position
        while true {
            var failed = false
            switch unsafe program[instruction] {
            case .accept:
                frames.removeLast(frames.count - base)
                return position
            case .one(let set):
                if position < end {
                    let (scalar, byteCount) = units.unit(at: position, end: end)
                    failed = unsafe !isMember(scalar, sets[set])
                    if !failed {
                        position += byteCount
                        instruction += 1
                    }
                } else {
                    failed = true
                }
            case .run(let index, let min, let max, let givesBack):
                let (count, floor) = unsafe take(sets[index], min, max, &position, end)
                failed = count < min
                if !failed {
                    instruction += 1
                    if givesBack, position > floor {
                        frames.append(
                            Frame(instruction: instruction, position: position, floor: floor))
                    }
                }
            case .fork(let first, let second):
                frames.append(Frame(instruction: second, position: position, floor: -1))
                instruction = first
            case .jump(let target): instruction = target
            case .lookahead(let negative, let next):
                let found = run(instruction + 1, position, start, end) >= 0
                failed = found == negative
                instruction = next
            case .end:
                failed = position != end
                instruction += 1
            case .lineEnd:
                failed = unsafe position != end && units.bytes[position] != UInt8(ascii: "\n")
                instruction += 1
            }
            guard failed else { continue }
            guard frames.count > base else { return -1 }
            (instruction, position) = backtrack(start)
        }
    }

    /// Takes scalars of a set, as many as there are up to `max`; the place after `min` of them is
    /// the floor below which none is given back.
    @inline(__always)
    private func take(
        _ set: PatternProgram.CompactSet, _ min: Int, _ max: Int, _ position: inout Int, _ end: Int
    ) -> (count: Int, floor: Int) {
        var (count, floor) = (0, position)
        while count < max, position < end {
            let (scalar, byteCount) = units.unit(at: position, end: end)
            if !isMember(scalar, set) { break }
            position += byteCount
            count += 1
            if count == min { floor = position }
        }
        return (count, floor)
    }

    /// Where the last choice goes on otherwise: a run gives back a scalar, or another way is taken.
    @inline(__always)
    private mutating func backtrack(_ start: Int) -> (instruction: Int, position: Int) {
        let top = frames.count - 1
        let frame = frames[top]
        guard frame.floor >= 0 else {
            frames.removeLast()
            return (frame.instruction, frame.position)
        }
        let position = units.start(ofUnitEndingAt: frame.position, start: start)
        guard position > frame.floor else {
            frames.removeLast()
            return (frame.instruction, frame.floor)
        }
        frames[top].position = position
        return (frame.instruction, position)
    }
}
