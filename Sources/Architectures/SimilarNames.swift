extension [String] {
    /// How many names there are, and those that begin most like `name`: what an error says of a long list.
    ///
    /// O(n log n).
    func summary(near name: String) -> String {
        let near =
            map { (name: $0, length: $0.commonPrefix(with: name)) }
            .filter { $0.length >= 3 }
            .sorted { ($1.length, $0.name) < ($0.length, $1.name) }
            .prefix(4)
        let like = near.isEmpty ? "" : ", among them " + near.map(\.name).joined(separator: ", ")
        return "one of the \(count) that docs/families.md lists\(like)"
    }
}

extension String {
    /// The number of bytes at the start that both have.
    fileprivate func commonPrefix(with other: String) -> Int {
        zip(utf8, other.utf8).prefix { $0 == $1 }.count
    }
}
