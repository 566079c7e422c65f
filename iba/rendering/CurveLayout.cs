using System.Globalization;
using System.Numerics;

namespace Iba.Rendering;

/// <summary>The positions of a figure's parts, in pixels.</summary>
internal sealed class CurveLayout
{
    public const double Margin = 16, Gap = 6, TickLength = 5, TitleSize = 18, Text = 16, Small = 14;
    public const double TitleLine = 25, TextLine = 22, SmallLine = 20;

    /// <summary>Between the axes and a label: a line that leads to it, and a piece of the curve.</summary>
    public const double Leader = 18, Swatch = 26;

    private const double LeastPanel = 180;

    /// <exception cref="ArgumentException">A panel cannot be drawn.</exception>
    public CurveLayout(CurveFigure figure)
    {
        if (figure.Rows.Count == 0 || figure.Rows.Any(row => row.Count == 0))
            throw new ArgumentException("a figure of curves needs a panel in every row");
        PanelLayout[][] rows = [.. figure.Rows.Select(row => row.Select(panel => new PanelLayout(panel)).ToArray())];
        double[] beside = [.. rows.Select(row => row.Sum(panel => panel.Before + panel.After) + Margin)];
        double width = rows.Zip(beside, (row, sides) => Math.Max(figure.Width, sides + row.Length * LeastPanel)).Max();
        Width = (int)Math.Ceiling(width);
        Title = figure.Title == "" ? [] : StrokeFont.Wrap(figure.Title, TitleSize, Width - 2 * Margin, FontWeight.Bold);
        double top = Title.Count == 0 ? Gap : Margin + Title.Count * TitleLine + Gap;
        for (int row = 0; row < rows.Length; row++)
        {
            double panel = (Width - beside[row]) / rows[row].Length, left = Margin / 2;
            double height = Math.Max(figure.PanelHeight, rows[row].Max(each => each.LabelHeight));
            // Titles first: all panels of a row begin at one height.
            foreach (PanelLayout each in rows[row])
                each.Wrap(panel);
            double axesTop = top + Gap + TextLine * rows[row].Max(each => each.Title.Count) + Gap;
            foreach (PanelLayout each in rows[row])
            {
                each.Place(left + each.Before, axesTop, panel, height);
                left = each.Right + each.After;
            }
            top = rows[row].Max(each => each.TitleXBaseline) + Gap + Gap;
        }
        Panels = [.. rows.SelectMany(row => row)];
        FootnoteTop = top;
        Footnotes = [.. figure.Footnotes.SelectMany(note => StrokeFont.Wrap(note, Small, Width - 2 * Margin))];
        Height = (int)Math.Ceiling(FootnoteTop + Footnotes.Count * SmallLine + Margin);
    }

    public int Width { get; }

    public int Height { get; }

    public IReadOnlyList<string> Title { get; }

    public IReadOnlyList<PanelLayout> Panels { get; }

    public double FootnoteTop { get; }

    public IReadOnlyList<string> Footnotes { get; }
}

/// <summary>A curve's name at its end.</summary>
/// <param name="Curve">The curve.</param>
/// <param name="Text">The name; it says if the curve has no value.</param>
/// <param name="Y">The middle of the text.</param>
/// <param name="End">Where a line to it starts; null for none.</param>
internal sealed record CurveLabel(Curve Curve, string Text, double Y, double? End);

/// <summary>The positions of a panel's parts, in pixels.</summary>
internal sealed class PanelLayout
{
    /// <summary>Intervals of the vertical axis, at most.</summary>
    public const int IntervalsY = 8;

    private readonly PlacedAxis _x, _y;
    private readonly IReadOnlyList<Tick> _ticksY;

    /// <exception cref="ArgumentException">The panel cannot be drawn.</exception>
    public PanelLayout(CurvePanel panel)
    {
        Panel = panel;
        foreach (Curve curve in panel.Curves)
        {
            if (curve.Y.Count != curve.X.Count || (curve.Low ?? curve.X).Count != curve.X.Count || (curve.High ?? curve.X).Count != curve.X.Count)
                throw new ArgumentException($"{panel.Title}: the curve {curve.Name} has {curve.X.Count} positions and another number of values");
        }
        _x = new PlacedAxis(panel.Title, panel.X, panel.Curves.SelectMany(curve => curve.X), rounds: false);
        _y = new PlacedAxis(panel.Title, panel.Y, panel.Curves.SelectMany(curve => curve.Y.Concat(curve.Low ?? []).Concat(curve.High ?? [])), rounds: true);
        _ticksY = _y.Ticks(IntervalsY);
        double widest = _ticksY.Max(tick => StrokeFont.Width(tick.Label, CurveLayout.Small));
        Before = CurveLayout.SmallLine + CurveLayout.Gap + widest + CurveLayout.Gap;
        double names = panel.Named ? panel.Curves.Max(LabelWidth) : 0;
        After = panel.Named ? CurveLayout.Leader + CurveLayout.Swatch + CurveLayout.Gap + names + CurveLayout.Margin : CurveLayout.Margin;
        LabelHeight = panel.Named ? panel.Curves.Count * CurveLayout.SmallLine : 0;
    }

    public CurvePanel Panel { get; }

    /// <summary>The width left of the axes.</summary>
    public double Before { get; }

    /// <summary>The width right of them.</summary>
    public double After { get; }

    /// <summary>The height that all names need.</summary>
    public double LabelHeight { get; }

    public IReadOnlyList<string> Title { get; private set; } = [];

    public double Left { get; private set; }

    public double Top { get; private set; }

    public double Right { get; private set; }

    public double Bottom { get; private set; }

    /// <summary>Positions and labels.</summary>
    public IReadOnlyList<(double At, string Label)> TicksX { get; private set; } = [];

    /// <summary>Positions and labels.</summary>
    public IReadOnlyList<(double At, string Label)> TicksY { get; private set; } = [];

    /// <summary>Whether labels of the horizontal axis are written upwards, because they would overlap.</summary>
    public bool TurnsTicks { get; private set; }

    public string TitleX => _x.Title;

    public string TitleY => _y.Title;

    public double TitleXBaseline { get; private set; }

    public double TitleYBaseline => Left - Before + CurveLayout.Small;

    public IReadOnlyList<CurveLabel> Labels { get; private set; } = [];

    /// <summary>Breaks the title into lines.</summary>
    public void Wrap(double width) => Title = Panel.Title == "" ? [] : StrokeFont.Wrap(Panel.Title, CurveLayout.Text, width, FontWeight.Bold);

    /// <summary>Places the axes.</summary>
    public void Place(double left, double top, double width, double height)
    {
        (Left, Top, Right, Bottom) = (left, top, left + width, top + height);
        IReadOnlyList<Tick> ticks = _x.Ticks(Math.Clamp((int)(width / 60), 1, 10));
        double widest = ticks.Max(tick => StrokeFont.Width(tick.Label, CurveLayout.Small));
        TicksX = [.. ticks.Select(tick => (X(tick.Value), tick.Label))];
        TicksY = [.. _ticksY.Select(tick => (Y(tick.Value), tick.Label))];
        TurnsTicks = TicksX.Zip(TicksX.Skip(1)).Any(pair =>
            (StrokeFont.Width(pair.First.Label, CurveLayout.Small) + StrokeFont.Width(pair.Second.Label, CurveLayout.Small)) / 2 + CurveLayout.Gap
            > Math.Abs(pair.Second.At - pair.First.At));
        TitleXBaseline = Bottom + CurveLayout.TickLength + CurveLayout.SmallLine + (TurnsTicks ? widest + CurveLayout.Gap : CurveLayout.SmallLine);
        Labels = Panel.Named ? PlacedLabels() : [];
    }

    /// <summary>The position of a value of the horizontal axis.</summary>
    public double X(double value) => Left + _x.Place(value) * (Right - Left);

    /// <summary>The position of a value of the vertical axis.</summary>
    public double Y(double value) => Bottom - _y.Place(value) * (Bottom - Top);

    /// <summary>The parts of a curve within the axes.</summary>
    public IReadOnlyList<Vector2[]> Lines(Curve curve)
    {
        var lines = new List<Vector2[]>();
        foreach (Range run in Runs(curve, i => double.IsFinite(curve.Y[i])))
        {
            int[] at = Within(run, curve);
            Vector2[] points = [.. at.Select(i => Point(curve.X[i], curve.Y[i]))];
            var line = new List<Vector2>();
            for (int i = 0; i < points.Length; i++)
            {
                if (i > 0 && Inside(points[i - 1]) != Inside(points[i]))
                    line.Add(Edge(points[i - 1], points[i], Inside(points[i]) ? points[i - 1] : points[i]));
                if (i > 0 && !Inside(points[i - 1]) && !Inside(points[i]) && (points[i - 1].Y < Top) != (points[i].Y < Top))
                    lines.Add([Edge(points[i - 1], points[i], points[i - 1]), Edge(points[i - 1], points[i], points[i])]);
                if (Inside(points[i]))
                {
                    line.Add(points[i]);
                }
                else if (line.Count > 0)
                {
                    lines.Add([.. line]);
                    line.Clear();
                }
            }
            if (line.Count > 0)
                lines.Add([.. line]);
        }
        return lines;
    }

    /// <summary>The parts of a curve's shaded interval within the axes.</summary>
    public IReadOnlyList<Vector2[]> Bands(Curve curve)
    {
        var bands = new List<Vector2[]>();
        foreach (Range run in Runs(curve, i => double.IsFinite(curve.Low![i]) && double.IsFinite(curve.High![i])))
        {
            int[] at = Within(run, curve);
            Vector2[] band = [.. at.Select(i => Point(curve.X[i], curve.High![i])), .. at.Reverse().Select(i => Point(curve.X[i], curve.Low![i]))];
            band = Clipped(Clipped(band, (float)Top, above: true), (float)Bottom, above: false);
            if (band.Length > 2)
                bands.Add(band);
        }
        return bands;
    }

    private static double LabelWidth(Curve curve) =>
        StrokeFont.Width(LabelText(curve), CurveLayout.Small, curve.Emphasised ? FontWeight.Bold : FontWeight.Regular);

    private static string LabelText(Curve curve) => curve.Y.Any(double.IsFinite) ? curve.Name : $"{curve.Name}: undefined";

    /// <summary>Runs of points that have a property.</summary>
    private static IEnumerable<Range> Runs(Curve curve, Func<int, bool> has)
    {
        for (int start = 0; start < curve.X.Count; start++)
        {
            int end = start;
            while (end < curve.X.Count && has(end))
                end++;
            if (end > start)
                yield return start..end;
            start = end;
        }
    }

    /// <summary>The points of a run that lie within the horizontal axis.</summary>
    private int[] Within(Range run, Curve curve) =>
        [.. Enumerable.Range(0, curve.X.Count).Take(run).Where(i => _x.Place(curve.X[i]) is >= -1e-9 and <= 1 + 1e-9)];

    private Vector2 Point(double x, double y) => new((float)X(x), (float)Y(y));

    private bool Inside(Vector2 point) => point.Y >= (float)Top - 0.01f && point.Y <= (float)Bottom + 0.01f;

    /// <summary>Where a line crosses the edge of the axes beyond which a point lies.</summary>
    private Vector2 Edge(Vector2 from, Vector2 to, Vector2 outside) => Crossing(from, to, outside.Y < Top ? (float)Top : (float)Bottom);

    private static Vector2 Crossing(Vector2 from, Vector2 to, float y) => new(from.X + (to.X - from.X) * ((y - from.Y) / (to.Y - from.Y)), y);

    /// <summary>The part of a polygon below or above a level (Sutherland and Hodgman 1974).</summary>
    private static Vector2[] Clipped(Vector2[] polygon, float level, bool above)
    {
        var kept = new List<Vector2>();
        for (int i = 0; i < polygon.Length; i++)
        {
            (Vector2 from, Vector2 to) = (polygon[i], polygon[(i + 1) % polygon.Length]);
            (bool first, bool second) = (above ? from.Y >= level : from.Y <= level, above ? to.Y >= level : to.Y <= level);
            if (first)
                kept.Add(from);
            if (first != second)
                kept.Add(Crossing(from, to, level));
        }
        return [.. kept];
    }

    /// <summary>Names from top to bottom in the order of the curves' ends; where ends coincide, in the order of the curves' means.</summary>
    private CurveLabel[] PlacedLabels()
    {
        // Ends closer than this are one place, to which no name belongs alone.
        const double Same = 3;
        var ends = new List<(Curve Curve, double End, double Mean)>();
        foreach (Curve curve in Panel.Curves)
        {
            double[] values = [.. curve.Y.Where(double.IsFinite)];
            ends.Add(values.Length == 0 ? (curve, Bottom, Bottom) : (curve, Math.Clamp(Y(values[^1]), Top, Bottom), values.Average(Y)));
        }
        (Curve Curve, double End, double Mean)[] order = [.. ends.OrderBy(each => Math.Round(each.End / Same)).ThenBy(each => each.Mean)];
        double[] places = Apart([.. order.Select(each => each.End)], CurveLayout.SmallLine, Top, Bottom);
        return
        [
            .. order.Zip(places, (each, y) => new CurveLabel(each.Curve, LabelText(each.Curve), y,
                each.Curve.Y.Any(double.IsFinite) && ends.Count(other => Math.Abs(other.End - each.End) < Same) == 1 ? each.End : null)),
        ];
    }

    /// <summary>
    /// The positions nearest to wanted ones, in the sense of least squares, that keep their order and a distance: neighbours that are too close join a
    /// block at their mean (pool adjacent violators).
    /// </summary>
    /// <param name="wanted">Rising.</param>
    /// <param name="distance">Between neighbours.</param>
    /// <param name="low">The least position.</param>
    /// <param name="high">The largest one; there is space for all.</param>
    internal static double[] Apart(double[] wanted, double distance, double low, double high)
    {
        var blocks = new List<(double Sum, int Count)>();
        for (int i = 0; i < wanted.Length; i++)
        {
            (double sum, int count) = (wanted[i] - i * distance, 1);
            while (blocks.Count > 0 && blocks[^1].Sum / blocks[^1].Count > sum / count)
            {
                (sum, count) = (sum + blocks[^1].Sum, count + blocks[^1].Count);
                blocks.RemoveAt(blocks.Count - 1);
            }
            blocks.Add((sum, count));
        }
        double most = Math.Max(low, high - (wanted.Length - 1) * distance);
        return
        [
            .. blocks.SelectMany(block => Enumerable.Repeat(Math.Clamp(block.Sum / block.Count, low, most), block.Count))
                .Select((at, i) => at + i * distance),
        ];
    }
}

/// <summary>The range of an axis and its ticks.</summary>
internal sealed class PlacedAxis
{
    private readonly CurveAxis _axis;
    private readonly Scale _scale;

    /// <param name="panel">The panel's title, for messages.</param>
    /// <param name="axis">The axis.</param>
    /// <param name="values">The curves' values on it.</param>
    /// <param name="rounds">Whether its ends move to the next tick, where they are not given.</param>
    /// <exception cref="ArgumentException">A logarithmic axis cannot show a value.</exception>
    public PlacedAxis(string panel, CurveAxis axis, IEnumerable<double> values, bool rounds)
    {
        _axis = axis;
        double[] finite = [.. values.Where(double.IsFinite)];
        // An axis without values: 0 to 1, or 1 to 10.
        if (finite.Length == 0)
            finite = axis.Logarithmic ? [1, 10] : [0, 1];
        if (axis.Logarithmic && (axis.Low ?? finite.Min()) <= 0)
            throw new ArgumentException($"{panel}: the axis '{axis.Title}' is logarithmic, and a value on it is {finite.Min()}. Give values above 0");
        (double low, double high) = (On(axis.Low ?? finite.Min()), On(axis.High ?? finite.Max()));
        // One value has an axis as well.
        if (!(low < high))
            (low, high) = axis.Low is not null ? (low, low + 1) : axis.High is not null ? (high - 1, high) : (low - 0.5, low + 0.5);
        if (rounds && !axis.Logarithmic)
        {
            IReadOnlyList<Tick> ticks = new Scale(low, high).Ticks(PanelLayout.IntervalsY);
            double step = ticks.Count > 1 ? ticks[1].Value - ticks[0].Value : high - low;
            low = axis.Low is null ? step * Math.Floor(low / step + 1e-6) : low;
            high = axis.High is null ? step * Math.Ceiling(high / step - 1e-6) : high;
        }
        _scale = new Scale(low, high);
    }

    /// <summary>The title, with the power of ten that the labels are in.</summary>
    public string Title => _axis.Logarithmic || _axis.Ticks.Count > 0 || _scale.Exponent == 0 ? _axis.Title : $"{_axis.Title} × 1e{_scale.Exponent}";

    /// <summary>The position of a value: 0 at the lower end, 1 at the upper.</summary>
    public double Place(double value) => _scale.Place(On(value));

    /// <summary>Ticks at round values: on a logarithmic axis at powers of ten, or at 1, 2 and 5 times them where it is short.</summary>
    /// <param name="intervals">Approximate upper bound of the intervals between ticks.</param>
    public IReadOnlyList<Tick> Ticks(int intervals)
    {
        if (_axis.Ticks.Count > 0)
            return _axis.Ticks;
        if (!_axis.Logarithmic)
            return _scale.Ticks(intervals);
        int first = (int)Math.Floor(_scale.Low), last = (int)Math.Ceiling(_scale.High);
        // Three powers of ten show what the axis is; where there are fewer, the numbers between them do.
        double[] steps = Math.Floor(_scale.High + 1e-9) - Math.Ceiling(_scale.Low - 1e-9) >= 2 ? [1] : [1, 2, 5];
        Tick[] ticks =
        [
            .. from decade in Enumerable.Range(first, last - first + 1)
               from step in steps
               let value = step * Math.Pow(10, decade)
               where _scale.Place(Math.Log10(value)) is >= -1e-9 and <= 1 + 1e-9
               select new Tick(value, Label(value)),
        ];
        return ticks.Length > 1 ? ticks
            : [.. ((double[])[_scale.Low, _scale.High]).Select(end => new Tick(Math.Pow(10, end), Label(Math.Pow(10, end))))];

        static string Label(double value) =>
            value.ToString(value is >= 1e-3 and < 1e6 ? "0.######" : "0.##e0", CultureInfo.InvariantCulture).Replace('-', '−');
    }

    private double On(double value) => _axis.Logarithmic ? Math.Log10(value) : value;
}
