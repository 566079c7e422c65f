using System.Globalization;
using System.Text.Json;
using Iba.Datasets;
using Iba.Evaluation;
using Iba.Images;
using Iba.Methods;

namespace Iba.Cli;

/// <summary>One line of <c>iba evaluate boxes --json</c>.</summary>
internal sealed record BoxLine(string Image, string Method, int Target, int BoxPixels, double BoxShare, double Score, string Device, string Precision);

/// <summary>
/// Explains annotated photos by several methods, batch by batch, and tells how much of each map's top lies in the boxes. Stopped, it
/// tells of the photos done.
/// </summary>
internal sealed class BoxEvaluation(LoadedNetwork loaded, AnnotatedPhotos photos, MethodInputs inputs, bool json)
{
    private readonly List<double> _coverage = [];
    private int _failed, _leftOut;

    public ExitCode Run(MethodKind[] kinds)
    {
        IAttributionMethod[] methods = [.. kinds.Select(kind => kind.Create(inputs))];
        List<double>[] scores = [.. kinds.Select(_ => new List<double>())];
        bool stopped = false;
        try
        {
            Terminal.Progress($"explaining, {photos.Labels}", photos.Files.Count, bar =>
            {
                int done = 0;
                foreach (ImageFile[] files in photos.Files.Chunk(inputs.Batch))
                {
                    Explain([.. files.Select(Read).OfType<AnnotatedPhoto>()], methods, scores);
                    bar.Report(done += files.Length);
                }
            });
        }
        catch (OperationCanceledException)
        {
            stopped = true;
        }
        finally
        {
            foreach (IAttributionMethod method in methods)
                method.Dispose();
        }
        if (_failed == photos.Files.Count)
        {
            Terminal.Fail($"none of {photos.Files.Count} photos could be evaluated, for the reasons above: each needs a picture that can be read and an annotation of its name.");
            return ExitCode.Failed;
        }
        if (_coverage.Count == 0 && !stopped)
            throw new UsageException($"none of {photos.Files.Count} photos has boxes that count, for the reasons above: there is nothing to evaluate.");
        if (!json && _coverage.Count > 0)
            Terminal.Table(["method", "photos", "in the boxes", "standard error"], Rows(kinds, scores));
        if (_leftOut > 0)
            Terminal.Say($"left out: {_leftOut} of {photos.Files.Count} photos, for the reasons above.");
        return stopped || _failed > 0 ? ExitCode.Partial : ExitCode.Done;
    }

    private void Explain(AnnotatedPhoto[] batch, IAttributionMethod[] methods, List<double>[] scores)
    {
        AnnotatedPhoto[] counted = [.. batch.Where(Counts)];
        if (counted.Length == 0)
            return;
        Sample[] samples = [.. counted.Select(photo => photo.Sample)];
        // All methods have seen a photo before any of its scores counts.
        var notes = new AttributionRelay();
        Outcome[][] results = [.. methods.Select(method => method.Explain(samples, notes, Interrupt.Token).ToArray())];
        for (int i = 0; i < counted.Length; i++)
        {
            if (results.Select(of => of[i].Failure).FirstOrDefault(failure => failure is not null) is { } failure)
            {
                _failed++;
                FailureLine.Tell(counted[i].Path, $"{counted[i].Path}: {failure.Reason}. {failure.Remedy}", json);
                continue;
            }
            ObjectMask objects = counted[i].Objects;
            _coverage.Add(objects.Coverage);
            for (int m = 0; m < methods.Length; m++)
            {
                double score = objects.Score(results[m][i].Explanation!.Heatmap);
                scores[m].Add(score);
                if (json)
                {
                    var line = new BoxLine(counted[i].Path, methods[m].Name, results[m][i].Explanation!.Target, objects.Pixels, objects.Coverage, score, loaded.Device.Device, loaded.Device.Precision);
                    Terminal.Data(JsonSerializer.Serialize(line, Json.Lines.BoxLine));
                }
            }
        }
    }

    /// <summary>Whether a photo is evaluated; if not, says why.</summary>
    private bool Counts(AnnotatedPhoto photo)
    {
        if (photo.LeftOut is not { } reason)
            return true;
        _leftOut++;
        Terminal.Say($"{photo.Path}: left out: {reason}.");
        if (json)
            Terminal.Data(JsonSerializer.Serialize(new LeftOutLine(photo.Path, reason), Json.Lines.LeftOutLine));
        return false;
    }

    private AnnotatedPhoto? Read(ImageFile file)
    {
        Interrupt.Token.ThrowIfCancellationRequested();
        try
        {
            return photos.Read(file);
        }
        catch (Exception failure) when (failure is ImageException or DatasetException)
        {
            _failed++;
            FailureLine.Tell(file.Path, failure.Message, json);
            return null;
        }
    }

    private IEnumerable<string[]> Rows(MethodKind[] kinds, List<double>[] scores)
    {
        foreach ((MethodKind kind, List<double> of) in kinds.Zip(scores))
        {
            double mean = of.Average(), variance = of.Sum(score => (score - mean) * (score - mean)) / Math.Max(of.Count - 1, 1);
            string title = kind.IsReportedOn(loaded.Network.Name) ? kind.Title : $"{kind.Title} (not reported in the paper)";
            yield return [title, $"{of.Count}", Figure(mean), Figure(Math.Sqrt(variance / of.Count))];
        }
        yield return ["the boxes' share of the photos", $"{_coverage.Count}", Figure(_coverage.Average()), ""];
    }

    private static string Figure(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);
}
