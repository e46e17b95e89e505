// Names of files and models come from outside: they may hold markup, terminal escapes, or
// characters that turn the reading direction. Every renderer passes them through here.

/// `text` with the characters that have an effect but no picture written as `‹U+001B›`.
///
/// Those are control characters, line and paragraph separators, the marks that turn the reading
/// direction (they can make a name read as another one), and what XML forbids.
package func visible(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
        let hidden =
            switch scalar.value {
            case 0..<0x20, 0x7F..<0xA0: true
            case 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069: true
            case 0xFEFF, 0xFFFE, 0xFFFF: true
            default: false
            }
        if hidden {
            let digits = String(scalar.value, radix: 16, uppercase: true)
            result += "‹U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits + "›"
        } else {
            result.unicodeScalars.append(scalar)
        }
    }
    return result
}

/// `text` as the content of an HTML, XML or SVG element or of a quoted attribute.
package func markupEscaped(_ text: String) -> String {
    var result = ""
    for scalar in visible(text).unicodeScalars {
        switch scalar {
        case "&": result += "&amp;"
        case "<": result += "&lt;"
        case ">": result += "&gt;"
        case "\"": result += "&quot;"
        case "'": result += "&#39;"
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result
}

/// `text` as running text of GitHub-flavoured Markdown, in a table cell too.
///
/// An underscore between two letters or digits means nothing there, so that `Q4_K_M` stays.
package func markdownEscaped(_ text: String) -> String {
    let characters = Array(visible(text))
    var result = ""
    for (index, character) in characters.enumerated() {
        switch character {
        case "<": result += "&lt;"
        case ">": result += "&gt;"
        case "&": result += "&amp;"
        case "|": result += "&#124;"
        case "_":
            let inside =
                index > 0 && index + 1 < characters.count
                && isWordCharacter(characters[index - 1])
                && isWordCharacter(characters[index + 1])
            result += inside ? "_" : "\\_"
        case "\\", "`", "*", "[", "]", "#", "~", "!", "$": result += "\\\(character)"
        default: result.append(character)
        }
    }
    return result
}

private func isWordCharacter(_ character: Character) -> Bool {
    character.isLetter || character.isNumber
}

/// `text` as a Markdown code span.
///
/// A span cannot escape anything, so its fence is longer than any run of backticks in it. In a
/// table a bar ends the cell before a span is seen, and renderers disagree on how to escape it
/// there: such a text is no span but escaped text.
package func markdownCode(_ text: String, inTable: Bool = false) -> String {
    let text = visible(text)
    if inTable, text.contains(where: { $0 == "|" || $0 == "\\" }) { return markdownEscaped(text) }
    var longest = 0
    var run = 0
    for character in text {
        run = character == "`" ? run + 1 : 0
        longest = max(longest, run)
    }
    let fence = String(repeating: "`", count: longest + 1)
    return longest == 0 ? "\(fence)\(text)\(fence)" : "\(fence) \(text) \(fence)"
}

/// The columns that `text` takes on a terminal or in a fixed-width font: wide East Asian
/// characters and emoji take two, combining marks none.
package func columnCount(_ text: String) -> Int {
    text.reduce(0) { $0 + columnCount($1) }
}

private func columnCount(_ character: Character) -> Int {
    guard let scalar = character.unicodeScalars.first else { return 0 }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: return 0
    default: break
    }
    if scalar.properties.isEmojiPresentation { return 2 }
    return switch scalar.value {
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF,
        0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
        2
    default: 1
    }
}

/// `text` cut to `limit` columns, its middle replaced by an ellipsis: the ends of file names tell
/// them apart.
package func shortened(_ text: String, to limit: Int) -> String {
    guard columnCount(text) > limit else { return text }
    guard limit > 1 else { return limit == 1 ? "…" : "" }
    let characters = Array(text)
    let half = limit / 2
    var head = ""
    var width = 0
    for character in characters {
        guard width + columnCount(character) <= limit - 1 - half else { break }
        head.append(character)
        width += columnCount(character)
    }
    var tail: [Character] = []
    width = 0
    for character in characters.reversed() {
        guard width + columnCount(character) <= half else { break }
        tail.append(character)
        width += columnCount(character)
    }
    return head + "…" + String(tail.reversed())
}
