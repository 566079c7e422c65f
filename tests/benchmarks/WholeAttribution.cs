using Iba;
using Iba.Bottleneck;

namespace Benchmarks;

/// <summary>The per-sample bottleneck with the paper's settings, 10 steps x 10 copies, on a batch of random pictures.</summary>
internal sealed class WholeAttribution : IDisposable
{
    private readonly PerSampleBottleneck _bottleneck;
    private readonly Sample[] _samples;

    public WholeAttribution(FullSizeNetwork network, int batch = 1)
    {
        _bottleneck = new PerSampleBottleneck(network.Network, network.Statistics, FullSizeNetwork.Image, batch);
        var random = new Random(batch);
        _samples = [.. Enumerable.Range(0, batch).Select(i => new Sample(Pixels(), Target: i) { Preprocessing = null })];

        float[] Pixels() => [.. Enumerable.Range(0, FullSizeNetwork.Image.Count).Select(_ => 4 * random.NextSingle() - 2)];
    }

    public BottleneckExplanation[] Run() => [.. _bottleneck.Attribute(_samples).Cast<BottleneckExplanation>()];

    public void Dispose() => _bottleneck.Dispose();
}
