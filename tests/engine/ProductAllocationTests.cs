using Iba.Engine.Backends.Cpu;
using Iba.Engine.Tensors;
using Xunit;

namespace Tests.Engine;

/// <summary>Runs while no other test does, because every thread of the process is counted.</summary>
[CollectionDefinition(nameof(ProductAllocationTests), DisableParallelization = true)]
[Collection(nameof(ProductAllocationTests))]
public sealed class ProductAllocationTests
{
    private const int Calls = 200;

    [Fact]
    public void Convolutions_and_linear_layers_allocate_nothing_once_a_shape_has_run()
    {
        using var backend = new CpuBackend(2) { WinogradWhereverItFits = true };
        using var numbers = new TestTensors(backend);
        ConvolutionCase c = ConvolutionCase.OfNetworks.ElementAt(1);
        Tensor x = numbers.Upload(c.XNumbers), w = numbers.Upload(c.WNumbers), dy = numbers.Upload(c.DyNumbers), bias = numbers.Empty(new(c.K));
        Tensor y = numbers.Empty(c.Y), dx = numbers.Empty(c.X), dw = numbers.Empty(c.W);
        ConvolutionCase winograd = WinogradTests.Layer;
        Tensor x3 = numbers.Upload(winograd.XNumbers), w3 = numbers.Upload(winograd.WNumbers), y3 = numbers.Empty(winograd.Y);
        Tensor weights = numbers.Empty(new(30, c.X.Row)), logits = numbers.Empty(new(c.X.N, 30));

        for (int i = 0; i < Calls; i++)
            AllVerbs();
        // The JIT's threads and the runner's may allocate meanwhile: the smallest of several trials counts, and less than the
        // smallest object per call is allowed.
        long least = long.MaxValue;
        for (int trial = 0; trial < 5; trial++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            for (int i = 0; i < Calls; i++)
                AllVerbs();
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }
        Assert.True(least < 16 * Calls, $"{least / (double)Calls:F1} bytes allocated per call");

        void AllVerbs()
        {
            backend.Convolution(x, w, bias, null, relu: true, c.Geometry, y);
            backend.ConvolutionBackwardData(dy, w, c.Geometry, new(dx, Adds: false));
            backend.Convolution(x3, w3, null, null, relu: true, winograd.Geometry, y3);
            backend.ConvolutionBackwardData(y3, w3, winograd.Geometry, new(x3, Adds: false));
            backend.ConvolutionBackwardWeights(x, dy, c.Geometry, new(dw, Adds: false));
            backend.BiasBackward(dy, new(bias, Adds: false));
            backend.Linear(x, weights, null, relu: false, logits);
            backend.LinearBackwardData(logits, weights, new(dx, Adds: false));
            backend.LinearBackwardWeights(x, logits, new(weights, Adds: true));
        }
    }
}
