using Iba.Datasets;
using Iba.Images;

namespace Iba.Evaluation;

/// <summary>Explains photos by several methods, batch by batch, and gives each map to every measure: a map is computed once.</summary>
/// <param name="photos">The photos.</param>
/// <param name="methods">The methods.</param>
/// <param name="measures">The measures; they stay the caller's.</param>
public sealed class EvaluationRun(LabelledPhotos photos, IReadOnlyList<EvaluatedMethod> methods, IReadOnlyList<IMeasure> measures)
{
    /// <summary>Photos to explain at a time.</summary>
    public int Batch { get; init; } = 4;

    /// <summary>
    /// Runs the evaluation. A photo's measurements come one after the other, and only after all methods have explained it: a run that is stopped has
    /// the same photos for every method.
    /// </summary>
    /// <param name="progress">Told how many photos are done, and what methods have to say.</param>
    /// <param name="cancellation">Checked between photos and steps.</param>
    /// <exception cref="ArgumentException">Something that a method needs is missing.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public IEnumerable<EvaluationRecord> Records(IProgress<AttributionProgress>? progress = null, CancellationToken cancellation = default)
    {
        var created = new List<IAttributionMethod>();
        try
        {
            foreach (EvaluatedMethod method in methods)
                created.Add(method.Create());
            int done = 0;
            var notes = new ProgressRelay<AttributionProgress>(at =>
            {
                if (at.Note is not null)
                    progress?.Report(new AttributionProgress(done, photos.Files.Count, 0, 1, at.Note));
            });
            // Methods cut the lists that they are given. Files are cut here because photos take memory once they are read.
            foreach (ImageFile[] files in photos.Files.Chunk(Batch))
            {
                var batch = new List<Candidate>();
                foreach (ImageFile file in files)
                {
                    cancellation.ThrowIfCancellationRequested();
                    (LabelledPhoto? photo, FailedPhoto? failure) = Read(file, cancellation);
                    if (failure is not null)
                        yield return failure;
                    if (photo is null)
                        continue;
                    string?[] reasons = [.. measures.Select(measure => measure.LeftOut(photo))];
                    foreach ((IMeasure measure, string? reason) in measures.Zip(reasons))
                    {
                        if (reason is not null)
                            yield return new LeftOutPhoto(photo.File.Path, measure.Name, reason);
                    }
                    if (reasons.Contains(null))
                        batch.Add(new Candidate(photo, reasons));
                }
                foreach (EvaluationRecord record in Evaluate(batch, created, notes, cancellation))
                    yield return record;
                progress?.Report(new AttributionProgress(done += files.Length, photos.Files.Count, 0, 1));
            }
        }
        finally
        {
            created.ForEach(method => method.Dispose());
        }
    }

    private (LabelledPhoto? Photo, FailedPhoto? Failure) Read(ImageFile file, CancellationToken cancellation)
    {
        try
        {
            return (photos.Read(file, cancellation), null);
        }
        catch (Exception failure) when (failure is ImageException or DatasetException)
        {
            return (null, new FailedPhoto(file.Path, failure.Message));
        }
    }

    private IEnumerable<EvaluationRecord> Evaluate(
        List<Candidate> batch, List<IAttributionMethod> created, IProgress<AttributionProgress> notes, CancellationToken cancellation)
    {
        if (batch.Count == 0)
            return [];
        Sample[] samples = [.. batch.Select(each => each.Photo.Sample)];
        Outcome[][] outcomes = [.. created.Select(method => method.Explain(samples, notes, cancellation).ToArray())];
        var records = new List<EvaluationRecord>[batch.Count];
        for (int i = 0; i < batch.Count; i++)
        {
            string path = batch[i].Photo.File.Path;
            NonFiniteException? failure = outcomes.Select(of => of[i].Failure).FirstOrDefault(failure => failure is not null);
            records[i] = failure is null ? [] : [new FailedPhoto(path, $"{path}: {failure.Reason}. {failure.Remedy}")];
        }
        int[] explained = [.. Enumerable.Range(0, batch.Count).Where(i => records[i].Count == 0)];
        for (int m = 0; m < measures.Count; m++)
        {
            int[] counted = [.. explained.Where(i => batch[i].LeftOut[m] is null)];
            foreach ((EvaluatedMethod method, Outcome[] outcome) in methods.Zip(outcomes))
            {
                if (measures[m].LeftOut(method) is not null)
                    continue;
                ExplainedPhoto[] maps = [.. counted.Select(i => new ExplainedPhoto(batch[i].Photo, outcome[i].Explanation!))];
                foreach ((int i, IReadOnlyList<Quantity> numbers) in counted.Zip(measures[m].Measure(method, maps, cancellation)))
                    records[i].Add(Record(batch[i].Photo, outcome[i].Explanation!.Target, method, measures[m], numbers));
            }
        }
        return records.SelectMany(of => of);
    }

    private static Measurement Record(LabelledPhoto photo, int target, EvaluatedMethod method, IMeasure measure, IReadOnlyList<Quantity> numbers) =>
        // A method that was told to explain the prediction says so, also where the label is known.
        new(photo.File.Path, method.Name, measure.Name, target, target == photo.Label ? photo.TargetFrom : TargetSource.Prediction, numbers);

    /// <summary>A photo to explain.</summary>
    /// <param name="Photo">The photo.</param>
    /// <param name="LeftOut">For each measure, why it leaves the photo out, or null.</param>
    private sealed record Candidate(LabelledPhoto Photo, string?[] LeftOut);
}
