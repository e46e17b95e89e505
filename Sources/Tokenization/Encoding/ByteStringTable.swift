/// Distinct byte strings numbered in the order of their arrival: a set that is looked up by a slice
/// of a buffer, without making a key.
struct ByteStringTable: Sendable {
    private var storage: [UInt8] = []
    private var starts: [Int] = [0]
    private var slots: [Int32]
    private let seed = ByteHash.seed
    /// The length of the longest string.
    private(set) var longest = 0

    init(capacity: Int) {
        var slotCount = 64
        while slotCount < 2 * capacity { slotCount *= 2 }
        slots = [Int32](repeating: -1, count: slotCount)
        starts.reserveCapacity(capacity + 1)
    }

    /// The number of strings.
    var count: Int { starts.count - 1 }

    /// The length of a string.
    func byteCount(of number: Int32) -> Int { starts[Int(number) + 1] - starts[Int(number)] }

    /// The number of a string, -1 when it is not there.
    @inline(__always)
    func number(of base: UnsafePointer<UInt8>, count: Int) -> Int32 {
        guard count <= longest else { return -1 }
        return unsafe find(base, count).number
    }

    /// The number of a string, -1 when it is not there.
    func number(of bytes: [UInt8]) -> Int32 {
        unsafe bytes.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return -1 }
            return unsafe number(of: base, count: buffer.count)
        }
    }

    private func find(
        _ base: UnsafePointer<UInt8>, _ count: Int
    ) -> (number: Int32, slot: Int) {
        unsafe slots.withUnsafeBufferPointer { slots in
            unsafe starts.withUnsafeBufferPointer { starts in
                unsafe storage.withUnsafeBufferPointer { storage in
                    let mask = slots.count - 1
                    var slot =
                        unsafe Int(
                            truncatingIfNeeded: ByteHash.hash(base, count, seed)) & mask
                    while unsafe slots[slot] >= 0 {
                        let number = unsafe Int(slots[slot])
                        let start = unsafe starts[number]
                        if unsafe starts[number + 1] - start == count {
                            var same = 0
                            while same < count, unsafe storage[start + same] == base[same] {
                                same += 1
                            }
                            if same == count { return unsafe (slots[slot], slot) }
                        }
                        slot = (slot + 1) & mask
                    }
                    return (-1, slot)
                }
            }
        }
    }

    /// The number of a string, which is added when it is not there.
    ///
    /// The empty string has none.
    mutating func insert(_ bytes: [UInt8]) -> Int32 {
        let found = unsafe bytes.withUnsafeBufferPointer { buffer -> (number: Int32, slot: Int) in
            guard let base = buffer.baseAddress, !buffer.isEmpty else { return (-1, -1) }
            return unsafe find(base, buffer.count)
        }
        guard found.number < 0, found.slot >= 0 else { return found.number }
        let number = Int32(count)
        slots[found.slot] = number
        storage += bytes
        starts.append(storage.count)
        longest = max(longest, bytes.count)
        if 2 * count > slots.count { grow() }
        return number
    }

    private mutating func grow() {
        let mask = 2 * slots.count - 1
        var larger = [Int32](repeating: -1, count: mask + 1)
        unsafe storage.withUnsafeBufferPointer { storage in
            guard let base = storage.baseAddress else { return }
            for number in 0..<count {
                let (start, end) = (starts[number], starts[number + 1])
                let hash = unsafe ByteHash.hash(base + start, end - start, seed)
                var slot = Int(truncatingIfNeeded: hash) & mask
                while larger[slot] >= 0 { slot = (slot + 1) & mask }
                larger[slot] = Int32(number)
            }
        }
        slots = larger
    }
}
