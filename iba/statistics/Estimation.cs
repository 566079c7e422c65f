using System.Diagnostics;
using Iba.Datasets;
using Iba.Engine.Files;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Iba.Images;

namespace Iba.Statistics;

/// <summary>Estimates the distribution of a layer's features from images.</summary>
public static class Estimation
{
    private const int UsualBatch = 8;

    /// <summary>Statistics of a layer over many images.</summary>
    /// <param name="network">The classifier.</param>
    /// <param name="layer">The layer's name; <c>layer2</c> stands for its last block.</param>
    /// <param name="image">(1, H, W, 3) the shape of an image.</param>
    /// <param name="images">The images' elements, enumerated once.</param>
    /// <param name="batch">Images per batch; the result does not depend on it.</param>
    /// <param name="weightsSha256">SHA-256 of the network's weights, kept with the statistics; empty if unknown.</param>
    /// <param name="preprocessing">How the images were prepared, kept with the statistics; null if unknown.</param>
    /// <param name="progress">Called with the number of images seen.</param>
    /// <param name="halved">Called with the new batch size when the batch was halved because the device ran out of memory.</param>
    /// <param name="cancellation">Checked between batches.</param>
    /// <exception cref="InvalidOperationException">There were fewer than two images.</exception>
    /// <exception cref="ArgumentException">An image has an element that is not finite.</exception>
    public static FeatureStatistics Run(
        Network network, string layer, Shape image, IEnumerable<float[]> images, int batch = UsualBatch, string weightsSha256 = "",
        Preprocessing? preprocessing = null, IProgress<long>? progress = null, Action<int>? halved = null, CancellationToken cancellation = default) =>
        Run(network, [layer], image, images, batch, weightsSha256, preprocessing, progress, halved, cancellation).First;

    /// <summary>Statistics of several layers over some photos of a set, spread evenly.</summary>
    /// <param name="classifier">The network, and how its photos are prepared.</param>
    /// <param name="photos">The photos; files that are not photos are left out.</param>
    /// <param name="layers">The layers' names.</param>
    /// <param name="samples">The number of photos to use; all of them if there are fewer.</param>
    /// <param name="progress">Called with the number of photos seen.</param>
    /// <param name="halved">Called with the new batch size when the batch was halved because the device ran out of memory.</param>
    /// <param name="leftOut">Called for each file that is left out.</param>
    /// <param name="cancellation">Checked between batches.</param>
    /// <exception cref="InvalidOperationException">There are fewer than two photos.</exception>
    public static StatisticsSet Run(
        Classifier classifier, PhotoSet photos, IReadOnlyList<string> layers, int samples = FeatureStatistics.UsualSamples, IProgress<long>? progress = null,
        Action<int>? halved = null, Action<ImageException>? leftOut = null, CancellationToken cancellation = default) =>
        Run(classifier.Network, layers, classifier.Image, photos.Inputs(classifier, samples, leftOut, cancellation),
            weightsSha256: classifier.WeightsSha256, preprocessing: classifier.Preprocessing, progress: progress, halved: halved, cancellation: cancellation);

    /// <summary>Statistics of several layers over the same images, each image run once.</summary>
    /// <param name="network">The classifier.</param>
    /// <param name="layers">The layers' names.</param>
    /// <param name="image">(1, H, W, 3) the shape of an image.</param>
    /// <param name="images">The images' elements, enumerated once.</param>
    /// <param name="batch">Images per batch; the result does not depend on it.</param>
    /// <param name="weightsSha256">SHA-256 of the network's weights, kept with the statistics; empty if unknown.</param>
    /// <param name="preprocessing">How the images were prepared, kept with the statistics; null if unknown.</param>
    /// <param name="progress">Called with the number of images seen.</param>
    /// <param name="halved">Called with the new batch size when the batch was halved because the device ran out of memory.</param>
    /// <param name="cancellation">Checked between batches.</param>
    /// <exception cref="InvalidOperationException">There were fewer than two images.</exception>
    /// <exception cref="ArgumentException">An image has an element that is not finite.</exception>
    public static StatisticsSet Run(
        Network network, IReadOnlyList<string> layers, Shape image, IEnumerable<float[]> images, int batch = UsualBatch, string weightsSha256 = "",
        Preprocessing? preprocessing = null, IProgress<long>? progress = null, Action<int>? halved = null, CancellationToken cancellation = default)
    {
        FeatureOrigin[] origins =
        [
            .. layers.Select(layer => FeatureOrigin.Of(network, layer, image, weightsSha256) with { Preprocessing = $"{preprocessing}" }),
        ];
        FeatureEstimator[] estimators = [.. origins.Select(origin => new FeatureEstimator(origin.Shape.Count))];
        Add(network, origins, image, images, batch, estimators, () => progress?.Report(estimators[0].Samples), halved, cancellation);
        return new StatisticsSet([.. estimators.Zip(origins, (estimator, origin) => estimator.Finish(origin))]);
    }

    /// <summary>
    /// The sums of a layer over a part of some photos of a set, spread evenly. They are saved after the first batch, then at intervals, and when the run is
    /// cancelled. A later call with the same file goes on from it and ends with the same bits as a call that nothing interrupted.
    /// </summary>
    /// <param name="classifier">The network, and how its photos are prepared.</param>
    /// <param name="photos">The photos; files that are not photos are left out.</param>
    /// <param name="layer">The layer's name.</param>
    /// <param name="path">The file to save to and to go on from. It stays until the caller deletes it. Null: nothing is saved.</param>
    /// <param name="shard">The part of the photos; all of them by default.</param>
    /// <param name="samples">The number of photos to use in all parts; all of them if there are fewer.</param>
    /// <param name="saveEvery">Time between two saves, a minute by default: the work that is lost if the process is killed.</param>
    /// <param name="progress">Called with the number of photos seen.</param>
    /// <param name="halved">Called with the new batch size when the batch was halved because the device ran out of memory.</param>
    /// <param name="leftOut">Called for each file that is left out.</param>
    /// <param name="cancellation">Checked between batches.</param>
    /// <exception cref="StatisticsException">The file is damaged, or was begun with other settings or photos.</exception>
    /// <exception cref="FileWriteException">The file cannot be written.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public static PartialStatistics RunPart(
        Classifier classifier, PhotoSet photos, string layer, string? path, Shard? shard = null, int samples = FeatureStatistics.UsualSamples,
        TimeSpan? saveEvery = null, IProgress<long>? progress = null, Action<int>? halved = null, Action<ImageException>? leftOut = null,
        CancellationToken cancellation = default)
    {
        PartialStatistics part = PartialStatistics.Begin(classifier, photos, layer, shard ?? Shard.Whole, samples);
        if (File.Exists(path))
            part = part.Resume(path, cancellation);
        int passedOver = part.LeftOut;
        IEnumerable<float[]> images = PhotoSet.Inputs(classifier, part.Shard.Of(photos.Spread(samples)).Skip(part.Done), failure =>
        {
            passedOver++;
            leftOut?.Invoke(failure);
        }, cancellation);
        Stopwatch? sinceSave = null;
        progress?.Report(part.Features.Samples);
        try
        {
            Add(classifier.Network, [part.Origin], classifier.Image, images, UsualBatch, [part.Features], Added, halved, cancellation);
        }
        catch (OperationCanceledException) when (path is not null && part.Done > 0)
        {
            try
            {
                // Already cancelled: this is what is kept.
                part.Save(path, CancellationToken.None);
            }
            catch (FileWriteException)
            {
                // The caller needs the exception that ended the run. The earlier file is still there.
            }
            throw;
        }
        part.LeftOut = passedOver;
        return part;

        // A whole batch was added: a later call cuts the rest into the same batches.
        void Added()
        {
            part.LeftOut = passedOver;
            if (path is not null && !part.IsWhole && (sinceSave is null || sinceSave.Elapsed >= (saveEvery ?? TimeSpan.FromMinutes(1))))
            {
                part.Save(path, cancellation);
                sinceSave = Stopwatch.StartNew();
            }
            progress?.Report(part.Features.Samples);
        }
    }

    /// <summary>Adds images to the estimators of several layers.</summary>
    /// <param name="network">The classifier.</param>
    /// <param name="origins">The layers.</param>
    /// <param name="image">(1, H, W, 3) the shape of an image.</param>
    /// <param name="images">The images' elements, enumerated once.</param>
    /// <param name="batch">Images per batch.</param>
    /// <param name="estimators">One for each layer.</param>
    /// <param name="added">Called after every batch.</param>
    /// <param name="halved">Called with the new batch size when the device ran out of memory.</param>
    /// <param name="cancellation">Checked between batches.</param>
    private static void Add(
        Network network, FeatureOrigin[] origins, Shape image, IEnumerable<float[]> images, int batch, FeatureEstimator[] estimators, Action added,
        Action<int>? halved, CancellationToken cancellation)
    {
        Network deepest = origins.Select(origin => network.Until(origin.Layer)).MaxBy(until => until.Layers.Count)!;
        using var trunk = new BatchCache<Inference>(rows => new Inference(deepest, image.WithN(rows), [.. origins.Select(origin => origin.Layer)]));
        float[][] features = [.. origins.Select(origin => new float[batch * origin.Shape.Count])];
        // SampleBatches needs a list; these images come one by one, and only one batch of them is in memory.
        foreach (float[][] chunk in images.Chunk(batch))
        {
            cancellation.ThrowIfCancellationRequested();
            for (int done = 0; done < chunk.Length;)
            {
                int count = trunk.With(batch, (run, rows) => Forward(run, chunk.AsSpan(done, Math.Min(rows, chunk.Length - done))), halved);
                for (int layer = 0; layer < origins.Length; layer++)
                    estimators[layer].Add(features[layer].AsSpan(0, count * origins[layer].Shape.Count));
                done += count;
            }
            added();
        }

        int Forward(Inference run, ReadOnlySpan<float[]> some)
        {
            for (int i = 0; i < some.Length; i++)
            {
                Sample.CheckFinite(some[i], estimators[0].Samples + i, image);
                network.Backend.Upload(some[i], run.Input.Rows(i, 1));
            }
            run.Run();
            for (int layer = 0; layer < origins.Length; layer++)
                network.Backend.Download(run[origins[layer].Layer], features[layer].AsSpan(0, run.Input.Shape.N * origins[layer].Shape.Count));
            return some.Length;
        }
    }
}
