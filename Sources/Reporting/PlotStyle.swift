extension HTMLPage {
    /// Two series colours, blue for the mean and rust for the tail; both
    /// keep a contrast of 4.5 to 1 against the page in light and dark.
    static let colours = """
        :root {
          color-scheme: light dark;
          --page: #fcfcfa; --ink: #1c2024; --quiet: #5d656e; --rule: #d9dcdf; --faint: #eceeef;
          --mean: #1f5fa8; --tail: #ad4f17;
          --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, "DejaVu Sans Mono", monospace;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --page: #15181b; --ink: #e3e6e8; --quiet: #9aa3ab; --rule: #363c42; --faint: #23282c;
            --mean: #7db3f0; --tail: #e79a63;
          }
        }
        """

    /// How plots are drawn, in the page and by themselves.
    static let plotStyle = """
        .plot text { fill: var(--ink); font-size: 12px; font-family: inherit; }
        .plot .tick, .plot .legend {
          fill: var(--quiet); font-variant-numeric: tabular-nums;
        }
        .plot .axis-title { font-size: 13px; font-weight: 600; }
        .plot .label {
          font-family: var(--mono); paint-order: stroke; stroke: var(--page); stroke-width: 3px;
          stroke-linejoin: round;
        }
        .grid { stroke: var(--rule); stroke-width: 1; }
        .grid.minor { stroke: var(--faint); }
        .axis, .zero { stroke: var(--quiet); stroke-width: 1; }
        .stem { stroke: var(--rule); stroke-width: 1; stroke-dasharray: 2 3; }
        .leader { stroke: var(--quiet); stroke-width: 0.75; }
        .front { stroke: var(--mean); stroke-width: 1.5; fill: none; stroke-opacity: 0.55; }
        .tail-front { stroke: var(--tail); }
        .mean { fill: var(--mean); stroke: var(--mean); stroke-width: 1.5; }
        .mean.beaten { fill: var(--page); }
        .tail { fill: var(--tail); stroke: var(--tail); stroke-width: 1.5; }
        .tail.beaten { fill: var(--page); }
        .spread { fill: var(--mean); fill-opacity: 0.28; }
        .median { stroke: var(--ink); stroke-width: 2; }
        .heat { fill: var(--mean); }
        .bar { stroke-width: 1.5; }
        .mean-bar { stroke: var(--mean); }
        .tail-bar { stroke: var(--tail); stroke-dasharray: 4 3; }
        """
}

extension QualityReport {
    /// A drawing of divergence against the bytes of files, as a file of its own (SVG); `nil` when no
    /// level can be drawn.
    public func divergenceDrawing() -> String? {
        DivergencePlot(self, against: .fileBytes).drawing?.document(
            style: HTMLPage.colours + "\n" + HTMLPage.plotStyle)
    }
}
