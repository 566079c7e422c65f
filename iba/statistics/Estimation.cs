using Engine.Networks;
using Engine.Tensors;

namespace Iba.Statistics;

/// <summary>Runs images through the first layers of a network and learns how the features are distributed.</summary>
public static class Estimation
{
    /// <summary>Statistics of a layer over many images.</summary>
    /// <param name="network">The classifier.</param>
    /// <param name="layer">The layer's name; <c>layer2</c> stands for its last block.</param>
    /// <param name="image">(1, H, W, 3) the shape of an image.</param>
    /// <param name="images">The images' numbers, taken one by one.</param>
    /// <param name="batch">Images to run at a time; the result does not depend on it.</param>
    /// <param name="weightsSha256">SHA-256 of the network's weights, kept with the statistics; empty if unknown.</param>
    /// <param name="progress">Told the number of images seen.</param>
    /// <param name="cancellation">Asked between batches.</param>
    /// <exception cref="InvalidOperationException">There were fewer than two images.</exception>
    public static FeatureStatistics Run(
        Network network, string layer, Shape image, IEnumerable<float[]> images, int batch = 8, string weightsSha256 = "",
        IProgress<long>? progress = null, CancellationToken cancellation = default)
    {
        using var trunk = new Inference(network.Until(layer), image.WithN(batch));
        int neurons = trunk.Output.Shape.Row;
        var features = new float[trunk.Output.Shape.Count];
        var estimator = new FeatureEstimator(neurons);
        foreach (float[][] chunk in images.Chunk(batch))
        {
            cancellation.ThrowIfCancellationRequested();
            for (int i = 0; i < chunk.Length; i++)
                network.Backend.Upload(chunk[i], trunk.Input.Rows(i, 1));
            trunk.Run();
            network.Backend.Download(trunk.Output, features);
            estimator.Add(features.AsSpan(0, chunk.Length * neurons));
            progress?.Report(estimator.Samples);
        }
        return estimator.Finish(new FeatureOrigin(network.Name, network.Resolve(layer), trunk.Output.Shape.WithN(1), weightsSha256));
    }
}
