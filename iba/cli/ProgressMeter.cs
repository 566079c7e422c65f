using System.Diagnostics;

namespace Iba.Cli;

/// <summary>How far a piece of work has come. It is shown as often as a bar wants to be drawn, or a line to be read.</summary>
/// <param name="title">What is being done.</param>
/// <param name="total">Units in all, or 0 if unknown.</param>
internal sealed class ProgressMeter(string title, double total) : IProgress<double>
{
    private const int Cells = 40;

    /// <summary>A guess at the time left that is longer, from a first report that came early, is shown as this.</summary>
    private const double MostSeconds = 1e7;

    private static readonly TimeSpan Every = TimeSpan.FromSeconds(Terminal.DrawsBars ? 0.1 : 10);

    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly Lock _reporting = new();
    private TimeSpan _next = Every;
    private double _done;

    public void Report(double done)
    {
        lock (_reporting)
        {
            _done = done;
            if (_clock.Elapsed < _next)
                return;
            _next = _clock.Elapsed + Every;
        }
        if (Terminal.DrawsBars)
            Terminal.Draw(this);
        else
            Terminal.Say(Line);
    }

    private string Line => total > 0 && _done > 0 ? $"{title}: {_done:0} of {total:0}, {Left} left" : $"{title}: {_done:0}";

    private string Left
    {
        get
        {
            if (!(_done > 0))
                return "-:--:--";
            var left = TimeSpan.FromSeconds(Math.Min(_clock.Elapsed.TotalSeconds * Math.Max(total - _done, 0) / _done, MostSeconds));
            return $"{(int)left.TotalHours}:{left:mm\\:ss}";
        }
    }

    /// <summary>The numbers first: a narrow terminal cuts off the end.</summary>
    public string Bar(bool unicode)
    {
        if (total <= 0)
            return $"{title} {_done:0}";
        double share = Math.Clamp(_done / total, 0, 1);
        int full = (int)(share * Cells);
        (char on, char off) = unicode ? ('━', '─') : ('#', '-');
        return $"{title} {100 * share,3:0} % {Left} left {new string(on, full)}{new string(off, Cells - full)}";
    }
}
