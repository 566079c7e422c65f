using Iba.Engine.Files;
using Spectre.Console;

namespace Iba.Cli;

/// <summary>
/// stdout is for data, stderr for messages to people. All text goes through here line by line, and control characters are made harmless
/// (<see cref="ForeignText"/>). On a terminal the progress bar is the last line: it is erased before a line is written to either stream, and
/// drawn again below it. Any thread may call.
/// </summary>
internal static class Terminal
{
    private const string Erase = "\r\e[2K", Red = "\e[31m", Yellow = "\e[33m", Plain = "\e[0m";

    /// <summary>Columns of a table that is written to a file or a pipe: wide enough that no cell is wrapped.</summary>
    private const int Unbounded = 10_000;

    /// <summary>Characters of a line on stderr: a message may quote a name from a file, and a name may be megabytes long.</summary>
    private const int LongestMessage = 4096;

    /// <summary>Minimum columns of a table; a narrower terminal wraps its lines.</summary>
    private const int Narrowest = 40;

    /// <summary>How long an urgent line waits for a line that is being written.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(100);

    private static readonly Lock Writing = new();
    private static readonly StandardStream Output = StandardStream.Output, Error = StandardStream.Error;

    /// <summary>The capabilities of stderr's terminal, by TERM and the platform; null if stderr is not a terminal.</summary>
    private static readonly Capabilities? Screen = Error.IsTerminal
        ? AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) }).Profile.Capabilities
        : null;

    private static readonly bool HasColours = Screen?.Ansi == true && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));

    private static ProgressMeter? _bar;

    /// <summary>Whether progress is a bar that is redrawn in place; otherwise it is a line from time to time.</summary>
    public static bool DrawsBars { get; } = Screen?.Ansi == true;

    /// <summary>The failure if data did not reach stdout; null if all did.</summary>
    public static Failure? Undelivered => Output switch
    {
        { Failure: null } => null,
        { ReaderIsGone: true } => new Failure(ExitCode.BrokenPipe, null),
        { Failure: var reason } => new Failure(
            ExitCode.Failed, $"stdout cannot be written: {reason}. The rest of the output is lost; files that were written are kept."),
    };

    /// <summary>Writes one line of data. If stdout cannot be written, it requests a stop.</summary>
    public static void Data(string line)
    {
        lock (Writing)
            Write(Output, line);
        if (Output.Failure is not null)
            Interrupt.Stop();
    }

    /// <summary>Writes a table of data, as wide as the terminal, or as its cells if there is none.</summary>
    public static void Table(IReadOnlyList<string> columns, IEnumerable<IReadOnlyList<string>> rows, bool framed = true)
    {
        var table = new Table { Border = framed ? TableBorder.Square : TableBorder.None };
        table.AddColumns([.. columns.Select(Cell)]);
        foreach (IReadOnlyList<string> row in rows)
            table.AddRow([.. row.Select(Cell)]);
        var text = new StringWriter();
        IAnsiConsole page = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(text),
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
        });
        page.Profile.Width = Output.IsTerminal ? Math.Max(Console.WindowWidth, Narrowest) : Unbounded;
        page.Write(table);
        foreach (string line in text.ToString().TrimEnd().ReplaceLineEndings("\n").Split('\n'))
            Data(line);

        static string Cell(string text) => Markup.Escape(ForeignText.Harmless(text));
    }

    public static void Say(string line)
    {
        lock (Writing)
            Write(Error, line);
    }

    public static void Warn(string line) => Say("warning:", Yellow, line);

    public static void Fail(string line) => Say("error:", Red, line);

    /// <summary>Writes a line even if another thread is blocked in a write, to a paused terminal or a full pipe.</summary>
    public static void SayAtOnce(string line)
    {
        bool free = Writing.TryEnter(Patience);
        try
        {
            Write(Error, line);
        }
        finally
        {
            if (free)
                Writing.Exit();
        }
    }

    /// <summary>Runs work and shows its progress: a bar on a terminal, a line from time to time elsewhere.</summary>
    /// <param name="title">The name of the work.</param>
    /// <param name="total">Total units, or 0 if unknown.</param>
    /// <param name="work">The work; it reports the units that are done.</param>
    /// <param name="units">The units' name where their number per second is shown; null where it is not.</param>
    public static T Progress<T>(string title, double total, Func<IProgress<double>, T> work, string? units = null)
    {
        var meter = new ProgressMeter(title, total, units);
        if (!DrawsBars)
            return work(meter);
        Draw(meter);
        try
        {
            return work(meter);
        }
        finally
        {
            Draw(null);
        }
    }

    /// <summary>The same for work without a result.</summary>
    public static void Progress(string title, double total, Action<IProgress<double>> work, string? units = null) => Progress(title, total, bar =>
    {
        work(bar);
        return true;
    }, units);

    /// <summary>Draws a bar in place of the present one; null removes it.</summary>
    public static void Draw(ProgressMeter? bar)
    {
        lock (Writing)
        {
            if (_bar is null && bar is null)
                return;
            _bar = bar;
            Error.Write(Erase + Drawn());
        }
    }

    private static void Say(string word, string colour, string line)
    {
        string prefix = HasColours ? $"{colour}{word}{Plain}" : word;
        lock (Writing)
            Write(Error, line, $"{prefix} ");
    }

    private static void Write(StandardStream to, string line, string prefix = "")
    {
        if (to == Error && line.Length > LongestMessage)
            line = $"{line[..LongestMessage]}... ({line.Length} characters)";
        string text = $"{prefix}{ForeignText.Harmless(line)}{Environment.NewLine}";
        if (_bar is null || !to.IsTerminal)
            to.Write(text);
        else if (to == Error)
            Error.Write(Erase + text + Drawn());
        else
        {
            Error.Write(Erase);
            Output.Write(text);
            Error.Write(Drawn());
        }
    }

    /// <summary>The bar, cut off at the right edge of a narrow terminal: with automatic wrapping it would take lines that are never erased.</summary>
    private static string Drawn() => _bar is null ? "" : $"\e[?7l{ForeignText.Harmless(_bar.Bar(Screen!.Unicode))}\e[?7h";
}
