/// Texts that are marked as safe HTML, as markupsafe treats them.
enum Markup {
    /// HTML with its special characters escaped.
    static func escaped(_ text: Text) -> Text {
        if text.isMarkup { return text }
        var result: [UInt32] = []
        result.reserveCapacity(text.count)
        for unit in text.units {
            let entity: String
            switch unit & Text.scalarMask {
            case 38: entity = "&amp;"
            case 60: entity = "&lt;"
            case 62: entity = "&gt;"
            case 39: entity = "&#39;"
            case 34: entity = "&#34;"
            default:
                result.append(unit)
                continue
            }
            result += Text(entity).units.map { $0 | (unit & Text.valueMark) }
        }
        return Text(units: result, isMarkup: true)
    }

    /// `left + right`: what is not marked is escaped beside what is.
    static func joined(_ left: Text, _ right: Text) -> Text {
        guard left.isMarkup || right.isMarkup else { return left + right }
        return Text(units: escaped(left).units + escaped(right).units, isMarkup: true)
    }
}
