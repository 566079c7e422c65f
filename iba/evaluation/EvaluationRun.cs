using Iba.Bottleneck;
using Iba.Datasets;
using Iba.Images;

namespace Iba.Evaluation;

/// <summary>
/// Explains photos by several methods, batch by batch, and gives each map to every measure: a map is computed once. Photos of the next batch are decoded on
/// other threads meanwhile.
/// </summary>
/// <param name="photos">The photos.</param>
/// <param name="methods">The methods.</param>
/// <param name="measures">The measures; they stay the caller's.</param>
public sealed class EvaluationRun(LabelledPhotos photos, IReadOnlyList<EvaluatedMethod> methods, IReadOnlyList<IMeasure> measures)
{
    private readonly ILookup<(string Settings, string Name), RecordKey> _known = Array.Empty<RecordKey>().ToLookup(key => (key.Settings, key.Name));
    private readonly EvaluationSettings[][] _settings =
        [.. measures.Select(measure => methods.Select(method => EvaluationSettings.Of(photos.Classifier, method, measure)).ToArray())];
    private readonly EvaluationSettings[] _ofPhotos = [.. measures.Select(measure => EvaluationSettings.Of(photos.Classifier, null, measure))];
    private readonly MeasureNeeds[] _needs = [.. measures.Select(measure => Measures.All.FirstOrDefault(kind => kind.Name == measure.Name)?.Needs ?? default)];

    /// <summary>Photos to explain at a time.</summary>
    public int Batch { get; init; } = 4;

    /// <summary>The part of the photos to evaluate.</summary>
    public Shard Shard { get; init; } = Shard.Whole;

    /// <summary>
    /// Records that exist already and are not computed again. A photo whose file, class, boxes or mask are not those of its records fails: it would count
    /// twice.
    /// </summary>
    public IEnumerable<RecordKey> Known
    {
        init => _known = value.ToLookup(key => (key.Settings, key.Name));
    }

    /// <summary>The photos of this part.</summary>
    public IReadOnlyList<ImageFile> Files => [.. Shard.Of(photos.Files)];

    /// <summary>The settings that decide the records' numbers.</summary>
    public IReadOnlyList<EvaluationSettings> Settings =>
    [
        .. measures.SelectMany((measure, n) => _settings[n].Where((_, m) => measure.LeftOut(methods[m]) is null).Prepend(_ofPhotos[n])),
    ];

    /// <summary>Runs the evaluation, see <see cref="Batches"/>.</summary>
    /// <inheritdoc cref="Batches"/>
    public IEnumerable<EvaluationRecord> Records(IProgress<AttributionProgress>? progress = null, CancellationToken cancellation = default) =>
        Batches(progress, cancellation).SelectMany(batch => batch);

    /// <summary>
    /// Runs the evaluation. A photo's measurements come one after the other, and only after all methods have explained it: a run that is stopped has
    /// the same photos for every method.
    /// </summary>
    /// <param name="progress">Told how many photos are done, and what methods have to say.</param>
    /// <param name="cancellation">Checked between photos and steps.</param>
    /// <returns>The records of each batch of photos, empty where all of them are known.</returns>
    /// <exception cref="ArgumentException">Something that a method needs is missing.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public IEnumerable<IReadOnlyList<EvaluationRecord>> Batches(
        IProgress<AttributionProgress>? progress = null, CancellationToken cancellation = default)
    {
        var created = new List<IAttributionMethod>();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        IReadOnlyList<ImageFile> files = Files;
        // Methods cut the lists that they are given. Files are cut here because photos take memory once they are read.
        ImageFile[][] batches = [.. files.Chunk(Batch)];
        Task<ReadPhoto[]>? next = null;
        try
        {
            foreach (EvaluatedMethod method in methods)
                created.Add(method.Create());
            foreach (IBottleneck bottleneck in created.OfType<IBottleneck>())
                bottleneck.KeepsMask = measures.Any(measure => measure.NeedsMasks);
            int done = 0;
            var notes = new ProgressRelay<AttributionProgress>(at =>
            {
                if (at.Note is not null)
                    progress?.Report(new AttributionProgress(done, files.Count, 0, 1, at.Note));
            });
            next = batches.Length > 0 ? ReadAhead(batches[0], stop.Token) : null;
            for (int i = 0; i < batches.Length; i++)
            {
                ReadPhoto[] read = Result(next!, cancellation);
                next = i + 1 < batches.Length ? ReadAhead(batches[i + 1], stop.Token) : null;
                cancellation.ThrowIfCancellationRequested();
                yield return Evaluate(read, created, notes, cancellation);
                progress?.Report(new AttributionProgress(done += batches[i].Length, files.Count, 0, 1));
            }
        }
        finally
        {
            stop.Cancel();
            ((Task?)next)?.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing).GetAwaiter().GetResult();
            created.ForEach(method => method.Dispose());
        }
    }

    /// <summary>A task's result. The exception of a cancelled task is that of a cancelled call, not one of tasks.</summary>
    private static ReadPhoto[] Result(Task<ReadPhoto[]> task, CancellationToken cancellation)
    {
        try
        {
            return task.GetAwaiter().GetResult();
        }
        catch (TaskCanceledException)
        {
            throw new OperationCanceledException(cancellation);
        }
    }

    /// <summary>Reads photos on other threads. One that cannot be read is a record; one whose records are all known is not decoded.</summary>
    private Task<ReadPhoto[]> ReadAhead(ImageFile[] files, CancellationToken cancellation) =>
        Task.WhenAll(files.Select(file => Task.Run(() => Read(file, cancellation), cancellation)));

    private ReadPhoto Read(ImageFile file, CancellationToken cancellation)
    {
        string sha256 = "";
        try
        {
            PhotoFile bytes = PhotoFile.Open(file.Path, cancellation);
            sha256 = bytes.Sha256;
            Dictionary<MeasureNeeds, string> known = _needs.Distinct().ToDictionary(needs => needs, needs => photos.Truth(file, needs, cancellation));
            string[] truths = [.. _needs.Select(needs => known[needs])];
            bool[,] wanted = Wanted(file, sha256, truths);
            LabelledPhoto? photo = wanted.Cast<bool>().Contains(true) ? photos.Read(file, bytes, cancellation) : null;
            return new ReadPhoto(file, sha256, truths, wanted, photo, null);
        }
        catch (Exception failure) when (failure is ImageException or DatasetException)
        {
            return new ReadPhoto(file, sha256, [], new bool[methods.Count, measures.Count], null, failure.Message);
        }
    }

    /// <summary>For each method and measure, whether a photo's record is to be computed.</summary>
    /// <exception cref="DatasetException">It has records that are of another file, class, boxes or mask.</exception>
    private bool[,] Wanted(ImageFile file, string sha256, string[] truths)
    {
        var wanted = new bool[methods.Count, measures.Count];
        for (int n = 0; n < measures.Count; n++)
        {
            if (IsKnown(_ofPhotos[n].Id, truths[n]))
                continue;
            for (int m = 0; m < methods.Count; m++)
                wanted[m, n] = measures[n].LeftOut(methods[m]) is null && !IsKnown(_settings[n][m].Id, truths[n]);
        }
        return wanted;

        bool IsKnown(string settings, string truth)
        {
            RecordKey[] keys = [.. _known[(settings, file.Name)]];
            return keys.Length == 0 || Array.Exists(keys, key => key.IsOf(sha256, truth)) ? keys.Length > 0 : throw new DatasetException(
                file.Path, "it has records that were made with another file, class, annotation or mask of that name",
                "Restore what the evaluation was begun with, or evaluate into another folder");
        }
    }

    private List<EvaluationRecord> Evaluate(
        ReadPhoto[] read, List<IAttributionMethod> created, IProgress<AttributionProgress> notes, CancellationToken cancellation)
    {
        var before = new List<EvaluationRecord>();
        var batch = new List<ReadPhoto>();
        foreach (ReadPhoto each in read)
        {
            if (each.Failure is not null)
                before.Add(new FailedPhoto(each.File.Path, each.Failure) { Name = each.File.Name, Sha256 = each.Sha256 });
            if (each.Photo is not { } photo)
                continue;
            for (int n = 0; n < measures.Count; n++)
            {
                if (measures[n].LeftOut(photo) is not { } reason)
                    continue;
                if (Enumerable.Range(0, methods.Count).Any(m => each.Wanted[m, n]))
                    before.Add(Identified(new LeftOutPhoto(each.File.Path, measures[n].Name, reason), each, n, _ofPhotos[n]));
                for (int m = 0; m < methods.Count; m++)
                    each.Wanted[m, n] = false;
            }
            if (each.Wanted.Cast<bool>().Contains(true))
                batch.Add(each);
        }
        return [.. before, .. Explained(batch, created, notes, cancellation)];
    }

    private IEnumerable<EvaluationRecord> Explained(
        List<ReadPhoto> batch, List<IAttributionMethod> created, IProgress<AttributionProgress> notes, CancellationToken cancellation)
    {
        var explanations = new Explanation?[methods.Count, batch.Count];
        var failures = new NonFiniteException?[batch.Count];
        for (int m = 0; m < methods.Count; m++)
        {
            int[] wanted = [.. Enumerable.Range(0, batch.Count).Where(i => Enumerable.Range(0, measures.Count).Any(n => batch[i].Wanted[m, n]))];
            if (wanted.Length == 0)
                continue;
            Sample[] samples = [.. wanted.Select(i => batch[i].Photo!.Sample)];
            foreach ((int i, Outcome outcome) in wanted.Zip(created[m].Explain(samples, notes, cancellation)))
                (explanations[m, i], failures[i]) = (outcome.Explanation, failures[i] ?? outcome.Failure);
        }
        var records = new List<EvaluationRecord>[batch.Count];
        for (int i = 0; i < batch.Count; i++)
        {
            string path = batch[i].File.Path;
            records[i] = failures[i] is not { } failure ? [] :
                [new FailedPhoto(path, $"{path}: {failure.Reason}. {failure.Remedy}") { Name = batch[i].File.Name }];
        }
        int[] explained = [.. Enumerable.Range(0, batch.Count).Where(i => records[i].Count == 0)];
        for (int n = 0; n < measures.Count; n++)
        {
            for (int m = 0; m < methods.Count; m++)
            {
                int[] counted = [.. explained.Where(i => batch[i].Wanted[m, n])];
                if (counted.Length == 0)
                    continue;
                ExplainedPhoto[] maps = [.. counted.Select(i => new ExplainedPhoto(batch[i].Photo!, explanations[m, i]!))];
                foreach ((int i, IReadOnlyList<Quantity> numbers) in counted.Zip(measures[n].Measure(methods[m], maps, cancellation)))
                {
                    int target = explanations[m, i]!.Target;
                    // A method that was told to explain the prediction says so, also where the label is known.
                    TargetSource from = target == batch[i].Photo!.Label ? batch[i].Photo!.TargetFrom : TargetSource.Prediction;
                    var record = new Measurement(batch[i].File.Path, methods[m].Name, measures[n].Name, target, from, numbers)
                    {
                        Arithmetic = photos.Classifier.Arithmetic,
                    };
                    records[i].Add(Identified(record, batch[i], n, _settings[n][m]));
                }
            }
        }
        return records.SelectMany(of => of);
    }

    private static EvaluationRecord Identified(EvaluationRecord record, ReadPhoto photo, int measure, EvaluationSettings settings) =>
        record with { Name = photo.File.Name, Sha256 = photo.Sha256, Truth = photo.Truths[measure], Settings = settings.Id };

    /// <summary>A photo of a batch.</summary>
    /// <param name="File">The file.</param>
    /// <param name="Sha256">SHA-256 of its bytes; empty if they could not be read.</param>
    /// <param name="Truths">For each measure, <see cref="LabelledPhotos.Truth"/>; empty if it could not be read.</param>
    /// <param name="Wanted">For each method and measure, whether its record is to be computed.</param>
    /// <param name="Photo">The photo; null if it could not be read or nothing is wanted of it.</param>
    /// <param name="Failure">Why it could not be read; null if it could.</param>
    private sealed record ReadPhoto(ImageFile File, string Sha256, string[] Truths, bool[,] Wanted, LabelledPhoto? Photo, string? Failure);
}
