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

    private static string Quoted(string word) =>
        word.Length > 0 && word.All(letter => char.IsAsciiLetterOrDigit(letter) || "-_./:,=+@%".Contains(letter)) ? word : $"'{word.Replace("'", "'\\''")}'";
}
