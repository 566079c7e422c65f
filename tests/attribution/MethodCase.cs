using Iba;
using Iba.Backpropagation;
using Iba.Bottleneck;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Iba.Methods;
using Iba.Relevance;
using Iba.Statistics;
using Tests.Bottleneck;
using Tests.Devices;
using Tests.Networks;
using Xunit;
using Result = Iba.Explanation;

namespace Tests.Attribution;

/// <summary>
/// A golden network with eight images, and statistics, patterns and a readout, fitted to those images on first use. Tests run every method on it.
/// </summary>
internal sealed class MethodCase : IDisposable
{
    /// <summary>Memory budgets for one row at a time, for a few, and for all rows at once.</summary>
    public const long Least = 1, Some = 12 << 20, Ample = 1L << 30;

    private readonly NarrowNetwork _narrow;
    private readonly MethodCase? _fitted;
    private readonly string _method;
    private readonly bool _isSlow;

    /// <param name="method">On the command line.</param>
    /// <param name="network">One of <see cref="NarrowNetwork.Names"/>.</param>
    /// <param name="on">Where it is to run.</param>
    /// <param name="fitted">The same case on another device, whose statistics and patterns are used; null to fit them on this one.</param>
    /// <param name="isSlow">Whether to use small images and few versions of each.</param>
    public MethodCase(string method, string network, Device on, bool isSlow, MethodCase? fitted = null)
    {
        (_narrow, _fitted, _method, _isSlow) = (NarrowNetwork.Open(network, on), fitted, method, isSlow);
        GoldenFile golden = Golden.Open($"{network}.expected.safetensors");
        // Where the last layers have one cell, Grad-CAM's map is the same everywhere, and a pattern has one place an image to be fitted to.
        int whole = golden.Shape("input")[^1], side = !isSlow ? whole : method is "grad-cam" or "guided-grad-cam" or "pattern" ? 64 : 32;
        Image = new Shape(1, side, side, 3);
        float[] pixels = Middle(golden.NHWC("input"), whole, side);
        Samples = [.. Draws.Images(pixels, 8)
            .Select((pixels, i) => new Sample(pixels, i % 2 == 0 ? null : (int)golden.Longs("target")[0]) { Preprocessing = null })];
    }

    public static MatrixTheoryData<string, string> EveryMethodOnEveryNetwork =>
        new MatrixTheoryData<string, string>([.. AttributionMethods.All.Select(kind => kind.Name)], [.. NarrowNetwork.Names.Select(row => row.Data)]);

    public Network Network => _narrow.Network;

    public Shape Image { get; }

    /// <summary>Every other one with a class to explain.</summary>
    public Sample[] Samples { get; }

    public FeatureStatistics Statistics => field ??= _fitted?.Statistics
        ?? Estimation.Run(Network, Network.Architecture!.DefaultLayer, Image, Photos);

    /// <summary>Of the layers that the readout looks at.</summary>
    public StatisticsSet Depths => field ??= _fitted?.Depths ?? Estimation.Run(Network, Network.Architecture!.ReadoutLayers, Image, Photos);

    public Patterns Patterns => field ??= _fitted?.Patterns ?? PatternFit.Run(Network, Image, Photos);

    private ReadoutNetwork Readout => field ??= ReadoutCase.Vary(new ReadoutNetwork(Network.Backend, Depths), Network.Backend);

    private IEnumerable<float[]> Photos => Samples.Select(sample => sample.Pixels);

    /// <summary>Explains images.</summary>
    public Result[] Run(int batch, long memory, IReadOnlyList<Sample> samples)
    {
        using IAttributionMethod method = Create(batch, memory);
        Assert.Equal(_method, method.Name);
        return [.. method.Attribute(samples)];
    }

    private IAttributionMethod Create(int batch, long memory) => _method switch
    {
        "smoothgrad" when _isSlow => new SmoothGrad(Network, Image) { Samples = 5, MemoryBudget = memory },
        "integrated-gradients" when _isSlow => new IntegratedGradients(Network, Image) { Steps = 5, MemoryBudget = memory },
        _ => AttributionMethods.Find(_method).Create(Inputs with
        {
            Statistics = AttributionMethods.Find(_method).Needs == MethodNeeds.Statistics ? Statistics : null,
            Patterns = AttributionMethods.Find(_method).Needs == MethodNeeds.Patterns ? Patterns : null,
            Batch = batch,
            MemoryBudget = memory,
        }),
    };

    /// <summary>What methods are created from, without statistics and patterns.</summary>
    public MethodInputs Inputs => new(Network, Image)
    {
        Readout = from => new ReadoutBottleneck(from.Network, Readout, from.Image, from.Batch),
        Bottleneck = new BottleneckSettings { Steps = 3, Copies = 2 },
        Class = ExplainedClass.Target,
    };

    public void Dispose() => _narrow.Dispose();

    private static float[] Middle(float[] image, int whole, int side)
    {
        int margin = (whole - side) / 2;
        return [.. Enumerable.Range(margin, side).SelectMany(row => image[((row * whole + margin) * 3)..((row * whole + margin + side) * 3)])];
    }
}
