/// What stands in the place of a file that was not, or not wholly, fetched.
public enum Placeholder: Sendable, Hashable {
    /// Nothing at all.
    case nothing
    /// Zeros: room that a download made and did not fill.
    case zeros
    /// What Git has of a file that Git LFS keeps.
    case gitLFSPointer
    /// A page for a browser: a server's error, or a page about the file.
    case webPage
    /// A server's answer instead of the file.
    case serverMessage
    /// Text in an encoding with units of 16 bits.
    case utf16
    /// A ZIP archive, as PyTorch's files of weights are.
    case zip
    /// A file compressed by gzip.
    case gzip
    /// A GGUF file.
    case gguf

    /// The bytes that are enough to tell.
    public static let byteCount = 256

    /// Recognises what a file begins with; `nil` for anything else.
    ///
    /// Asked after a parser has failed, or where no file of the kind begins so.
    public init?(_ bytes: some Collection<UInt8>, fileByteCount: Int) {
        let start = Array(bytes.prefix(Placeholder.byteCount))
        func begins(_ texts: String...) -> Bool {
            let text = start.drop { [0x20, 0x09, 0x0A, 0x0D, 0xEF, 0xBB, 0xBF].contains($0) }.map {
                (0x41...0x5A).contains($0) ? $0 | 0x20 : $0
            }
            return texts.contains { text.starts(with: $0.utf8) }
        }
        if fileByteCount == 0 {
            self = .nothing
        } else if start.starts(with: Placeholder.gitLFSStart.utf8) {
            self = .gitLFSPointer
        } else if start.count >= 64, start.allSatisfy({ $0 == 0 }) {
            self = .zeros
        } else if begins("<!doctype", "<html", "<head", "<?xml", "<error") {
            self = .webPage
        } else if begins(
            "entry not found", "repository not found", "invalid username or password",
            "access to model ", "access denied", "not found", "{\"error\":", "404:")
        {
            self = .serverMessage
        } else if start.starts(with: [0xFF, 0xFE]) || start.starts(with: [0xFE, 0xFF]) {
            self = .utf16
        } else if start.starts(with: [0x50, 0x4B, 0x03, 0x04]) {
            self = .zip
        } else if start.starts(with: [0x1F, 0x8B, 0x08]) {
            self = .gzip
        } else if start.starts(with: Array("GGUF".utf8)) {
            self = .gguf
        } else {
            return nil
        }
    }

    /// What the file is, with its article.
    var meaning: String {
        switch self {
        case .nothing: "is empty"
        case .zeros: "begins with zeros: room for a download that was not filled"
        case .gitLFSPointer: "is a Git LFS pointer: the file itself was not fetched"
        case .webPage: "is a web page, not the file itself"
        case .serverMessage: "is a server's message, not the file itself"
        case .utf16: "is text in UTF-16, expected UTF-8"
        case .zip: "is a ZIP archive, as PyTorch's .bin files are, under another name"
        case .gzip: "is compressed by gzip"
        case .gguf: "is a GGUF file under another name"
        }
    }

    var remedy: String {
        switch self {
        case .gitLFSPointer: "In its folder, run git lfs pull (after git lfs install)."
        case .webPage, .serverMessage:
            "Fetch it again: with an access token if the model is gated, and by its address for "
                + "downloads (/resolve/, not /blob/)."
        case .utf16: "Save it as UTF-8."
        case .zip: "Fetch the file itself, or name it as what it is."
        case .gzip: "Unpack it first."
        case .gguf: "It needs no conversion: ingot quantize takes it as it is."
        case .nothing, .zeros: "Fetch it again."
        }
    }

    /// How the text begins that Git has in the place of a file; see
    /// <https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md>.
    static let gitLFSStart = "version https://git-lfs.github.com/spec/v1"
    /// No pointer is longer.
    static let gitLFSByteLimit = 1024
}
