using Engine.Backends;
using Engine.Networks;
using Engine.Tensors;
using Iba.Attribution;
using Iba.Bottleneck;
using Iba.Statistics;
using Tests;
using Weights;

namespace Benchmarks;

/// <summary>
/// The per-sample bottleneck on one 224 x 224 picture with the paper's settings, 10 steps x 10 copies; weights, picture and statistics are made up.
/// </summary>
internal sealed class WholeAttribution : IDisposable
{
    private static readonly Shape Image = new(1, 224, 224, 3);

    private readonly PerSampleBottleneck _bottleneck;
    private readonly Sample[] _samples;

    public WholeAttribution(string name, IBackend backend)
    {
        Network network = NetworkBuilder.Build(name, backend, new RandomParameters(backend, seed: 1));
        FeatureOrigin origin = FeatureOrigin.Of(network, name == Vgg16.Name ? Vgg16.DefaultLayer : ResNet50.DefaultLayer, Image, "");
        float[] zero = new float[origin.Shape.Count], one = new float[origin.Shape.Count], pixels = new float[Image.Count];
        Array.Fill(one, 1f);
        var random = new Random(1);
        for (int i = 0; i < pixels.Length; i++)
            pixels[i] = random.NextSingle() * 4 - 2;
        _bottleneck = new PerSampleBottleneck(network, new FeatureStatistics(origin, FeatureStatistics.EnoughSamples, zero, one, one, one), Image);
        _samples = [new Sample(pixels, Target: 0)];
    }

    public Attribution Run() => _bottleneck.Attribute(_samples).Single();

    public void Dispose() => _bottleneck.Dispose();
}
