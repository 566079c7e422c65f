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
        _samples = [.. FullSizeNetwork.Pixels(batch).Chunk(FullSizeNetwork.Image.Count)
            .Select((pixels, i) => new Sample(pixels, Target: i) { Preprocessing = null })];
    }

    public BottleneckExplanation[] Run() => [.. _bottleneck.Attribute(_samples).Cast<BottleneckExplanation>()];

    public void Dispose() => _bottleneck.Dispose();
}
