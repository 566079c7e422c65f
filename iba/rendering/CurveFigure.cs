using System.Numerics;

namespace Iba.Rendering;

/// <summary>A curve of a panel.</summary>
/// <param name="Name">Its name, written at its end. Curves of one name have one colour in all panels.</param>
/// <param name="X">Rising.</param>
/// <param name="Y">A value for each x; NaN leaves a gap.</param>
public sealed record Curve(string Name, IReadOnlyList<double> X, IReadOnlyList<double> Y)
{
    /// <summary>The lower edge of a shaded interval, a value for each x; null for no interval.</summary>
    public IReadOnlyList<double>? Low { get; init; }

    /// <summary>The upper edge of the shaded interval.</summary>
    public IReadOnlyList<double>? High { get; init; }

    /// <summary>Whether it is drawn thicker, above the others.</summary>
    public bool Emphasised { get; init; }
}

/// <summary>An axis of a panel.</summary>
/// <param name="Title">What it counts, with the unit.</param>
public sealed record CurveAxis(string Title)
{
    /// <summary>Whether it is logarithmic: all values must be positive.</summary>
    public bool Logarithmic { get; init; }

    /// <summary>Its lower end; null for that of the curves. What lies below is not drawn.</summary>
    public double? Low { get; init; }

    /// <summary>Its upper end; null for that of the curves. What lies above is not drawn.</summary>
    public double? High { get; init; }

    /// <summary>Its ticks; none for round numbers.</summary>
    public IReadOnlyList<Tick> Ticks { get; init; } = [];
}

/// <summary>Curves over one pair of axes.</summary>
/// <param name="Title">What they show.</param>
/// <param name="X">The horizontal axis.</param>
/// <param name="Y">The vertical axis.</param>
/// <param name="Curves">The curves.</param>
public sealed record CurvePanel(string Title, CurveAxis X, CurveAxis Y, IReadOnlyList<Curve> Curves)
{
    /// <summary>Whether names stand at the curves' ends. A panel without them has the colours of the panel that has them.</summary>
    public bool Named { get; init; } = true;
}

/// <summary>
/// Curves in panels, as PNG and as SVG. A curve's name stands beside its end; names that would overlap move apart, and a thin line leads from the end to the
/// name. Colours differ for the colour-blind; from the ninth curve on, dashes differ as well.
/// </summary>
/// <param name="Rows">The panels of each row, from left to right.</param>
public sealed record CurveFigure(IReadOnlyList<IReadOnlyList<CurvePanel>> Rows)
{
    /// <summary>What the figure shows, written above it.</summary>
    public string Title { get; init; } = "";

    /// <summary>Lines below the figure.</summary>
    public IReadOnlyList<string> Footnotes { get; init; } = [];

    /// <summary>The width, pixels; more if the names are too long for it.</summary>
    public int Width { get; init; } = 1200;

    /// <summary>The height of the axes, pixels; more if the names of a row need it.</summary>
    public int PanelHeight { get; init; } = 300;

    private static readonly Rgb Ink = Rgb.Grey(40), Faint = Rgb.Grey(100), Grid = Rgb.Grey(228);

    /// <summary>
    /// The colours of Okabe and Ito (2008), which people of every colour vision tell apart, in an order that puts unlike ones side by side. Grey
    /// takes the place of yellow, which is hardly seen on white.
    /// </summary>
    private static readonly Rgb[] Colours =
    [
        new(0, 114, 178), new(213, 94, 0), new(0, 158, 115), new(230, 159, 0), new(204, 121, 167), new(86, 180, 233), new(0, 0, 0), new(140, 140, 140),
    ];

    /// <summary>Lengths of strokes and gaps, pixels: solid, dashed, dotted, and both in turn.</summary>
    private static readonly double[][] Dashes = [[], [9, 6], [1, 5], [9, 5, 1, 5]];

    private const double Pen = 1.8, ThickPen = 3.2, Shade = 0.18;

    /// <summary>The figure as pixels.</summary>
    /// <exception cref="ArgumentException">A panel cannot be drawn: a curve has not a value for each x, or one that its axis cannot show.</exception>
    public Canvas Draw()
    {
        var layout = new CurveLayout(this);
        var canvas = new Canvas(layout.Width, layout.Height, Rgb.White);
        DrawOn(new CanvasDrawing(canvas), layout);
        return canvas;
    }

    /// <summary>The figure as SVG. Equal figures have equal text.</summary>
    /// <exception cref="ArgumentException">A panel cannot be drawn: a curve has not a value for each x, or one that its axis cannot show.</exception>
    public string Svg()
    {
        var layout = new CurveLayout(this);
        var drawing = new SvgDrawing(layout.Width, layout.Height, Title, strokes: true);
        DrawOn(drawing, layout);
        return drawing.ToString();
    }

    private void DrawOn(IDrawing on, CurveLayout at)
    {
        string[] names = [.. Rows.SelectMany(row => row).SelectMany(panel => panel.Curves).Select(curve => curve.Name).Distinct()];
        double baseline = CurveLayout.Margin;
        foreach (string line in at.Title)
            on.Text(line, CurveLayout.Margin, baseline += CurveLayout.TitleLine, CurveLayout.TitleSize, Ink, TextAnchor.Start, FontWeight.Bold);
        foreach (PanelLayout panel in at.Panels)
            DrawPanel(on, panel, names);
        baseline = at.FootnoteTop;
        foreach (string note in at.Footnotes)
            on.Text(note, CurveLayout.Margin, baseline += CurveLayout.SmallLine, CurveLayout.Small, Faint, TextAnchor.Start);
    }

    private static void DrawPanel(IDrawing on, PanelLayout at, string[] names)
    {
        double middle = (at.Left + at.Right) / 2;
        for (int line = 0; line < at.Title.Count; line++)
        {
            double y = at.Top - CurveLayout.Gap - (at.Title.Count - 1 - line) * CurveLayout.TextLine;
            on.Text(at.Title[line], middle, y, CurveLayout.Text, Ink, weight: FontWeight.Bold);
        }
        foreach ((double x, _) in at.TicksX)
            on.Line([At(x, at.Top), At(x, at.Bottom)], 1, Grid);
        foreach ((double y, string label) in at.TicksY)
        {
            on.Line([At(at.Left, y), At(at.Right, y)], 1, Grid);
            on.Text(label, at.Left - CurveLayout.Gap, y + StrokeFont.CapHeight / 2 * CurveLayout.Small, CurveLayout.Small, Ink, TextAnchor.End);
        }

        Curve[] order = [.. at.Panel.Curves.OrderBy(curve => curve.Emphasised)];
        foreach (Curve curve in order.Where(curve => curve.Low is not null && curve.High is not null))
        {
            foreach (Vector2[] band in at.Bands(curve))
                on.Area(band, Style(curve, names).Colour, Shade);
        }
        // The frame and the ticks are above the shades and below the curves.
        on.Line([At(at.Left, at.Top), At(at.Left, at.Bottom), At(at.Right, at.Bottom)], 1.5, Ink);
        foreach ((double x, string label) in at.TicksX)
        {
            on.Line([At(x, at.Bottom), At(x, at.Bottom + CurveLayout.TickLength)], 1.5, Ink);
            if (at.TurnsTicks)
            {
                double turned = x + StrokeFont.CapHeight / 2 * CurveLayout.Small, y = at.Bottom + CurveLayout.TickLength + CurveLayout.Gap;
                on.Text(label, turned, y, CurveLayout.Small, Ink, TextAnchor.End, direction: TextDirection.Up);
            }
            else
            {
                on.Text(label, x, at.Bottom + CurveLayout.TickLength + CurveLayout.SmallLine - 2, CurveLayout.Small, Ink);
            }
        }
        on.Text(at.TitleX, middle, at.TitleXBaseline, CurveLayout.Small, Ink);
        on.Text(at.TitleY, at.TitleYBaseline, (at.Top + at.Bottom) / 2, CurveLayout.Small, Ink, direction: TextDirection.Up);

        foreach (Curve curve in order)
        {
            (Rgb colour, double[] dashes) = Style(curve, names);
            foreach (Vector2[] line in at.Lines(curve))
                on.Line(line, curve.Emphasised ? ThickPen : Pen, colour, dashes);
        }
        foreach (CurveLabel label in at.Labels)
        {
            (Rgb colour, double[] dashes) = Style(label.Curve, names);
            double start = at.Right + CurveLayout.Leader, end = start + CurveLayout.Swatch;
            if (label.End is { } from)
                on.Line([At(at.Right + 2, from), At(start, label.Y)], 1, colour);
            on.Line([At(start, label.Y), At(end, label.Y)], label.Curve.Emphasised ? ThickPen : Pen, colour, dashes);
            on.Text(label.Text, end + CurveLayout.Gap, label.Y + StrokeFont.CapHeight / 2 * CurveLayout.Small, CurveLayout.Small, Ink, TextAnchor.Start,
                label.Curve.Emphasised ? FontWeight.Bold : FontWeight.Regular);
        }
    }

    private static (Rgb Colour, double[] Dashes) Style(Curve curve, string[] names)
    {
        int number = Array.IndexOf(names, curve.Name);
        return (Colours[number % Colours.Length], Dashes[number / Colours.Length % Dashes.Length]);
    }

    private static Vector2 At(double x, double y) => new((float)x, (float)y);
}
