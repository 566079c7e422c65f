using System.Globalization;
using System.Text;
using System.Text.Json;
using Iba.Methods;

namespace Iba.Evaluation;

/// <summary>A score in a table.</summary>
/// <param name="Score">The score.</param>
public sealed record TableCell(Score Score)
{
    /// <summary>Whether no other row has a better value in this column.</summary>
    public bool IsBest { get; init; }

    /// <summary>The paper's value; null if there is none to compare with.</summary>
    public double? Paper { get; init; }
}

/// <summary>A row of a table.</summary>
/// <param name="Title">Its name.</param>
/// <param name="Cells">A cell for each column; null where there is no score.</param>
public sealed record TableRow(string Title, IReadOnlyList<TableCell?> Cells);

/// <summary>Scores in rows and columns, as the paper's tables have them. A value has three decimals, and beside it its 95 % interval.</summary>
/// <param name="Title">What the table shows.</param>
/// <param name="Columns">The titles of the columns after the rows' own.</param>
/// <param name="Rows">The rows.</param>
public sealed record EvaluationTable(string Title, IReadOnlyList<string> Columns, IReadOnlyList<TableRow> Rows)
{
    /// <summary>Lines below the table.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>
    /// Table 1: a row for each method, a column for the first score of each measure and for each score of the boxes. The highest value of a column is its
    /// best; the sanity check has none, as a map that does not depend on the network is not good because of it.
    /// </summary>
    /// <param name="network">The evaluation.</param>
    /// <returns>The table; null without records.</returns>
    public static EvaluationTable? OfMethods(EvaluatedNetwork network)
    {
        Measurement[] measurements = [.. network.Measurements.Where(record => record.Measure != RestrictionColumns.Measure)];
        RecordedMethod[] methods = network.Methods(measurements);
        var columns = new List<(MeasureKind Kind, string Quantity, Score[] Scores)>();
        var notes = new List<string>();
        foreach (MeasureKind kind in Measures.All)
        {
            ILookup<bool, Score> scores = kind.Scores(measurements).ToLookup(score => score.Method is null);
            string[] quantities = [.. scores[false].Select(score => score.Quantity).Distinct()];
            foreach (string quantity in kind.Name == BoxMeasure.KindName ? quantities : quantities.Take(1))
                columns.Add((kind, quantity, [.. scores[false].Where(score => score.Quantity == quantity)]));
            notes.AddRange(scores[true].Select(score => $"{kind.Name}: {score.Quantity}: {Interval(score)}."));
        }
        if (columns.Count == 0)
            return null;
        TableRow[] rows =
        [
            .. from method in methods
               select new TableRow(method.Title, [.. columns.Select((column, i) => Cell(method, column.Kind, i == Array.FindIndex(
                   columns.ToArray(), other => other.Kind == column.Kind), column.Scores))]),
        ];
        return new EvaluationTable($"Scores on {network.Name} (paper, table 1)", [.. columns.Select(column => $"{column.Kind.Name}: {column.Quantity}")], rows)
        {
            Notes = [.. notes, .. Counts(columns.SelectMany(column => column.Scores.Select(score => (column.Kind.Name, score))), methods)],
        };

        TableCell? Cell(RecordedMethod method, MeasureKind kind, bool first, Score[] scores)
        {
            if (scores.FirstOrDefault(score => score.Method == method.Name) is not { } score)
                return null;
            return new TableCell(score)
            {
                IsBest = kind.Name != SanityMeasure.KindName && !double.IsNaN(score.Value) && !scores.Any(other => other.Value > score.Value),
                Paper = network.ComparesWithPaper && first ? PaperResults.Score(network.Name, kind.Name, method) : null,
            };
        }
    }

    /// <summary>
    /// Table 4: for each bottleneck the information that passes and the accuracy with it, by β; first those of the original network and of the bottleneck
    /// before it is fitted.
    /// </summary>
    /// <param name="network">The evaluation.</param>
    /// <returns>The table; null without records.</returns>
    public static EvaluationTable? OfBetas(EvaluatedNetwork network)
    {
        Measurement[] measurements = [.. network.Measurements.Where(record => record.Measure == RestrictionColumns.Measure)];
        if (measurements.Length == 0)
            return null;
        IReadOnlyList<Score> scores = Measures.Find(RestrictionColumns.Measure).Scores(measurements);
        RecordedMethod[] methods = network.Methods(measurements);
        double[] betas = [.. methods.Select(method => method.Beta).Distinct().Order()];
        var rows = new List<TableRow>();
        foreach (IGrouping<MethodKind, RecordedMethod> kind in methods.GroupBy(method => method.Kind))
        {
            foreach (RestrictionColumns row in RestrictionColumns.All)
            {
                TableCell?[] fitted =
                [
                    .. from beta in betas
                       let method = kind.FirstOrDefault(method => method.Beta == beta)
                       let score = method is null ? null : Find(method.Name, row.Quantity)
                       select score is null ? null
                           : new TableCell(score) { Paper = network.ComparesWithPaper ? PaperResults.Restriction(network.Name, row.PaperName, method) : null },
                ];
                TableCell? original = Plain(Find(null, row.Original)), initial = Plain(Find(kind.First().Name, row.Initial));
                rows.Add(new TableRow($"{kind.Key.Title}: {row.Title}", [original, initial, .. fitted]));
            }
        }
        string[] columns = ["original", "before the fit", .. betas.Select(beta => string.Create(CultureInfo.InvariantCulture, $"β = {beta}/k"))];
        return new EvaluationTable($"Restricted flow on {network.Name} by β (paper, table 4)", columns, rows)
        {
            Notes =
            [
                "L_I / k is in nats per neuron. A per-sample mask is fitted to the label, so its accuracy may exceed the original network's.",
                "Before the fit L_I / k is 5.000 times the share of active neurons; the paper prints 2.500, from an older variance.",
                .. Counts(scores.Where(score => score.Method is not null).Take(1).Select(score => (RestrictionColumns.Measure, score)), methods),
            ],
        };

        Score? Find(string? method, string? quantity) => scores.FirstOrDefault(score => score.Method == method && score.Quantity == quantity);

        static TableCell? Plain(Score? score) => score is null ? null : new TableCell(score);
    }

    /// <summary>The table in Markdown; the best value of a column is bold.</summary>
    public string Markdown()
    {
        var text = new StringBuilder($"### {Escaped(Title)}\n\n");
        AppendRow(["", .. Columns]);
        AppendRow(["---", .. Columns.Select(_ => "---:")]);
        foreach (TableRow row in Rows)
            AppendRow([Escaped(row.Title), .. row.Cells.Select(cell => cell is null ? "–" : cell.IsBest ? $"**{Words(cell)}**" : Words(cell))]);
        foreach (string note in Notes)
            text.Append($"\n{Escaped(note)}\n");
        return text.ToString();

        void AppendRow(IEnumerable<string> cells) => text.Append($"| {string.Join(" | ", cells)} |\n");
    }

    /// <summary>A line for each score (RFC 4180), numbers in full.</summary>
    public string Csv()
    {
        var text = new StringBuilder("row,column,method,photos,undefined,value,standard_error,low,high,best,paper,difference\r\n");
        foreach ((TableRow row, string column, TableCell cell) in Cells())
        {
            Score score = cell.Score;
            string[] words =
            [
                row.Title, column, score.Method ?? "", $"{score.Photos}", $"{score.Undefined}", Full(score.Value), Full(score.StandardError), Full(score.Low),
                Full(score.High), cell.IsBest ? "1" : "0", Full(cell.Paper), Full(score.Value - cell.Paper),
            ];
            text.Append($"{string.Join(',', words.Select(Quoted))}\r\n");
        }
        return text.ToString();

        static string Full(double? value) => value is null or double.NaN ? "" : value.Value.ToString("R", CultureInfo.InvariantCulture);

        static string Quoted(string word) => word.AsSpan().IndexOfAny(",\"\r\n") < 0 ? word : $"\"{word.Replace("\"", "\"\"")}\"";
    }

    /// <summary>An object with the title, the notes and a list of the scores, numbers in full; undefined ones are null.</summary>
    public string Json()
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            json.WriteStartObject();
            json.WriteString("title", Title);
            json.WriteStartArray("scores");
            foreach ((TableRow row, string column, TableCell cell) in Cells())
            {
                json.WriteStartObject();
                json.WriteString("row", row.Title);
                json.WriteString("column", column);
                json.WriteString("method", cell.Score.Method);
                json.WriteNumber("photos", cell.Score.Photos);
                json.WriteNumber("undefined", cell.Score.Undefined);
                Write("value", cell.Score.Value);
                Write("standard_error", cell.Score.StandardError);
                Write("low", cell.Score.Low);
                Write("high", cell.Score.High);
                json.WriteBoolean("best", cell.IsBest);
                if (cell.Paper is { } paper)
                {
                    Write("paper", paper);
                    Write("difference", cell.Score.Value - paper);
                }
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteStartArray("notes");
            foreach (string note in Notes)
                json.WriteStringValue(note);
            json.WriteEndArray();
            json.WriteEndObject();

            void Write(string name, double value)
            {
                if (double.IsFinite(value))
                    json.WriteNumber(name, value);
                else
                    json.WriteNull(name);
            }
        }
        return $"{Encoding.UTF8.GetString(bytes.ToArray())}\n";
    }

    /// <summary>The table for a terminal; the best value of a column is followed by an asterisk.</summary>
    public (string[] Columns, string[][] Rows) Text() => (["", .. Columns],
        [.. Rows.Select(row => (string[])[row.Title, .. row.Cells.Select(cell => cell is null ? "" : cell.IsBest ? $"{Words(cell)} *" : Words(cell))])]);

    /// <summary>A number with three decimals.</summary>
    internal static string Number(double value) => double.IsNaN(value) ? "undefined" : value.ToString("0.000", CultureInfo.InvariantCulture);

    /// <summary>A number of photos in words.</summary>
    internal static string Photos(int count) => count == 1 ? "1 photo" : $"{count} photos";

    /// <summary>A score with its interval.</summary>
    internal static string Interval(Score score) =>
        double.IsNaN(score.Value) ? "undefined" : $"{Number(score.Value)} [{Number(score.Low)}, {Number(score.High)}]";

    private static string Words(TableCell cell) => cell.Paper is not { } paper || double.IsNaN(cell.Score.Value) ? Interval(cell.Score)
        : $"{Interval(cell.Score)}, paper {Number(paper)}, {(cell.Score.Value - paper).ToString("+0.000;-0.000;+0.000", CultureInfo.InvariantCulture)}";

    private static string Escaped(string text) =>
        text.ReplaceLineEndings(" ").Replace("\\", "\\\\").Replace("|", "\\|").Replace("*", "\\*").Replace("<", "&lt;");

    private IEnumerable<(TableRow Row, string Column, TableCell Cell)> Cells() =>
        from row in Rows from pair in row.Cells.Zip(Columns) where pair.First is not null select (row, pair.Second, pair.First);

    /// <summary>How many photos there are, and where values are undefined.</summary>
    private static IEnumerable<string> Counts(IEnumerable<(string Measure, Score Score)> scores, RecordedMethod[] methods)
    {
        (string Measure, Score Score)[] all = [.. scores];
        foreach (IGrouping<string, (string Measure, Score Score)> measure in all.GroupBy(each => each.Measure))
        {
            yield return $"{measure.Key}: {Photos(measure.Max(each => each.Score.Photos + each.Score.Undefined))}.";
            foreach ((_, Score score) in measure.Where(each => each.Score.Undefined > 0))
            {
                string title = methods.First(method => method.Name == score.Method).Title;
                yield return $"{measure.Key}: {score.Quantity}: undefined for {Photos(score.Undefined)} by {title}.";
            }
        }
    }

    /// <summary>A row of table 4 and the names of its scores.</summary>
    /// <param name="Title">The row's title.</param>
    /// <param name="PaperName">Its name in <see cref="PaperResults"/>.</param>
    /// <param name="Quantity">The score after the fit.</param>
    /// <param name="Initial">The score before it; null for none.</param>
    /// <param name="Original">The score of the original network; null for none.</param>
    private sealed record RestrictionColumns(string Title, string PaperName, string Quantity, string? Initial, string? Original)
    {
        public const string Measure = RestrictionMeasure.KindName;

        public static readonly RestrictionColumns[] All =
        [
            new("L_I / k", "information", "information, nats per neuron", "information before the fit", null),
            new("top-5", "top-5", "top-5", null, "the original network's top-5"),
            new("top-1", "top-1", "top-1", null, "the original network's top-1"),
        ];
    }
}
