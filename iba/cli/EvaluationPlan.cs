using System.Diagnostics;
using System.Globalization;
using System.Text;
using Iba.Evaluation;

namespace Iba.Cli;

/// <summary>
/// How long an evaluation takes on this device, and how much memory and disk it needs: measured on its first photos. The first batch also records
/// networks and allocates memory, so the second one is timed, where there is one.
/// </summary>
internal sealed class EvaluationPlan(OpenEvaluation open)
{
    private const int Batches = 2;

    public ExitCode Print()
    {
        EvaluationRun whole = open.Run();
        int all = whole.Files.Count, batch = Math.Max(Math.Min(whole.Batch, all / Batches), 1);
        HashSet<string> first = [.. whole.Files.Take(batch * Batches).Select(file => file.Name)];
        EvaluationRun run = open.Run(of: open.Photos.Where(file => first.Contains(file.Name)), photosAtOnce: batch);
        var clock = Stopwatch.StartNew();
        double warmUp = 0;
        var records = new List<EvaluationRecord>();
        Terminal.Progress("measuring", first.Count, bar =>
        {
            foreach (IReadOnlyList<EvaluationRecord> each in run.Batches(new AttributionRelay(bar.Report), Interrupt.Token))
            {
                records.AddRange(each);
                if (warmUp == 0 && first.Count > batch)
                {
                    warmUp = clock.Elapsed.TotalSeconds;
                    clock.Restart();
                }
            }
        }, "photos");
        int timed = first.Count > batch ? first.Count - batch : first.Count;
        double perPhoto = clock.Elapsed.TotalSeconds / Math.Max(timed, 1);
        long bytes = records.Where(record => record is not FailedPhoto).Sum(record => (long)Encoding.UTF8.GetByteCount(Ledger.Line(record)));
        Measurement[] measurements = [.. records.OfType<Measurement>()];
        long passes = open.ForwardPasses(measurements) * all / Math.Max(first.Count, 1);
        string[][] rows =
        [
            ["photos", $"{all}"],
            ["records", $"{(long)measurements.Length * all / Math.Max(first.Count, 1)}"],
            ["forward passes of measures", $"{passes}"],
            ["seconds a photo", perPhoto.ToString("0.00", CultureInfo.InvariantCulture)],
            ["time", Duration(warmUp + perPhoto * (all - (first.Count - timed)))],
            ["memory so far", $"{Process.GetCurrentProcess().PeakWorkingSet64 >> 20} MiB"],
            ["disk", $"{(bytes * all / Math.Max(first.Count, 1) >> 20) + 1} MiB"],
        ];
        Terminal.Table(["plan", $"on {open.Loaded.Arithmetic.Device}"], rows);
        return ExitCode.Done;
    }

    private static string Duration(double seconds) => string.Create(CultureInfo.InvariantCulture, $"{(int)(seconds / 3600)} h {(int)(seconds / 60) % 60} min");
}
