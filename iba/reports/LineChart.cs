namespace Iba.Reports;

/// <summary>A small chart of numbers by step, as SVG with an alternative text.</summary>
internal static class LineChart
{
    private const double Width = 320, Height = 150, Left = 46, Right = 8, Top = 10, Bottom = 28;

    /// <param name="title">What the chart shows.</param>
    /// <param name="curves">Names and numbers of one curve or two.</param>
    public static string Draw(string title, params IReadOnlyList<(string Name, IReadOnlyList<double> Values)> curves)
    {
        double least = Math.Min(0, curves.Min(curve => curve.Values.Min())), most = curves.Max(curve => curve.Values.Max());
        int steps = curves[0].Values.Count;
        if (!(most > least))
            most = least + 1;
        string words = string.Join("; ", curves.Select(curve =>
            $"{curve.Name}: {HtmlPage.Number(curve.Values[0])} at step 0, {HtmlPage.Number(curve.Values[^1])} at step {steps - 1}"));
        string lines = string.Concat(curves.Index().Select(curve =>
            $"<polyline class=\"curve{(curve.Index > 0 ? " second" : "")}\" points=\"{string.Join(' ', curve.Item.Values.Select(Point))}\"/>"
            + (curve.Index > 0 ? "" : string.Concat(curve.Item.Values.Select((value, i) => $"<circle class=\"dot\" cx=\"{X(i)}\" cy=\"{Y(value)}\" r=\"3\">"
                + $"<title>step {i}: {HtmlPage.Number(value)}</title></circle>")))));
        return $"<figure><svg viewBox=\"0 0 {Width} {Height}\" width=\"{Width}\" role=\"img\" aria-label=\"{HtmlPage.Text($"{title}. {words}")}\">"
            + $"<path class=\"axis\" d=\"M{Left} {Top}V{Height - Bottom}H{Width - Right}\"/>{lines}"
            + $"<text x=\"{Left - 4}\" y=\"{Top + 8}\" text-anchor=\"end\">{Axis(most)}</text>"
            + $"<text x=\"{Left - 4}\" y=\"{Height - Bottom}\" text-anchor=\"end\">{Axis(least)}</text>"
            + $"<text x=\"{Left}\" y=\"{Height - 8}\">step 0</text><text x=\"{Width - Right}\" y=\"{Height - 8}\" text-anchor=\"end\">{steps - 1}</text>"
            + $"</svg><figcaption><strong>{HtmlPage.Text(title)}</strong> {HtmlPage.Text(words)}</figcaption></figure>";

        string Axis(double value) => Math.Abs(value) < 1e4 ? HtmlPage.Number(value, "G3") : $"{HtmlPage.Number(value / 1e3, "G3")}k";
        string X(int step) => HtmlPage.Plain(Left + (Width - Left - Right) * step / Math.Max(steps - 1, 1));
        string Y(double value) => HtmlPage.Plain(Height - Bottom - (Height - Top - Bottom) * (value - least) / (most - least));
        string Point(double value, int step) => $"{X(step)},{Y(value)}";
    }
}
