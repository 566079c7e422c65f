using System.Diagnostics;
using System.Text.Json;
using Iba.Engine.Files;
using Iba.Images;

namespace Iba.Cli;

/// <summary>
/// Explains photos batch by batch and writes the results. The next batch is read and the last one written while the device works: decoding, hashing and
/// drawing take as long as a GPU's steps. Where there are several devices, each takes a batch at a time: the same batches as one device would take.
/// </summary>
/// <param name="loaded">The network.</param>
/// <param name="methods">The method on each device.</param>
/// <param name="files">Where results go.</param>
/// <param name="steps">Steps of a photo, for the progress.</param>
/// <param name="json">Whether results are lines of JSON.</param>
internal sealed class AttributionRun(LoadedNetwork loaded, IReadOnlyList<IAttributionMethod> methods, AttributionFiles files, int steps, bool json)
{
    public ExitCode Explain(string[] paths, int? target, int batch)
    {
        int failed = 0;
        Terminal.Progress("attributing", paths.Length * steps, bar =>
        {
            // The method cuts the list that it is given. Paths are cut here because photos take memory once they are read.
            var rounds = new Queue<string[][]>(paths.Chunk(batch).Chunk(methods.Count));
            Task<Entry[][]> reading = Next();
            Task<int> writing = Task.FromResult(0);
            try
            {
                for (int first = 0; first < paths.Length; first += methods.Count * batch)
                {
                    // What cannot be written ends the run at once.
                    if (writing.IsFaulted)
                        Result(writing);
                    Batch[] round = [.. Result(reading).Select(entries => new Batch(entries))];
                    reading = Next();
                    int done = first;
                    double[] more = new double[round.Length];
                    var clock = Stopwatch.StartNew();
                    try
                    {
                        OnEach(round.Length, device =>
                        {
                            var relay = new AttributionRelay(images =>
                            {
                                more[device] = images;
                                bar.Report((done + more.Sum()) * steps);
                            });
                            round[device].Results.AddRange(methods[device].Explain(round[device].Samples, relay, Interrupt.Token));
                        });
                    }
                    finally
                    {
                        // If an error ends a batch early, its finished results are kept. One batch at a time is written.
                        double seconds = clock.Elapsed.TotalSeconds / Math.Max(round.Sum(each => each.Results.Count), 1);
                        Task<int> before = writing;
                        End(before);
                        writing = Task.Run(() => Result(before) + round.Sum(each => Write(each, seconds)));
                    }
                }
            }
            finally
            {
                End(reading);
                End(writing);
            }
            failed = Result(writing);

            Task<Entry[][]> Next()
            {
                string[][] some = rounds.TryDequeue(out string[][]? next) ? next : [];
                return Task.Run(() => some.Select(each => Read(each, target)).ToArray());
            }
        });
        return failed == 0 ? ExitCode.Done : failed < paths.Length ? ExitCode.Partial : ExitCode.Failed;
    }

    /// <summary>Runs the work of each device on a thread of its own, that of a single one on this thread. All end before an exception is passed on.</summary>
    private static void OnEach(int devices, Action<int> work)
    {
        if (devices == 1)
        {
            work(0);
            return;
        }
        Task[] all = [.. Enumerable.Range(0, devices).Select(device => Task.Factory.StartNew(
            () => work(device), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))];
        Array.ForEach(all, End);
        Array.ForEach(all, task => task.GetAwaiter().GetResult());
    }

    /// <summary>Waits for a task; its exception, if it has one, is somebody else's.</summary>
    private static void End(Task task) => task.ContinueWith(ended => ended.Exception, TaskScheduler.Default).Wait();

    /// <summary>What a task ended with: its own exception, not that of waiting.</summary>
    private static T Result<T>(Task<T> task) => task.GetAwaiter().GetResult();

    private Entry[] Read(string[] paths, int? target) => [.. paths.Select(path =>
    {
        var clock = Stopwatch.StartNew();
        try
        {
            PreparedPhoto photo = loaded.Read(path, files.FullPhoto);
            return new Entry(path, photo, loaded.Sample(photo, target), null, clock.Elapsed.TotalSeconds);
        }
        catch (ImageException failure)
        {
            return new Entry(path, null, null, failure.Message, clock.Elapsed.TotalSeconds);
        }
    })];

    /// <summary>Writes a batch's results, and says why others have none.</summary>
    /// <returns>How many have none.</returns>
    private int Write(Batch batch, double seconds)
    {
        foreach (Entry unread in batch.Entries.Where(entry => entry.Fault is not null))
            FailureLine.Tell(unread.Path, unread.Fault!, json);
        return batch.Entries.Length - batch.Photos.Length + batch.Results.Count(result => !Write(batch.Photos[result.Sample], result, seconds));
    }

    /// <summary>What a device takes at a time, and what came of it.</summary>
    private sealed class Batch(Entry[] entries)
    {
        public Entry[] Entries => entries;

        public Entry[] Photos { get; } = [.. entries.Where(entry => entry.Sample is not null)];

        public Sample[] Samples => [.. Photos.Select(photo => photo.Sample!)];

        public List<Outcome> Results { get; } = [];
    }

    /// <summary>A photo, or why it cannot be read.</summary>
    private sealed record Entry(string Path, PreparedPhoto? Photo, Sample? Sample, string? Fault, double Seconds);

    /// <summary>Writes a result, or says why there is none. An error of one photo does not stop the others.</summary>
    private bool Write(Entry entry, Outcome result, double seconds)
    {
        PreparedPhoto photo = entry.Photo!;
        try
        {
            Write(files.Write(photo, result.Explanation ?? throw result.Failure!, entry.Seconds, seconds));
            return true;
        }
        catch (NonFiniteException failure)
        {
            FailureLine.Tell(photo.Path, $"{photo.Path}: {failure.Reason}. {failure.Remedy}", json);
        }
        catch (FileWriteException refused)
        {
            FailureLine.Tell(photo.Path, $"{photo.Path}: {refused.Message}", json);
        }
        return false;
    }

    private void Write(AttributionLine line)
    {
        string spread = line.TotalBitsDeviation is { } deviation ? $" (± {deviation:0} over {line.Seeds} seeds)" : "";
        string bits = line.TotalBits is null
            ? ""
            : $", and {line.ProbabilityRestricted:0.000} if only the map's {line.TotalBits:0} bits{spread} pass, "
                + $"at most {line.MaxBitsPerPixel:G3} bits per pixel";
        string target = line.Objective is null ? loaded.Labels.Describe(line.Target) : line.TargetLabel;
        Terminal.Data(json
            ? JsonSerializer.Serialize(line, Json.Lines.AttributionLine)
            : $"{line.Image}: {target}, p {line.Probability:0.000}{bits}, {line.Seconds:0.0} s -> {line.Overlay}");
    }
}
