using System.Globalization;
using System.Text;
using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Diagnostics;
using Iba.Engine.Tensors;
using Iba.Rendering;

namespace Iba.Reports;

/// <summary>
/// The page of a gradient path: what it says in sentences, the gradient layer by layer, the network as a graph that folds by stage, and every line in a
/// table that sorts.
/// </summary>
/// <param name="Title">The page's title.</param>
/// <param name="Path">The gradient path; its tape still holds the tensors.</param>
/// <param name="Tape">The tape.</param>
public sealed record TapePage(string Title, GradientPath Path, Tape Tape)
{
    private const double Row = 30, NodeLeft = 70, NodeWidth = 282;

    /// <summary>The name of the second backward pass; null if there was none.</summary>
    public string? Rule { get; init; }

    /// <summary>Settings, hashes and device.</summary>
    public IReadOnlyDictionary<string, string> Facts { get; init; } = new Dictionary<string, string>();

    /// <summary>The command that made the page.</summary>
    public string? Command { get; init; }

    /// <summary>Derivatives that were compared with finite differences.</summary>
    public IReadOnlyList<DerivativeCheck> Checks { get; init; } = [];

    /// <summary>The page.</summary>
    public byte[] ToBytes()
    {
        var page = new HtmlPage(Title);
        AddAnswers(page);
        AddLayers(page);
        AddStages(page);
        AddLines(page);
        page.AddFacts(Facts, Command);
        return page.ToBytes();
    }

    private void AddAnswers(HtmlPage page)
    {
        if (Path.FirstNonFinite is { } found)
            page.Add($"<p class=\"alert\"><strong>Not finite:</strong> {HtmlPage.Text(found.ToString())}.</p>");
        else if (Path.Times.Statistics is not null)
            page.Add("<p>Every number of every line is finite, forward and backward.</p>");
        if (Path.LargestLoss is { Passed: { } passed } loss)
            page.Add($"<p>The layer that loses most of the gradient is <strong>{HtmlPage.Text(loss.Name)}</strong>: at its input the gradient has "
                + $"{HtmlPage.Number(passed, "G3")} times the norm that it has at its output.</p>");
        if (Rule is not null)
        {
            page.Add(Path.Parting is { } parting
                ? $"<p>On the way back from the score, {HtmlPage.Text(Rule)} and the gradient part at <strong>{HtmlPage.Text(parting.Name)}</strong>: it is "
                    + $"the first layer at which the cosine of the angle between them is below 0.999; it is {HtmlPage.Number(parting.Cosine)}.</p>"
                : $"<p>{HtmlPage.Text(Rule)} and the gradient have the same direction at every layer.</p>");
        }
        foreach (DerivativeCheck check in Checks)
        {
            page.Add($"<p>The derivative of <strong>{HtmlPage.Text(check.Line)}</strong> with respect to {HtmlPage.Text(check.Input)} is "
                + $"{HtmlPage.Number(check.Derivative, "G7")} in a random direction; finite differences give {HtmlPage.Number(check.Difference, "G7")} (step "
                + $"{HtmlPage.Number(check.Step, "G2")}), a gap of {HtmlPage.Number(check.Gap, "G2")}.</p>");
        }
        PathTimes times = Path.Times;
        page.Add($"<p class=\"soft\">Forward and backward take {HtmlPage.Number(times.Plain)} ms, median of {times.Repeats}; with every line timed "
            + $"{HtmlPage.Number(times.Recorded)} ms ({Signed(times.Overhead)}, median of pairs of passes)"
            + (times.Statistics is { } all ? $"; once more with all statistics {HtmlPage.Number(all)} ms ({Signed(times.StatisticsOverhead!.Value)})" : "")
            + (times.PeakGigabytes is { } peak ? $". A large copy moves {HtmlPage.Number(peak, "G3")} GB/s on this device" : "") + ".</p>");
    }

    /// <summary>The gradient at every place where the network could be cut, from the score back to the input.</summary>
    private void AddLayers(HtmlPage page)
    {
        PathLayer[] layers = [.. Path.Layers.Where(layer => layer.Norm is not null).Reverse()];
        if (layers.Length == 0)
            return;
        bool ruled = Rule is not null, gaps = layers.Any(layer => layer.CompletenessGap is not null);
        page.Add("<section><h2 id=\"layers\">The gradient on its way back, layer by layer</h2>");
        page.Add("<p class=\"soft\">From the score to the input. <em>Passed on</em> is the norm at the layer's input, relative to the norm at its output"
            + (ruled ? "; <em>difference</em> shows by how many powers of ten the rule's norm is above (right) or below (left) the gradient's" : "") + ".</p>");
        page.Add("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"layers\"><table><thead><tr><th scope=\"col\">Layer</th>"
            + "<th scope=\"col\" class=\"n\">Norm</th><th scope=\"col\">Norm, by powers of ten</th><th scope=\"col\" class=\"n\">Passed on</th>"
            + (ruled ? "<th scope=\"col\" class=\"n\">Rule's norm</th><th scope=\"col\" class=\"n\">Passed on</th><th scope=\"col\">Difference</th>"
                + "<th scope=\"col\" class=\"n\">Cosine</th><th scope=\"col\" class=\"n\">Relevance</th><th scope=\"col\" class=\"n\">Kept</th>" : "")
            + (gaps ? "<th scope=\"col\" class=\"n\">Completeness gap</th>" : "") + "</tr></thead><tbody>");
        double[] logs = [.. layers.Where(layer => layer.Norm > 0).Select(layer => Math.Log10(layer.Norm!.Value))];
        double least = logs.DefaultIfEmpty(0).Min() - 0.3, most = Math.Max(logs.DefaultIfEmpty(1).Max(), least + 0.1);
        double[] apart = [.. layers.Select(Apart).Where(double.IsFinite)];
        double widest = Math.Max(apart.Select(Math.Abs).DefaultIfEmpty(1).Max(), 0.1);
        foreach (PathLayer layer in layers)
        {
            string name = HtmlPage.Text(layer.Name);
            double share = layer.Norm > 0 ? (Math.Log10(layer.Norm.Value) - least) / (most - least) : 0;
            string hover = $"norm of the gradient at {layer.Name}: {HtmlPage.Number(layer.Norm)}";
            page.Add($"<tr><th scope=\"row\">{name}</th>{Cell(layer.Norm)}<td>{Bar(share, hover)}</td>{Cell(layer.Passed, "G3")}"
                + (ruled ? $"{Cell(layer.RuleNorm)}{Cell(layer.RulePassed, "G3")}<td>{Diverging(Apart(layer) / widest, layer)}</td>"
                    + $"{Cell(layer.Cosine, "0.0000")}{Cell(layer.Relevance, "G3")}{Cell(layer.RelevanceKept, "0.0000")}" : "")
                + (gaps ? Cell(layer.CompletenessGap, "0.0000") : "") + "</tr>");
        }
        page.Add("</tbody></table></div></section>");

        static double Apart(PathLayer layer) => layer is { Norm: > 0, RuleNorm: > 0 } ? Math.Log10(layer.RuleNorm.Value / layer.Norm.Value) : double.NaN;
    }

    private void AddStages(HtmlPage page)
    {
        PathLine[] shown = [.. Path.Lines.Where(line => line.Op is not null || line.Gradient is not null)];
        page.Add("<section><h2 id=\"graph\">The network, by stage</h2>"
            + "<p class=\"soft\">In a line's box, the blue bar is its time and the grey bar its bytes, forward and backward, relative to the largest.</p>"
            + "<p><button type=\"button\" id=\"unfold\" aria-pressed=\"false\">Unfold all</button></p>");
        var stages = new List<(string Name, List<PathLine> Lines)>();
        foreach (PathLine line in shown)
        {
            string stage = Stage(line);
            if (stages.Count == 0 || stages[^1].Name != stage)
                stages.Add((stage, []));
            stages[^1].Lines.Add(line);
        }
        foreach ((int number, (string name, List<PathLine> lines)) in stages.Index())
        {
            PathLine last = lines[^1];
            string count = lines.Count == 1 ? "1 line" : $"{lines.Count} lines";
            page.Add($"<details class=\"stage\"{(number == 0 ? " open" : "")}><summary><strong>{HtmlPage.Text(name)}</strong>: {count}, "
                + $"output {Shape(last)}, {HtmlPage.Number(lines.Sum(Milliseconds), "G3")} ms, "
                + $"{HtmlPage.Number(lines.Sum(Megabytes), "G3")} MB"
                + $"{(last.Gradient is { } d ? $", norm of the gradient {HtmlPage.Number(d.Norm, "G3")}" : "")}</summary>");
            AddThumbnails(page, lines);
            page.Add(Graph(name, lines));
            page.Add("</details>");
        }
        page.Add("</section>");
    }

    /// <summary>Activation, gradient and rule of the stage's last picture: magnitudes, mean over channels, each on its own scale.</summary>
    private void AddThumbnails(HtmlPage page, List<PathLine> lines)
    {
        Value? last = lines.Select(line => Tape.ElementAt(line.Line)).LastOrDefault(y => y.Shape.Rank == 4 && y.Shape is { H: > 1, W: > 1 });
        if (last is null)
            return;
        page.Add("<div class=\"thumbs\">");
        Thumbnail("activation", Tape.Backend.Read(last.Data));
        Thumbnail("gradient", Read(Path.Gradients, last));
        if (Path.RuleGradients is { } ruled)
            Thumbnail(Rule ?? "rule", Read(ruled, last));
        page.Add("</div>");

        void Thumbnail(string what, float[]? numbers)
        {
            if (numbers is null)
                return;
            Shape shape = last.Shape;
            double[] means = new double[shape.H * shape.W];
            for (int i = 0; i < shape.Row; i++)
                means[i / shape.C] += Math.Abs(numbers[i]) / shape.C;
            double most = means.Where(double.IsFinite).DefaultIfEmpty(0).Max();
            byte[] pixels = [.. means.SelectMany(mean =>
            {
                Rgb colour = Colormap.Sequential[most > 0 ? mean / most : 0];
                return (byte[])[colour.R, colour.G, colour.B];
            })];
            string of = HtmlPage.Text($"{what} of {last.Name}");
            page.Add($"<figure><img src=\"{HtmlPage.Image(pixels, shape.W, shape.H)}\" width=\"{shape.W}\" height=\"{shape.H}\" "
                + $"alt=\"{of}, magnitude, mean over channels, up to {HtmlPage.Number(most, "G3")}\"><figcaption>{of}, up to {HtmlPage.Number(most, "G3")}"
                + "</figcaption></figure>");
        }
    }

    private static float[]? Read(Gradients d, Value y)
    {
        try
        {
            return y.Tape.Backend.Read(d[y]);
        }
        catch (ArgumentException)
        {
            // It lies on no way from a variable to the loss.
            return null;
        }
    }

    /// <summary>A box for each line, top to bottom; an arc on the left for each input that is not the line above.</summary>
    private string Graph(string stage, List<PathLine> lines)
    {
        var places = lines.Index().ToDictionary(line => line.Item.Line, line => line.Index);
        var svg = new StringBuilder();
        string names = HtmlPage.Text($"Graph of {stage}: {string.Join(", ", lines.Select(line => line.Name))}");
        svg.Append(CultureInfo.InvariantCulture, $"<svg viewBox=\"0 0 360 {Row * lines.Count + 10}\" width=\"360\" role=\"img\" aria-label=\"{names}\">");
        foreach ((int at, PathLine line) in lines.Index())
        {
            foreach (int from in line.Inputs.Where(places.ContainsKey).Select(input => places[input]))
            {
                (double above, double below, double bulge) = (Top(from) + 11, Top(at) + 11, Bulge(from, at));
                string path = from == at - 1
                    ? FormattableString.Invariant($"M90 {Top(from) + 22}V{Top(at)}")
                    : FormattableString.Invariant($"M{NodeLeft} {above}C{bulge} {above} {bulge} {below} {NodeLeft} {below}");
                svg.Append("<path class=\"edge\" d=\"").Append(path).Append("\"/>");
            }
        }
        foreach ((int at, PathLine line) in lines.Index())
        {
            string hover = $"{line.Name} = {line.Op ?? "input"}; {Shape(line)}; {line.ForwardCode}; "
                + $"{HtmlPage.Number(line.ForwardMilliseconds, "G3")} ms forward, {HtmlPage.Number(line.BackwardMilliseconds, "G3")} ms backward; "
                + $"{HtmlPage.Number(Megabytes(line), "G3")} MB; "
                + $"norm {HtmlPage.Number(line.Activation?.Norm)}, "
                + $"of the gradient {HtmlPage.Number(line.Gradient?.Norm)}";
            string label = line.Name.Length > 34 ? line.Name[..33] + "\u2026" : line.Name;
            string box = FormattableString.Invariant($"x=\"{NodeLeft}\" y=\"{Top(at)}\" width=\"{NodeWidth}\" height=\"22\" rx=\"4\"");
            svg.Append(CultureInfo.InvariantCulture, $"<g><title>{HtmlPage.Text(hover)}</title><rect class=\"node\" {box}/>")
                .Append(Share("bar", Top(at) + 19, Milliseconds(line) / Slowest)).Append(Share("memory", Top(at), Megabytes(line) / Largest))
                .Append(CultureInfo.InvariantCulture, $"<text x=\"{NodeLeft + 6}\" y=\"{Top(at) + 15}\">{HtmlPage.Text(label)}</text></g>");
        }
        return svg.Append("</svg>").ToString();

        static string Share(string kind, double top, double share) => FormattableString.Invariant(
            $"<rect class=\"{kind}\" x=\"{NodeLeft}\" y=\"{top}\" width=\"{HtmlPage.Plain(NodeWidth * share)}\" height=\"3\"/>");

        static double Top(int at) => 5 + Row * at;
        static double Bulge(int from, int to) => NodeLeft - Math.Min(60, 12 + 6 * Math.Abs(to - from));
    }

    private void AddLines(HtmlPage page)
    {
        bool ruled = Rule is not null;
        string[] heads =
        [
            "Line", "Name", "Op", "Shape", "Code", "ms forward", "ms backward", "Time", "MB", "Bytes", "Of peak", "Activation norm", "mean", "largest", "zeros",
            "not finite", "Gradient norm", "mean", "largest", "zeros", "not finite", "passed on", .. ruled ? (string[])["Rule's norm", "cosine"] : [],
        ];
        page.Add("<section class=\"wide\"><h2 id=\"lines\">Every line</h2><p class=\"soft\">The head of a column sorts by it. "
            + "<em>Of peak</em>: bytes per second relative to a large copy; above 1 where the caches hold the tensors. <em>Passed on</em>: the norm of the "
            + "gradient at the first input, relative to that at the line; where several lines read the input, its gradient is the sum of what they pass "
            + "back.</p>");
        page.Add("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"lines\"><table class=\"sorts\"><thead><tr>");
        page.Add(string.Concat(heads.Select(HtmlPage.Head)));
        page.Add("</tr></thead><tbody>");
        foreach (PathLine line in Path.Lines)
        {
            double time = Milliseconds(line), bytes = Megabytes(line);
            string codes = string.Join("; ", ((string?[])[line.ForwardCode, line.BackwardCode]).OfType<string>().Distinct());
            page.Add($"<tr><td class=\"n\">{line.Line}</td><th scope=\"row\">{HtmlPage.Text(line.Name)}</th><td>{HtmlPage.Text(line.Op ?? "leaf")}</td>"
                + $"<td>{Shape(line)}</td><td>{HtmlPage.Text(codes)}</td>{Cell(line.ForwardMilliseconds, "G3")}{Cell(line.BackwardMilliseconds, "G3")}"
                + $"<td data-value=\"{HtmlPage.Plain(time)}\">{(time > 0 ? Bar(time / Slowest, $"{HtmlPage.Number(time, "G3")} ms") : "")}</td>"
                + $"{Cell(bytes, "G3")}<td data-value=\"{HtmlPage.Plain(bytes)}\">"
                + $"{(bytes > 0 ? Bar(bytes / Largest, $"{HtmlPage.Number(bytes, "G3")} MB", "memory") : "")}</td>{Cell(line.ForwardShareOfPeak, "G2")}"
                + Figures(line.Activation) + Figures(line.Gradient) + Cell(line.Passed, "G3")
                + (ruled ? Cell(line.Rule?.Norm) + Cell(line.Cosine, "0.0000") : "") + "</tr>");
        }
        page.Add("</tbody></table></div></section>");

        static string Figures(TensorFigures? figures) =>
            $"{Cell(figures?.Norm)}{Cell(figures?.Mean, "G3")}{Cell(figures?.Largest, "G3")}{Share(figures?.Zeros)}{Share(figures?.NonFinite)}";
    }

    private static string Cell(double? number, string format = "G4") =>
        $"<td class=\"n\" data-value=\"{(number is { } value && double.IsFinite(value) ? value.ToString("R", CultureInfo.InvariantCulture) : "")}\">"
        + $"{HtmlPage.Number(number, format)}</td>";

    private static string Share(double? share) => $"<td class=\"n\" data-value=\"{share?.ToString("R", CultureInfo.InvariantCulture)}\">"
        + $"{(share is { } value ? Percent(value) : "\u2013")}</td>";

    private static string Signed(double share) => $"{(share < 0 ? "" : "+")}{Percent(share)}";

    private static string Percent(double share) => $"{HtmlPage.Number(100 * share, "0.#")} %";

    private static string Bar(double share, string hover, string kind = "bar") =>
        $"<svg viewBox=\"0 0 120 12\" width=\"120\" height=\"12\" role=\"img\" aria-label=\"{HtmlPage.Text(hover)}\"><title>{HtmlPage.Text(hover)}</title>"
        + $"<rect class=\"{kind}\" width=\"{HtmlPage.Plain(120 * Math.Clamp(share, 0, 1))}\" height=\"12\"/></svg>";

    /// <summary>A bar to the right where the rule's norm is above the gradient's, to the left where it is below.</summary>
    private static string Diverging(double share, PathLayer layer)
    {
        if (!double.IsFinite(share))
            return "";
        double length = 60 * Math.Clamp(Math.Abs(share), 0, 1);
        string hover = HtmlPage.Text($"rule's norm {HtmlPage.Number(layer.RuleNorm)}, gradient's norm {HtmlPage.Number(layer.Norm)} at {layer.Name}");
        (string side, double left) = share < 0 ? ("cold", 60 - length) : ("warm", 60);
        return $"<svg viewBox=\"0 0 120 12\" width=\"120\" height=\"12\" role=\"img\" aria-label=\"{hover}\"><title>{hover}</title>"
            + $"<rect class=\"{side}\" x=\"{HtmlPage.Plain(left)}\" width=\"{HtmlPage.Plain(length)}\" height=\"12\"/>"
            + "<path class=\"axis\" d=\"M60 0V12\"/></svg>";
    }

    private static double Milliseconds(PathLine line) => (line.ForwardMilliseconds ?? 0) + (line.BackwardMilliseconds ?? 0);

    private static double Megabytes(PathLine line) => (line.ForwardBytes + line.BackwardBytes) / 1e6;

    private double Slowest => Math.Max(Path.Lines.Max(Milliseconds), 1e-9);

    private double Largest => Math.Max(Path.Lines.Max(Megabytes), 1e-9);

    private static string Shape(PathLine line) => string.Join(" \u00d7 ", line.Shape);

    /// <summary>The first part of a layer's name; lines that are no layer's stand alone.</summary>
    private static string Stage(PathLine line) => line.Name.Split('.')[0].Split(' ')[0];
}
