using System.Diagnostics;
using System.Globalization;

namespace Iba.Cli;

/// <summary>The progress of some work, updated as often as a bar is redrawn, or more rarely as a line.</summary>
/// <param name="title">The name of the work.</param>
/// <param name="total">Total units, or 0 if unknown.</param>
/// <param name="units">The units' name where their number per second is shown; null where it is not.</param>
internal sealed class ProgressMeter(string title, double total, string? units = null) : IProgress<double>
{
    private const int Cells = 40;

    /// <summary>Upper bound of the estimated remaining time, which an early first report may exaggerate.</summary>
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

    private string Line => total > 0 && _done > 0 ? $"{title}: {_done:0} of {total:0},{Rate} {Left} left" : $"{title}: {_done:0}";

    private string Rate => units is null || !(_done > 0) ? ""
        : string.Create(CultureInfo.InvariantCulture, $" {_done / _clock.Elapsed.TotalSeconds:0.##} {units}/s,");

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

    /// <summary>The numbers come first, because a narrow terminal cuts off the end.</summary>
    public string Bar(bool unicode)
    {
        if (total <= 0)
            return $"{title} {_done:0}";
        double share = Math.Clamp(_done / total, 0, 1);
        int full = (int)(share * Cells);
        (char on, char off) = unicode ? ('━', '─') : ('#', '-');
        return $"{title} {100 * share,3:0} %{Rate} {Left} left {new string(on, full)}{new string(off, Cells - full)}";
    }
}
