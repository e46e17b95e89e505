/// The queries of a kind of server, for Prometheus.
struct QueryWriter {
    /// What a server exposes, so that its own names are used; `nil` for the newest names.
    let exposition: Exposition?
    /// What rates are of.
    var range = "5m"

    /// A measure's query, a value for each instance; `nil` where the server exposes nothing that it
    /// is made of.
    func query(_ source: Source) -> String? {
        switch source {
        case .sum(let selector): name(selector).map { "sum by (instance) (\($0))" }
        case .largest(let selector): name(selector).map { "max by (instance) (\($0))" }
        case .rate(let selector): rate(name(selector, isCounter: true))
        case .rateOfSum(let selector): rate(name(selector, suffix: "_sum"))
        case .rateOfCount(let selector): rate(name(selector, suffix: "_count"))
        case .quantile(let selector):
            name(selector, suffix: "_bucket").map {
                "histogram_quantile(0.95, sum by (instance, le) (rate(\($0)[\(range)])))"
            }
        case .ratio(let part, let whole):
            query(part).flatMap { part in query(whole).map { "\(part) / \($0)" } }
        case .first(let sources): sources.lazy.compactMap(query).first
        }
    }

    private func rate(_ name: String?) -> String? {
        name.map { "sum by (instance) (rate(\($0)[\(range)]))" }
    }

    /// The name under which the server has the metric, and the labels that count.
    private func name(
        _ selector: Selector, suffix: String = "", isCounter: Bool = false
    ) -> String? {
        let known = selector.names.map { $0 + suffix }
        var found = known.first
        if let exposition {
            let spellings = isCounter ? known.flatMap(Change.spellings) : known
            found = spellings.lazy.compactMap { exposition.samples(of: $0).first?.name }.first
        }
        return found.map { name in
            guard let label = selector.label else { return name }
            return "\(name){\(label.name)=~\"\(label.values.joined(separator: "|"))\"}"
        }
    }
}
