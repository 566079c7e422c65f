using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Iba.Bottleneck;
using Iba.Images;
using Iba.Rendering;

namespace Iba.Reports;

/// <summary>One map of a report.</summary>
/// <param name="Map">As large as the photo.</param>
/// <param name="Note">A line below it.</param>
public sealed record ReportMap(Heatmap Map, string Note)
{
    /// <summary>What a bottleneck minimised, step by step; empty for other methods.</summary>
    public IReadOnlyList<StepLoss> Losses { get; init; } = [];

    /// <summary>The number of neurons of the bottleneck's layer: a step's bits are its mean information times that.</summary>
    public int Neurons { get; init; }

    /// <summary>The map while the mask was fitted, shown as a strip; empty for none.</summary>
    public IReadOnlyList<EvolutionStep> Evolution { get; init; } = [];
}

/// <summary>A photo and its maps.</summary>
/// <param name="Title">Its name, or what distinguishes it from the other rows.</param>
/// <param name="Summary">What was found, in a sentence or two.</param>
/// <param name="Photo">The network's crop.</param>
/// <param name="Maps">One for each column; null leaves a gap.</param>
public sealed record ReportRow(string Title, string Summary, Photo Photo, IReadOnlyList<ReportMap?> Maps)
{
    /// <summary>About how many bytes of a page it takes, at most.</summary>
    public long Bytes => ((3L + 2 * Maps.Count) * Photo.Width * Photo.Height
        + 2L * Maps.Sum(map => map?.Evolution.Sum(step => step.Capacity.Height * step.Capacity.Width) ?? 0)) * 4 / 3;
}

/// <summary>
/// The report of <c>iba attribute</c> and <c>iba compare</c>: every map over its photo, with controls for scale, opacity and columns. Maps in bits per pixel
/// share one scale; every other map has its own, up to the 99.5th percentile of its magnitudes.
/// </summary>
/// <param name="Title">The page's title.</param>
/// <param name="Columns">What each column is: a method, a weight β, a number of updates.</param>
/// <param name="Rows">The photos.</param>
public sealed record MapReport(string Title, IReadOnlyList<string> Columns, IReadOnlyList<ReportRow> Rows)
{
    /// <summary>A page of more bytes than this is slow to open: an index and a page for each photo replace it.</summary>
    public const long MostBytes = 24_000_000;

    private const double Clipped = 0.995;
    private const int Colours = 128;

    /// <summary>Sentences before the maps.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>The end of the one scale of bits per pixel; null for the largest value.</summary>
    public double? EndOfBits { get; init; }

    /// <summary>Whether the columns are steps of one thing, shown small and side by side, rather than different methods.</summary>
    public bool IsStrip { get; init; }

    /// <summary>Settings, hashes and device.</summary>
    public IReadOnlyDictionary<string, string> Facts { get; init; } = new Dictionary<string, string>();

    /// <summary>The command that made the page.</summary>
    public string? Command { get; init; }

    /// <summary>The page.</summary>
    public byte[] ToBytes()
    {
        var page = new HtmlPage(Title);
        AddTo(page, "h2");
        page.AddFacts(Facts, Command);
        return page.ToBytes();
    }

    /// <summary>Adds notes, controls and maps to a page that has no others.</summary>
    /// <param name="page">The page.</param>
    /// <param name="heading">The element of a photo's heading.</param>
    internal void AddTo(HtmlPage page, string heading)
    {
        foreach (string note in Notes)
            page.Add($"<p>{HtmlPage.Text(note)}</p>");
        page.Add("<p class=\"soft hint\">Point at a map to read its values; drag to sum them in a frame. With the keyboard: Tab to a map, arrow keys to move, "
            + "Shift and arrow keys to draw a frame, Escape to remove it.</p>");
        AddControls(page);
        foreach ((int index, ReportRow row) in Rows.Index())
            AddRow(page, index, row, heading);
        page.AddData("maps", Data());
    }

    /// <summary>A page that links to others.</summary>
    /// <param name="title">Its title.</param>
    /// <param name="pages">Title, summary and file name of each.</param>
    public static byte[] Index(string title, IEnumerable<(string Title, string Summary, string File)> pages)
    {
        var page = new HtmlPage(title);
        page.Add("<p>There are too many photos for one page. Each has its own:</p><ul>");
        foreach ((string name, string summary, string file) in pages)
            page.Add($"<li><a href=\"{Uri.EscapeDataString(file)}\">{HtmlPage.Text(name)}</a> {HtmlPage.Text(summary)}</li>");
        return page.Add("</ul>").ToBytes();
    }

    private void AddControls(HtmlPage page)
    {
        var controls = new StringBuilder("<form class=\"controls\" aria-label=\"How the maps are drawn\">");
        controls.Append(Slider("Opacity", "opacity", 0, 100, 85, "85 %")).Append(Slider("End of the scale", "scale", 2, 200, 100, "100 %"));
        if (Columns.Count > 1)
        {
            controls.Append(Slider("Step through", "step", 0, Columns.Count, 0, "all"));
            controls.Append("<fieldset><legend>Show</legend>");
            foreach (string column in Columns)
                controls.Append(CultureInfo.InvariantCulture, $"<label><input type=\"checkbox\" name=\"column\" checked> {HtmlPage.Text(column)}</label>");
            controls.Append("</fieldset>");
        }
        page.Add($"{controls}</form>");
    }

    private static string Slider(string label, string id, int least, int most, int value, string text) =>
        $"<label>{label} <input type=\"range\" id=\"{id}\" min=\"{least}\" max=\"{most}\" value=\"{value}\"> <span id=\"{id}-is\">{text}</span></label>";

    private void AddRow(HtmlPage page, int index, ReportRow row, string heading)
    {
        string title = HtmlPage.Text(row.Title), size = $"width=\"{row.Photo.Width}\" height=\"{row.Photo.Height}\"";
        page.Add($"<section aria-labelledby=\"row-{index}\"><{heading} id=\"row-{index}\">{title}</{heading}><p>{HtmlPage.Text(row.Summary)}</p>");
        page.Add($"<div class=\"maps{(IsStrip ? " strip" : "")}\">");
        page.Add($"<figure><img id=\"photo-{index}\" src=\"{HtmlPage.Image(row.Photo)}\" {size} alt=\"The photo as the network sees it: {title}\">"
            + "<figcaption><strong>Photo</strong>as the network sees it</figcaption></figure>");
        foreach ((int column, ReportMap? map) in row.Maps.Index())
        {
            if (map is null)
                continue;
            string name = HtmlPage.Text(Columns[column]), unit = HtmlPage.Text(map.Map.Unit.Words);
            page.Add($"<figure class=\"of-map\" data-row=\"{index}\" data-map=\"{column}\">"
                + $"<canvas class=\"map\" {size} tabindex=\"0\" role=\"img\" "
                + $"aria-label=\"Map of {title}, {name}: {Range(map.Map)}. Arrow keys read values.\"></canvas>"
                + $"<figcaption><strong>{name}</strong>{HtmlPage.Text(map.Note)}"
                + "<div class=\"key\"><span class=\"least\"></span><canvas width=\"160\" height=\"12\" aria-hidden=\"true\"></canvas>"
                + $"<span class=\"most\"></span> <span>{unit}</span></div><div class=\"read\"></div></figcaption></figure>");
        }
        page.Add("</div>");
        foreach ((int column, ReportMap? map) in row.Maps.Index().Where(map => map.Item is { Losses.Count: > 1 }))
            AddFit(page, row, index, column);
        page.Add("</section>");
    }

    /// <summary>How a mask was fitted: its losses and bits by step, and the map on the way.</summary>
    private void AddFit(HtmlPage page, ReportRow row, int index, int column)
    {
        ReportMap map = row.Maps[column]!;
        string of = Columns.Count > 1 ? $", {Columns[column]}" : "";
        double[] total = [.. map.Losses.Select(loss => (double)loss.Total)], model = [.. map.Losses.Select(loss => (double)loss.Model)];
        double[] bits = [.. map.Losses.Select(loss => loss.Information * (double)map.Neurons / Math.Log(2))];
        page.Add($"<details{(of == "" ? " open" : "")}><summary>How the mask was fitted{HtmlPage.Text(of)}</summary><div class=\"charts\">");
        page.Add(LineChart.Draw("Loss in nats by step", [("total", total), ("cross-entropy (dashed)", model)]));
        if (map.Neurons > 0)
            page.Add(LineChart.Draw("Information that passes, in bits, by step", [("bits", bits)]));
        page.Add("</div>");
        if (map.Evolution.Count > 1)
        {
            page.Add("<p class=\"soft\">The map after so many updates of the mask (paper, figure 9). At first almost everything passes.</p>"
                + "<div class=\"maps strip\">");
            foreach ((int number, EvolutionStep step) in map.Evolution.Index())
            {
                string name = step.Updates == 1 ? "1 update" : $"{step.Updates} updates";
                string p = step.ProbabilityRestricted.ToString("0.000", CultureInfo.InvariantCulture);
                string note = $"{HtmlPage.Number(step.Capacity.TotalBits)} bits pass, p\u00a0{p}";
                page.Add($"<figure class=\"of-map\" data-row=\"{index}\" data-map=\"{column}\" data-step=\"{number}\">"
                    + $"<canvas class=\"map\" width=\"{row.Photo.Width}\" height=\"{row.Photo.Height}\" tabindex=\"0\" role=\"img\" "
                    + $"aria-label=\"Map of {HtmlPage.Text(row.Title)} after {name}: {note}. Arrow keys read values.\"></canvas>"
                    + $"<figcaption><strong>{name}</strong>{note}<div class=\"read\"></div></figcaption></figure>");
            }
            page.Add("</div>");
        }
        page.Add("</details>");
    }

    private static string Range(Heatmap map) =>
        $"{HtmlPage.Number(map.Values.Min())} to {HtmlPage.Number(map.Max)} {HtmlPage.Text(map.Unit.Words)}";

    private string Data()
    {
        using var text = new MemoryStream();
        using (var json = new Utf8JsonWriter(text))
        {
            IEnumerable<Heatmap> inBits = Rows.SelectMany(row => row.Maps).Where(map => map?.Map.Unit == HeatmapUnit.BitsPerPixel).Select(map => map!.Map);
            json.WriteStartObject();
            json.WriteNumber("shared", Positive(EndOfBits ?? inBits.Select(map => (double)map.Max).DefaultIfEmpty(1).Max()));
            WriteColours(json, "warm", place => Colormap.Sequential[place]);
            WriteColours(json, "cold", place => Colormap.Diverging[0.5 - 0.5 * place]);
            json.WriteStartArray("columns");
            foreach (string column in Columns)
                json.WriteStringValue(column);
            json.WriteEndArray();
            json.WriteStartArray("rows");
            foreach (ReportRow row in Rows)
            {
                json.WriteStartObject();
                json.WriteNumber("width", row.Photo.Width);
                json.WriteNumber("height", row.Photo.Height);
                json.WriteStartArray("maps");
                foreach (ReportMap? map in row.Maps)
                    WriteMap(json, map, row.Photo);
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(text.GetBuffer().AsSpan(0, (int)text.Length));
    }

    private static void WriteColours(Utf8JsonWriter json, string name, Func<double, Rgb> colour)
    {
        json.WriteStartArray(name);
        for (int i = 0; i < Colours; i++)
        {
            Rgb rgb = colour(i / (Colours - 1.0));
            json.WriteStartArray();
            json.WriteNumberValue(rgb.R);
            json.WriteNumberValue(rgb.G);
            json.WriteNumberValue(rgb.B);
            json.WriteEndArray();
        }
        json.WriteEndArray();
    }

    private static void WriteMap(Utf8JsonWriter json, ReportMap? shown, Photo photo)
    {
        if (shown is not { Map: { } map })
        {
            json.WriteNullValue();
            return;
        }
        json.WriteStartObject();
        json.WriteString("unit", map.Unit.Words);
        json.WriteBoolean("shared", map.Unit == HeatmapUnit.BitsPerPixel);
        json.WriteNumber("top", Positive(Quantile.Of([.. map.Values.Select(value => Math.Abs((double)value)).Order()], Clipped)));
        WriteValues(json, [.. map.Values.Select(value => (double)value)]);
        if (shown.Evolution.Count > 1)
        {
            json.WriteStartArray("evolution");
            foreach (EvolutionStep step in shown.Evolution)
            {
                // The cells alone: the page enlarges them as the map was.
                json.WriteStartObject();
                json.WriteString("unit", map.Unit.Words);
                json.WriteBoolean("shared", true);
                json.WriteNumber("rows", step.Capacity.Height);
                json.WriteNumber("columns", step.Capacity.Width);
                WriteValues(json, step.Capacity.Density(photo.Height, photo.Width));
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }
        json.WriteEndObject();
    }

    /// <summary>The values in 65536 steps from the least to the largest: 2 bytes each, and an error of at most 1/131070 of the range.</summary>
    private static void WriteValues(Utf8JsonWriter json, double[] values)
    {
        double low = Math.Min(0, values.Min()), high = Math.Max(low, values.Max());
        byte[] steps = new byte[2 * values.Length];
        for (int i = 0; i < values.Length; i++)
        {
            double place = high > low ? (values[i] - low) / (high - low) : 0;
            BinaryPrimitives.WriteUInt16LittleEndian(steps.AsSpan(2 * i), (ushort)Math.Round(65535 * place));
        }
        json.WriteNumber("low", low);
        json.WriteNumber("high", high);
        json.WriteString("data", Convert.ToBase64String(steps));
    }

    private static double Positive(double end) => end > 0 && double.IsFinite(end) ? end : 1;
}
