public import Evaluation

/// What the quantization of each part of a model to each format does to its predictions, as
/// `ingot sensitivity --json` tells it.
public struct Sensitivity: Codable, Sendable, Hashable {
    /// One part in one format, everything else as it is in the model.
    public struct Cell: Codable, Sendable, Hashable {
        /// The part: a tensor's name, a kind of tensor or `blk.N`.
        public var name: String
        /// The layer, where the part lies in one.
        public var layer: Int?
        /// The kind of tensor, `ffn_down`, where the part is of one.
        public var kind: String?
        /// The format that the part was quantized to.
        public var format: String
        /// The mean KL divergence from the model as it is, in nats.
        public var divergence: Estimate

        /// Creates a cell.
        public init(
            name: String, layer: Int?, kind: String?, format: String,
            divergence: Estimate
        ) {
            self.name = name
            self.layer = layer
            self.kind = kind
            self.format = format
            self.divergence = divergence
        }
    }

    /// The model's file, without its folder.
    public var model: String
    /// The formats in the order in which they were asked for.
    public var formats: [String]
    /// The parts in the order of the file, each in the formats that can hold it.
    public var cells: [Cell]
    /// The tokens of a window.
    public var contextLength: Int
    /// The number of windows.
    public var windowCount: Int
    /// The number of tokens scored.
    public var scoredTokenCount: Int

    /// Creates a measurement.
    public init(
        model: String, formats: [String], cells: [Cell], contextLength: Int, windowCount: Int,
        scoredTokenCount: Int
    ) {
        self.model = model
        self.formats = formats
        self.cells = cells
        self.contextLength = contextLength
        self.windowCount = windowCount
        self.scoredTokenCount = scoredTokenCount
    }

    /// The most parts that are read: a hundred times what a large model has.
    static let mostCells = 1 << 20

    /// Reads what `ingot sensitivity --json` wrote; `file` is for the error's sake.
    ///
    /// Throws a `ReportError` that names the key at fault.
    public init(json bytes: [UInt8], file: String? = nil) throws(ReportError) {
        do {
            let document = try ReadableJSON.value(Document.self, from: bytes)
            guard document.schemaVersion == Document.supportedVersion else {
                throw ReportError(
                    .schemaVersion(
                        found: document.schemaVersion, supported: Document.supportedVersion),
                    file: file)
            }
            self = document.map
            model = model.split(separator: "/").last.map(String.init) ?? model
        } catch let error as ReportError {
            throw error
        } catch let error as DecodingError {
            throw ReportError(decoding: error, kind: { .notASensitivity(detail: $0) }, file: file)
        } catch {
            throw ReportError(.notASensitivity(detail: "\(error)"), file: file)
        }
        guard cells.count <= Sensitivity.mostCells else {
            throw ReportError(
                .notASensitivity(
                    detail: "\(cells.count) cells, expected at most \(Sensitivity.mostCells)"),
                file: file, place: "map.cells")
        }
    }

    private struct Document: Decodable {
        static let supportedVersion = 1
        let schemaVersion: Int
        let map: Sensitivity
    }

    /// The divergences of one format as a picture: a row for each kind, a column for each layer.
    struct Grid {
        let format: String
        /// A row of the picture.
        struct Row {
            let kind: String
            /// By layer; `nil` where there is no such tensor or the format cannot hold it.
            let values: [Double?]
            /// The divergence of a part outside the layers, or of all layers at once.
            let whole: Double?
        }
        let rows: [Row]
        let layers: [Int]
    }

    /// The most kinds, layers and formats that a picture has room for.
    static let mostRows = 40
    static let mostLayers = 400
    static let mostFormats = 12

    /// The pictures, a format each.
    var grids: [Grid] {
        var kinds: [String] = []
        var layers: Set<Int> = []
        var values: [String: [String: [Int: Double]]] = [:]
        var wholes: [String: [String: Double]] = [:]
        var known: Set<String> = []
        for cell in cells {
            let kind = cell.kind ?? (cell.layer == nil ? cell.name : "all tensors")
            if known.insert(kind).inserted { kinds.append(kind) }
            guard let layer = cell.layer else {
                wholes[cell.format, default: [:]][kind] = cell.divergence.value
                continue
            }
            layers.insert(layer)
            values[cell.format, default: [:]][kind, default: [:]][layer] = cell.divergence.value
        }
        let columns = Array(layers.sorted().prefix(Sensitivity.mostLayers))
        return formats.prefix(Sensitivity.mostFormats).map { format in
            Grid(
                format: format,
                rows: kinds.prefix(Sensitivity.mostRows).map { kind in
                    let row = values[format]?[kind] ?? [:]
                    return .init(
                        kind: kind, values: columns.map { row[$0] },
                        whole: wholes[format]?[kind])
                }, layers: columns)
        }
    }

    /// Whether a picture leaves something out.
    var isCutShort: Bool {
        formats.count > Sensitivity.mostFormats
            || Set(cells.compactMap(\.layer)).count > Sensitivity.mostLayers
            || Set(cells.map { $0.kind ?? ($0.layer == nil ? $0.name : "") }).count
                > Sensitivity.mostRows
    }

    /// The parts that move the predictions most in a format, the most sensitive first.
    func mostSensitive(format: String, count: Int) -> [Cell] {
        let candidates = cells.filter { $0.format == format && $0.divergence.value.isFinite }
        return Array(
            candidates.sorted { $0.divergence.value > $1.divergence.value }.prefix(count))
    }
}
