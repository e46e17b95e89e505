/// The names most like a mistyped one, at most three.
///
/// Names that go on where it ends come first; otherwise those at the smallest edit distance, when
/// no more than a third of the letters are wrong. Case, `_` and `-` do not count.
package func nearestNames(to typed: String, among names: [String]) -> [String] {
    let letters = comparable(typed)
    guard !letters.isEmpty, letters.count <= 32 else { return [] }
    let longer = names.filter { comparable($0).starts(with: letters) }
    guard longer.isEmpty else { return Array(longer.prefix(3)) }
    let distances = names.map { editDistance(letters, comparable($0)) }
    guard let smallest = distances.min(), smallest <= max(3, letters.count) else { return [] }
    return zip(names, distances).filter { $0.1 == smallest }.prefix(3).map(\.0)
}

private func comparable(_ name: String) -> [UInt8] {
    name.uppercased().utf8.filter { $0 != UInt8(ascii: "_") && $0 != UInt8(ascii: "-") }
}

/// How far two names are apart: 2 for a letter to insert or delete, 3 for one to replace, because
/// a letter left out is the commoner slip.
///
/// O(product of the counts).
private func editDistance(_ first: [UInt8], _ second: [UInt8]) -> Int {
    var row = (0...second.count).map { $0 * 2 }
    for (index, letter) in first.enumerated() {
        var diagonal = row[0]
        row[0] = (index + 1) * 2
        for (column, other) in second.enumerated() {
            let replaced = diagonal + (letter == other ? 0 : 3)
            diagonal = row[column + 1]
            row[column + 1] = min(replaced, row[column] + 2, diagonal + 2)
        }
    }
    return row[second.count]
}
