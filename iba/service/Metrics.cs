using System.Collections.Concurrent;
using System.Globalization;
using System.Text;

namespace Iba.Service;

/// <summary>Counts and times for Prometheus, in its text format 0.0.4.</summary>
internal sealed class Metrics
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private static readonly double[] Bounds = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

    private readonly ConcurrentDictionary<int, long> _answers = new();
    private readonly long[] _within = new long[Bounds.Length];
    private readonly Lock _lock = new();
    private long _explained;
    private double _seconds;

    /// <summary>Counts an answer of /explain.</summary>
    /// <param name="status">Its HTTP status.</param>
    public void Answered(int status) => _answers.AddOrUpdate(status, 1, (_, count) => count + 1);

    /// <summary>Counts an explained photo.</summary>
    /// <param name="seconds">From its request's arrival to its explanation.</param>
    public void Explained(double seconds)
    {
        lock (_lock)
        {
            _explained++;
            _seconds += seconds;
            for (int i = 0; i < Bounds.Length; i++)
                _within[i] += seconds <= Bounds[i] ? 1 : 0;
        }
    }

    /// <summary>Whole seconds after which there is likely to be room: those of a photo so far, in the mean; 1 before the first.</summary>
    public string Wait
    {
        get
        {
            lock (_lock)
                return Math.Clamp(Math.Ceiling(_explained == 0 ? 1 : _seconds / _explained), 1, 3600).ToString(CultureInfo.InvariantCulture);
        }
    }

    /// <summary>All of it as text.</summary>
    /// <param name="open">Photos that wait or are in work.</param>
    public string Text(int open)
    {
        var text = new StringBuilder();
        Head("iba_requests_total", "counter", "Answers to POST /explain by HTTP status.");
        foreach ((int status, long count) in _answers.OrderBy(each => each.Key))
            Line($"iba_requests_total{{status=\"{status}\"}} {count}");
        Head("iba_open", "gauge", "Photos that wait or are in work.");
        Line($"iba_open {open}");
        lock (_lock)
        {
            Head("iba_explain_seconds", "histogram", "Time from a request's arrival to its explanation.");
            for (int i = 0; i < Bounds.Length; i++)
                Line($"iba_explain_seconds_bucket{{le=\"{Bounds[i]}\"}} {_within[i]}");
            Line($"iba_explain_seconds_bucket{{le=\"+Inf\"}} {_explained}");
            Line($"iba_explain_seconds_sum {_seconds}");
            Line($"iba_explain_seconds_count {_explained}");
        }
        Head("process_resident_memory_bytes", "gauge", "Resident memory.");
        Line($"process_resident_memory_bytes {Environment.WorkingSet}");
        return text.ToString();

        void Head(string name, string type, string help) => text.Append("# HELP ").Append(name).Append(' ').Append(help).Append('\n')
            .Append("# TYPE ").Append(name).Append(' ').Append(type).Append('\n');

        void Line(FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
    }
}
