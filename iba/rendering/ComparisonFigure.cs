using Iba.Images;

namespace Iba.Rendering;

/// <summary>One map of a comparison.</summary>
/// <param name="Map">As large as the photo.</param>
/// <param name="Note">The text below it: the time it took, the remaining probability.</param>
public sealed record ComparisonPanel(Heatmap Map, string Note);

/// <summary>The maps of one photo.</summary>
/// <param name="Title">Its class, or what distinguishes it from the other rows.</param>
/// <param name="Photo">The network's crop.</param>
/// <param name="Panels">One for each column; null leaves a gap.</param>
public sealed record ComparisonRow(string Title, Photo Photo, IReadOnlyList<ComparisonPanel?> Panels);

/// <summary>
/// Maps side by side (the paper's figures 4, 5 and 10): one row per photo, one column per method or setting, over the photo in grey.
/// Colours are those of <see cref="Colormap"/>. Maps in bits per pixel share one scale, shown by a colour bar at the end of every band that has
/// such a map. Every other map has its own scale, which ends at the 99.5th percentile of its magnitudes. Columns that do not fit side by side
/// continue in a further band below.
/// </summary>
/// <param name="Columns">Titles of the columns after the photo's.</param>
/// <param name="Rows">The photos.</param>
public sealed record ComparisonFigure(IReadOnlyList<string> Columns, IReadOnlyList<ComparisonRow> Rows)
{
    /// <summary>What the figure shows, for the SVG's own title.</summary>
    public string Title { get; init; } = "Attributions side by side";

    /// <summary>Lines below the figure.</summary>
    public IReadOnlyList<string> Footnotes { get; init; } = [];

    /// <summary>Columns side by side, the photo's included.</summary>
    public int ColumnsPerBand { get; init; } = 8;

    /// <summary>Whether the maps are drawn alone, in exactly the colours of the bar; otherwise over the photo in grey.</summary>
    public bool MapOnly { get; init; }

    /// <summary>Whether each row has its own scale of bits per pixel; otherwise all share one.</summary>
    public bool ScalePerRow { get; init; }

    /// <summary>
    /// The end of the one scale of bits per pixel; null for the largest value. What exceeds it has the colour of the end, and the bar ends in a point.
    /// </summary>
    public double? EndOfBits { get; init; }

    private const int LeastPanel = 160;
    private const double Clipped = 0.995;

    private static readonly Rgb Ink = Rgb.Grey(40), Faint = Rgb.Grey(100);

    /// <summary>The figure as pixels.</summary>
    public Canvas Draw()
    {
        var layout = new Layout(this);
        var canvas = new Canvas(layout.Width, layout.Height, Rgb.White);
        DrawOn(new CanvasDrawing(canvas), layout);
        return canvas;
    }

    /// <summary>The figure as SVG.</summary>
    public string Svg()
    {
        var layout = new Layout(this);
        var drawing = new SvgDrawing(layout.Width, layout.Height, Title);
        DrawOn(drawing, layout);
        return drawing.ToString();
    }

    private void DrawOn(IDrawing on, Layout at)
    {
        for (int cell = 0; cell <= Columns.Count; cell++)
        {
            string title = cell == 0 ? "Image" : Columns[cell - 1];
            double size = Math.Min(at.Text, at.Text * at.Panel / StrokeFont.Width(title, at.Text, FontWeight.Bold));
            on.Text(title, at.Left(cell) + at.Panel / 2.0, at.Top(cell, 0) - 0.5 * at.Text, size, Ink, weight: FontWeight.Bold);
        }
        for (int row = 0; row < Rows.Count; row++)
            DrawRow(on, at, row);
        double baseline = at.FootnoteTop;
        foreach (string note in at.Footnotes)
            on.Text(note, at.Margin, baseline += at.SmallText * StrokeFont.LineHeight, at.SmallText, Faint, TextAnchor.Start);
    }

    private void DrawRow(IDrawing on, Layout at, int row)
    {
        (string title, Photo photo, IReadOnlyList<ComparisonPanel?> panels) = Rows[row];
        var picture = new Canvas(photo.Width * at.Factor, photo.Height * at.Factor, Rgb.White);
        byte[] pixels = PillowResize.Bilinear(photo.Pixels, photo.Width, photo.Height, 3, picture.Width, picture.Height);
        picture.Blit(pixels, picture.Width, picture.Height, 0, 0);
        on.Picture(picture, at.Left(0), at.Top(0, row));

        byte[] tones = Backdrop.Tones(pixels);
        double bits = MostBits(row);
        for (int cell = 1; cell <= Columns.Count; cell++)
        {
            if (panels[cell - 1] is not { } panel)
                continue;
            bool inBits = panel.Map.Unit == HeatmapUnit.BitsPerPixel;
            double limit = inBits ? bits : Magnitude(panel.Map.Values);
            on.Picture(Painted(tones, panel.Map, limit, at), at.Left(cell), at.Top(cell, row));
            double size = Math.Min(at.SmallText, at.SmallText * at.Panel / Math.Max(StrokeFont.Width(panel.Note, at.SmallText), 1));
            on.Text(panel.Note, at.Left(cell) + at.Panel / 2.0, at.Top(cell, row) + at.Panel + at.SmallText, size, Faint);
        }
        for (int first = 0; first <= Columns.Count; first += ColumnsPerBand)
        {
            double titleSize = Math.Min(at.Text, at.Text * at.Panel / StrokeFont.Width(title, at.Text));
            on.Text(title, at.Margin + at.Text, at.Top(first, row) + at.Panel / 2.0, titleSize, Ink, direction: TextDirection.Up);
            if (panels.Take(Math.Max(first - 1, 0)..(first + ColumnsPerBand - 1)).Any(panel => panel?.Map.Unit == HeatmapUnit.BitsPerPixel))
                on.Picture(Bar(at, bits), at.BarLeft, at.Top(first, row) - at.Margin);
        }
    }

    /// <summary>The end of the scale of bits per pixel in a row.</summary>
    private double MostBits(int row)
    {
        if (EndOfBits is { } end)
            return end;
        double[] largest = [.. (ScalePerRow ? [Rows[row]] : Rows).SelectMany(r => r.Panels)
            .Where(panel => panel?.Map.Unit == HeatmapUnit.BitsPerPixel).Select(panel => (double)panel!.Map.Max)];
        return largest.Length > 0 && largest.Max() is > 0 and < double.PositiveInfinity and var most ? most : 1;
    }

    /// <summary>
    /// A high percentile of the magnitudes: on a scale up to the maximum, a few outlying pixels of a gradient would hide all others.
    /// </summary>
    private static double Magnitude(float[] map)
    {
        float[] sorted = [.. map.Select(Math.Abs).Where(float.IsFinite).Order()];
        return sorted.Length > 0 && sorted[(int)(Clipped * (sorted.Length - 1))] is > 0 and var clipped ? clipped
            : sorted.Length > 0 && sorted[^1] > 0 ? sorted[^1] : 1;
    }

    private Canvas Painted(byte[] tones, Heatmap map, double limit, Layout at)
    {
        var painted = new Canvas(at.Panel, at.Panel, Rgb.White);
        var scale = new Scale(map.Values.Any(x => x < 0) ? -limit : 0, limit);
        var colours = Colormap.For(scale);
        for (int y = 0; y < at.Panel; y++)
        {
            for (int x = 0; x < at.Panel; x++)
            {
                double place = scale.Place(map.Values[y / at.Factor * map.Width + x / at.Factor]);
                painted[x, y] = MapOnly ? colours[place] : colours.Over(place, tones[y * at.Panel + x]);
            }
        }
        return painted;
    }

    /// <summary>The colour bar with space above and below for the labels of its ends.</summary>
    private Canvas Bar(Layout at, double bits)
    {
        ColourBar bar = BitsBar(bits);
        var canvas = new Canvas((int)Math.Ceiling(bar.Width(at.Panel, at.SmallText)), at.Panel + 2 * at.Margin, Rgb.White);
        bar.Draw(canvas, 0, at.Margin, at.Panel, at.SmallText);
        return canvas;
    }

    private ColourBar BitsBar(double bits) =>
        new(new Scale(0, bits), "IBA, bits / pixel") { OverPhoto = !MapOnly, Above = Rows.Any(row => row.Panels.Any(Exceeds)) };

    private bool Exceeds(ComparisonPanel? panel) => panel?.Map is { Unit: HeatmapUnit.BitsPerPixel } map && map.Max > EndOfBits;

    /// <summary>The positions of all parts.</summary>
    private sealed class Layout
    {
        private readonly ComparisonFigure _figure;
        private readonly int _gap;

        public Layout(ComparisonFigure figure)
        {
            if (figure.Rows.Count == 0 || figure.Columns.Count == 0 || figure.Rows.Any(row => row.Panels.Count != figure.Columns.Count))
            {
                throw new ArgumentException(
                    "a comparison needs a row and a column at least, and a panel or a gap for every column of every row.");
            }
            _figure = figure;
            Photo photo = figure.Rows[0].Photo;
            Factor = Math.Max(1, (LeastPanel + photo.Width - 1) / photo.Width);
            Panel = photo.Width * Factor;
            if (figure.Rows.Any(row => row.Photo.Width != photo.Width || row.Photo.Height != photo.Width
                || row.Panels.Any(panel => panel is not null && (panel.Map.Width != photo.Width || panel.Map.Height != photo.Width))))
            {
                throw new ArgumentException(
                    $"a comparison needs square photos and maps of one size; the first photo is {photo.Width} x {photo.Height}.");
            }
            // Even sizes put both the baseline and the top of small letters on whole pixels.
            (Text, SmallText) = (2 * Math.Round(Panel / 18.0), 2 * Math.Round(Panel / 22.0));
            (Margin, _gap) = ((int)Text, Panel / 16);

            int across = Math.Min(figure.ColumnsPerBand, figure.Columns.Count + 1);
            BarLeft = Left(0) + across * (Panel + _gap);
            bool bar = figure.Rows.Any(row => row.Panels.Any(panel => panel?.Map.Unit == HeatmapUnit.BitsPerPixel));
            double barWidth = bar
                ? Enumerable.Range(0, figure.Rows.Count).Max(row => figure.BitsBar(figure.MostBits(row)).Width(Panel, SmallText))
                : -_gap;
            Width = (int)Math.Ceiling(BarLeft + barWidth) + Margin;
            Footnotes = [.. figure.Footnotes.SelectMany(note => StrokeFont.Wrap(note, SmallText, Width - 2 * Margin))];
            FootnoteTop = Top(figure.Columns.Count, figure.Rows.Count) - Text / 2;
            Height = (int)Math.Ceiling(FootnoteTop + (Footnotes.Count + 0.5) * SmallText * StrokeFont.LineHeight) + Margin / 2;
        }

        public int Factor { get; }
        public int Panel { get; }
        public int Margin { get; }
        public double Text { get; }
        public double SmallText { get; }
        public int BarLeft { get; }
        public int Width { get; }
        public int Height { get; }
        public double FootnoteTop { get; }
        public IReadOnlyList<string> Footnotes { get; }

        private int TitleHeight => (int)Math.Ceiling(1.6 * Text);

        private int RowHeight => Panel + (int)Math.Ceiling(SmallText * StrokeFont.LineHeight) + _gap / 2;

        private int BandHeight => TitleHeight + _figure.Rows.Count * RowHeight;

        public int Left(int cell) => Margin + TitleHeight + cell % _figure.ColumnsPerBand * (Panel + _gap);

        public int Top(int cell, int row) => Margin / 2 + cell / _figure.ColumnsPerBand * BandHeight + TitleHeight + row * RowHeight;
    }
}
