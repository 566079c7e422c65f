using Iba;
using Iba.Bottleneck;
using Iba.Engine.Backends;
using Iba.Engine.Tensors;
using Iba.Statistics;
using Tests.Devices;
using Tests.Networks;

namespace Tests.Bottleneck;

/// <summary>A golden network, statistics of random images, and those images as examples: for tests of the readout.</summary>
internal sealed class ReadoutCase : IReadoutExamples, IDisposable
{
    public const int Size = 64;

    private readonly float[][] _images;
    private readonly NarrowNetwork _narrow;

    public ReadoutCase(string name = "resnet50-narrow", Device? on = null)
    {
        _narrow = NarrowNetwork.Open(name, on);
        var random = new Random(3);
        _images = [.. Enumerable.Range(0, 6).Select(_ => Enumerable.Range(0, Image.Count).Select(_ => 4 * random.NextSingle() - 2).ToArray())];
        Statistics = Estimation.Run(Network, Network.Architecture!.ReadoutLayers, Image, _images, batch: 3, weightsSha256: Weights);
    }

    public static string Weights => new('a', 64);

    public Shape Image { get; } = new(1, Size, Size, 3);

    public global::Iba.Engine.Networks.Network Network => _narrow.Network;

    public IBackend Backend => _narrow.Backend;

    public StatisticsSet Statistics { get; }

    public string Description { get; init; } = "random images";

    public Sample[] Samples => [.. _images.Select((image, i) => new Sample(image, i % 2 == 0 ? i : null) { Preprocessing = null })];

    public Sample At(long position) => Samples[position % _images.Length];

    public ReadoutNetwork Fresh(ReadoutSettings? settings = null, StatisticsSet? statistics = null) => new(Backend, statistics ?? Statistics, settings);

    /// <summary>A readout whose masks differ from place to place, as those of a trained one do.</summary>
    public ReadoutNetwork Varied(ReadoutSettings? settings = null) => Vary(Fresh(settings), Backend);

    /// <summary>Makes a fresh readout's masks differ from place to place.</summary>
    public static ReadoutNetwork Vary(ReadoutNetwork readout, IBackend backend)
    {
        var random = new Random(7);
        Tensor last = readout.Parameters[^2].Data, bias = readout.Parameters[^1].Data;
        backend.Upload([.. Enumerable.Range(0, last.Shape.Count).Select(_ => random.NextSingle() - 0.5f)], last);
        backend.Fill(bias, 0f);
        return readout;
    }

    public float[] Read(Tensor tensor) => Backend.Read(tensor);

    public void Dispose() => _narrow.Dispose();
}
