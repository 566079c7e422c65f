using System.Globalization;
using Iba.Evaluation;
using Iba.Rendering;

namespace Iba.Reports;

/// <summary>A photo on which methods differ.</summary>
/// <param name="Photo">Its name.</param>
/// <param name="Measure">The measure, and which of its scores.</param>
/// <param name="Best">The method with the highest value.</param>
/// <param name="Highest">That value.</param>
/// <param name="Worst">The method with the lowest value.</param>
/// <param name="Lowest">That value.</param>
public sealed record Disagreement(string Photo, string Measure, string Best, double Highest, string Worst, double Lowest);

/// <summary>The page of an evaluation: its tables, its figures, what became of the paper's claims, and the photos on which methods differ most.</summary>
/// <param name="Title">The page's title.</param>
public sealed record EvaluationPage(string Title)
{
    /// <summary>Photos of each measure that are listed.</summary>
    private const int Listed = 10;

    /// <summary>The tables.</summary>
    public IReadOnlyList<EvaluationTable> Tables { get; init; } = [];

    /// <summary>The figures.</summary>
    public IReadOnlyList<CurveFigure> Figures { get; init; } = [];

    /// <summary>The paper's claims with their states, a line each.</summary>
    public IReadOnlyList<string> Claims { get; init; } = [];

    /// <summary>The photos on which methods differ.</summary>
    public IReadOnlyList<Disagreement> Disagreements { get; init; } = [];

    /// <summary>The photos on which methods differ most, and their maps. Those that a page has no room for are left out, and the page says so.</summary>
    public MapReport? Maps { get; init; }

    /// <summary>What is not shown, and why, a sentence each.</summary>
    public IReadOnlyList<string> Missing { get; init; } = [];

    /// <summary>Settings, hashes and device.</summary>
    public IReadOnlyDictionary<string, string> Facts { get; init; } = new Dictionary<string, string>();

    /// <summary>The command that made the page.</summary>
    public string? Command { get; init; }

    /// <summary>The photos on which the highest and the lowest value of a measure's first score differ most, for each measure of several methods.</summary>
    public static IReadOnlyList<Disagreement> MostDisputed(EvaluatedNetwork network) =>
    [
        .. from kind in Measures.All
           from dispute in
               (from record in network.Records.OfType<Measurement>()
                where record.Measure == kind.Name
                group record by record.Name into photo
                let score = kind.ScoreKinds(photo.First())[0]
                let values = photo.Select(record => (record.Method, Value: score.ValueOver([record]))).Where(each => double.IsFinite(each.Value)).ToArray()
                where values.Length > 1
                let best = values.MaxBy(each => each.Value)
                let worst = values.MinBy(each => each.Value)
                orderby best.Value - worst.Value descending, photo.Key
                select new Disagreement(photo.Key, $"{kind.Name}: {score.Quantity}", best.Method, best.Value, worst.Method, worst.Value)).Take(Listed)
           select dispute,
    ];

    /// <summary>The page.</summary>
    public byte[] ToBytes()
    {
        var page = new HtmlPage(Title);
        foreach ((int number, EvaluationTable table) in Tables.Index())
            AddTable(page, $"table-{number}", table);
        foreach (CurveFigure figure in Figures)
        {
            Canvas drawn = figure.Draw();
            string title = HtmlPage.Text(figure.Title), notes = string.Concat(figure.Footnotes.Select(note => $" {HtmlPage.Text(note)}"));
            string source = HtmlPage.Image(drawn.Pixels, drawn.Width, drawn.Height), size = $"width=\"{drawn.Width}\" height=\"{drawn.Height}\"";
            page.Add($"<section><h2>{title}</h2><figure class=\"scroll\" tabindex=\"0\">"
                + $"<img class=\"chart\" src=\"{source}\" {size} alt=\"{title}.{notes}\"></figure></section>");
        }
        if (Claims.Count > 0)
            page.Add($"<section><h2>The paper's claims</h2><ul>{string.Concat(Claims.Select(claim => $"<li>{HtmlPage.Text(claim)}</li>"))}</ul></section>");
        AddDisagreements(page);
        AddMaps(page);
        page.AddFacts(Facts, Command);
        return page.ToBytes();
    }

    private static void AddTable(HtmlPage page, string id, EvaluationTable table)
    {
        (string[] columns, string[][] rows) = table.Text();
        Begin(page, id, table.Title, [.. columns.Skip(1).Prepend("Method")]);
        foreach (string[] row in rows)
        {
            page.Add($"<tr><th scope=\"row\">{HtmlPage.Text(row[0])}</th>"
                + string.Concat(row.Skip(1).Select(cell => $"<td data-value=\"{Sorted(cell)}\">{HtmlPage.Text(cell)}</td>")) + "</tr>");
        }
        page.Add("</tbody></table></div>");
        foreach (string note in table.Notes)
            page.Add($"<p class=\"soft\">{HtmlPage.Text(note)}</p>");
        page.Add("</section>");
    }

    /// <summary>The number that a cell starts with, to sort by; nothing where it is undefined.</summary>
    private static string Sorted(string cell) =>
        double.TryParse(cell.Split(' ')[0], CultureInfo.InvariantCulture, out double value) ? value.ToString("R", CultureInfo.InvariantCulture) : "";

    private void AddDisagreements(HtmlPage page)
    {
        if (Disagreements.Count == 0)
            return;
        Begin(page, "disputed", "Photos on which methods differ most", ["Photo", "Measure", "Highest", "Method", "Lowest", "Method"]);
        foreach (Disagreement each in Disagreements)
        {
            page.Add($"<tr><th scope=\"row\">{HtmlPage.Text(each.Photo)}</th><td>{HtmlPage.Text(each.Measure)}</td>"
                + $"<td class=\"n\">{HtmlPage.Number(each.Highest)}</td><td>{HtmlPage.Text(each.Best)}</td><td class=\"n\">{HtmlPage.Number(each.Lowest)}</td>"
                + $"<td>{HtmlPage.Text(each.Worst)}</td></tr>");
        }
        page.Add("</tbody></table></div></section>");
    }

    private void AddMaps(HtmlPage page)
    {
        var rows = new List<ReportRow>();
        long room = MapReport.MostBytes - page.Length;
        foreach (ReportRow row in Maps?.Rows ?? [])
        {
            if (row.Bytes > room)
                continue;
            room -= row.Bytes;
            rows.Add(row);
        }
        int left = (Maps?.Rows.Count ?? 0) - rows.Count;
        string[] missing = [.. Missing, .. left > 0 ? (string[])[$"The page has no room for the maps of {left} more of these photos."] : []];
        if (rows.Count == 0 && missing.Length == 0)
            return;
        page.Add("<section><h2>Their maps</h2>");
        if (missing.Length > 0)
            page.Add($"<ul>{string.Concat(missing.Select(each => $"<li>{HtmlPage.Text(each)}</li>"))}</ul>");
        if (rows.Count > 0)
            (Maps! with { Rows = rows }).AddTo(page, "h3");
        page.Add("</section>");
    }

    /// <summary>The head of a table that sorts.</summary>
    private static void Begin(HtmlPage page, string id, string title, IEnumerable<string> columns) => page.Add(
        $"<section><h2 id=\"{id}\">{HtmlPage.Text(title)}</h2><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"{id}\">"
        + "<table class=\"sorts\"><thead><tr>"
        + string.Concat(columns.Select(HtmlPage.Head)) + "</tr></thead><tbody>");
}
