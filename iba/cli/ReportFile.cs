using System.Reflection;
using Iba.Bottleneck;
using Iba.Engine.Files;
using Iba.Reports;

namespace Iba.Cli;

/// <summary>The report that a command writes: one page, or an index and a page for each photo where that one would be too large.</summary>
/// <param name="path">The file.</param>
/// <param name="report">Everything but the rows.</param>
internal sealed class ReportFile(string path, MapReport report)
{
    private readonly List<ReportRow> _rows = [];
    private readonly List<(string Title, string Summary, string File)> _pages = [];
    private long _bytes;

    /// <summary>The program's version.</summary>
    public static string Version { get; } =
        typeof(ReportFile).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "";

    /// <summary>The command line as a shell takes it.</summary>
    public static string Command => $"iba {string.Join(' ', Environment.GetCommandLineArgs().Skip(1).Select(Quoted))}";

    /// <summary>Adds a photo. Once there are too many for one page, each is written at once.</summary>
    public void Add(ReportRow row)
    {
        _rows.Add(row);
        _bytes += row.Bytes;
        if (_bytes <= MapReport.MostBytes)
            return;
        foreach (ReportRow each in _rows)
        {
            string file = $"{Path.GetFileNameWithoutExtension(path)}-{_pages.Count + 1}.html";
            _pages.Add((each.Title, each.Summary, file));
            Write(Path.Combine(Path.GetDirectoryName(path) ?? "", file), report with { Title = $"{report.Title}: {each.Title}", Rows = [each] });
        }
        _rows.Clear();
    }

    /// <summary>
    /// Writes the page, or the index of the pages that were written, and says where it is; also after Ctrl-C, for the photos that were finished.
    /// </summary>
    public void Finish()
    {
        if (_pages.Count > 0)
            AtomicFile.Write(path, MapReport.Index(report.Title, _pages));
        else if (_rows.Count > 0)
            Write(path, report with { Rows = _rows });
        else
            return;
        Tell(path);
    }

    /// <summary>Says where a report is: the last line on stderr.</summary>
    public static void Tell(string path) => Terminal.Say($"report: {path}");

    public static void Write(string path, MapReport page) => AtomicFile.Write(path, page.ToBytes());

    /// <summary>A map of a report, with the steps of a bottleneck.</summary>
    /// <param name="result">The map.</param>
    /// <param name="note">A line below it.</param>
    /// <param name="neurons">Of the bottleneck's layer; 0 where there is none.</param>
    public static ReportMap Map(Explanation result, string note, int neurons) => new(result.Heatmap, note)
    {
        Losses = (result as BottleneckExplanation)?.Losses ?? [],
        Evolution = (result as BottleneckExplanation)?.Evolution ?? [],
        Neurons = neurons,
    };

    /// <summary>What was found for a photo, in sentences.</summary>
    public static string Summary(Explanation result, string label)
    {
        string seen = $"The network takes it for {label} with probability {result.Probability:0.000}.";
        return result is BottleneckExplanation bits
            ? $"{seen} If only the {bits.TotalBits:0} bits of the map pass, the probability is {bits.ProbabilityRestricted:0.000}. "
                + $"No pixel gets more than {result.Heatmap.Max:G3} bits."
            : seen;
    }

    private static string Quoted(string word) =>
        word.Length > 0 && word.All(letter => char.IsAsciiLetterOrDigit(letter) || "-_./:,=+@%".Contains(letter)) ? word : $"'{word.Replace("'", "'\\''")}'";
}
