using Iba.Engine.Backends;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Iba.Statistics;
using Tests;

namespace Benchmarks;

/// <summary>A network of torchvision's size for pictures of 224 x 224, with random weights and made-up statistics at the paper's layer.</summary>
internal sealed class FullSizeNetwork
{
    public FullSizeNetwork(string architecture, IBackend backend)
    {
        Network = Architecture.Named(architecture).Build(backend, new RandomParameters(backend, seed: 1));
        FeatureOrigin origin = FeatureOrigin.Of(Network, Network.Architecture!.DefaultLayer, Image, "");
        float[] zeros = new float[origin.Shape.Count], ones = [.. zeros.Select(_ => 1f)];
        Statistics = new FeatureStatistics(origin, FeatureStatistics.EnoughSamples, zeros, ones, ones, ones);
    }

    public static Shape Image { get; } = new(1, 224, 224, 3);

    public Network Network { get; }

    /// <summary>The pixels of a batch of random pictures.</summary>
    public static float[] Pixels(int batch)
    {
        var random = new Random(batch);
        return [.. Enumerable.Range(0, batch * Image.Count).Select(_ => 4 * random.NextSingle() - 2)];
    }

    /// <summary>Mean 0 and spread 1 everywhere.</summary>
    public FeatureStatistics Statistics { get; }
}
