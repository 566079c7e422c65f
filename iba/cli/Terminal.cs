using System.Diagnostics;
using System.Text;
using Spectre.Console;

namespace Iba.Cli;

/// <summary>stdout is data, stderr is everything said to a person.</summary>
internal static class Terminal
{
    private static readonly TimeSpan LineEvery = TimeSpan.FromSeconds(10);

    private static readonly IAnsiConsole Error = On(Console.Error);

    /// <summary>One line of data.</summary>
    public static void Data(string line)
    {
        Console.Out.WriteLine(line);
        Console.Out.Flush();
    }

    /// <summary>A table of data, as wide as the terminal or as its cells where there is none.</summary>
    public static void Table(Table table) => On(Console.Out).Write(table);

    public static void Say(string line) => Error.WriteLine(line);

    public static void Warn(string line) => Error.MarkupLineInterpolated($"[yellow]warning:[/] {line}");

    public static void Fail(string line) => Error.MarkupLineInterpolated($"[red]error:[/] {line}");

    /// <summary>
    /// Runs work that reports the units it has done: a bar on a terminal, a line now and then elsewhere.
    /// </summary>
    /// <param name="title">What is being done.</param>
    /// <param name="total">Units in all, or 0 if unknown.</param>
    /// <param name="work">Told how to report.</param>
    public static T Progress<T>(string title, double total, Func<IProgress<double>, T> work)
    {
        if (!Error.Profile.Out.IsTerminal)
            return work(new Lines(title, total));

        return Error.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .Start(context =>
            {
                ProgressTask task = context.AddTask(Markup.Escape(title), maxValue: Math.Max(total, 1));
                task.IsIndeterminate = total <= 0;
                return work(new Bar(task));
            });
    }

    /// <summary>The same for work that gives nothing back.</summary>
    public static void Progress(string title, double total, Action<IProgress<double>> work) => Progress(title, total, bar =>
    {
        work(bar);
        return true;
    });

    /// <summary>Lines are broken for people at a terminal only.</summary>
    private static IAnsiConsole On(TextWriter writer)
    {
        var output = new AnsiConsoleOutput(writer);
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = output });
        if (!output.IsTerminal)
            console.Profile.Width = 10_000;
        return console;
    }

    private sealed class Bar(ProgressTask task) : IProgress<double>
    {
        public void Report(double done) => task.Value = done;
    }

    private sealed class Lines(string title, double total) : IProgress<double>
    {
        private readonly Stopwatch _clock = Stopwatch.StartNew();
        private TimeSpan _next = LineEvery;

        public void Report(double done)
        {
            TimeSpan elapsed = _clock.Elapsed;
            if (elapsed < _next)
                return;
            _next = elapsed + LineEvery;
            var line = new StringBuilder($"{title}: {done:0}");
            if (total > 0 && done > 0)
                line.Append($" of {total:0}, {TimeSpan.FromSeconds(elapsed.TotalSeconds * (total - done) / done):h\\:mm\\:ss} left");
            Say(line.ToString());
        }
    }
}
