import TensorCore

/// The alphabet in which byte-level BPE writes bytes: every byte is one printable character.
///
/// Printable Latin-1 stands for itself; the other 68 bytes are U+0100 and following, in order.
enum ByteAlphabet {
    /// The character of each byte.
    static let scalars: [UInt32] = {
        var scalars: [UInt32] = []
        var next: UInt32 = 0x100
        for byte: UInt32 in 0..<256 {
            switch byte {
            case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: scalars.append(byte)
            default:
                scalars.append(next)
                next += 1
            }
        }
        return scalars
    }()

    /// The byte of each character below U+0144, -1 where there is none.
    private static let bytes: [Int16] = {
        var bytes = [Int16](repeating: -1, count: 0x144)
        for (byte, scalar) in scalars.enumerated() { bytes[Int(scalar)] = Int16(byte) }
        return bytes
    }()

    /// Bytes as a token has them.
    static func text(_ bytes: [UInt8]) -> ByteString {
        ByteString(
            bytes: bytes.flatMap { byte -> [UInt8] in
                let scalar = scalars[Int(byte)]
                return scalar < 0x80
                    ? [UInt8(scalar)]
                    : [UInt8(0xC0 | scalar >> 6), UInt8(0x80 | scalar & 0x3F)]
            })
    }

    /// The bytes that a token stands for, or `nil` when it has a character outside the alphabet.
    static func decode(_ token: some RandomAccessCollection<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(token.count)
        var iterator = token.makeIterator()
        while let first = iterator.next() {
            var scalar = Int(first)
            if first >= 0x80 {
                // All characters of the alphabet have at most two bytes.
                guard (0xC2...0xC5).contains(first), let second = iterator.next(),
                    second & 0xC0 == 0x80
                else { return nil }
                scalar = Int(first & 0x1F) << 6 | Int(second & 0x3F)
            }
            guard scalar < bytes.count, bytes[scalar] >= 0 else { return nil }
            result.append(UInt8(truncatingIfNeeded: bytes[scalar]))
        }
        return result
    }
}
