using Iba.Engine.Backends.Cuda;
using Iba.Engine.Tensors;
using Tests.Emulator;
using Xunit;
using Xunit.Sdk;

namespace Tests.Kernels;

/// <summary>The shim finds what it is there to find: each kernel of shim/faults.cu makes one mistake.</summary>
public sealed class ShimTests : IDisposable
{
    private readonly ShimDevice _device = new(seed: 4);

    public void Dispose() => _device.Dispose();

    [Theory]
    [InlineData("fault_missing_thread", 64, "others never reach")]
    [InlineData("fault_two_barriers", 64, "different lines")]
    [InlineData("fault_partial_warp", 40, "others never reach")]
    [InlineData("fault_partial_mask", 32, "some lanes only")]
    [InlineData("fault_past_the_end", 8, "past a buffer")]
    [InlineData("fault_shared", 8, "shared memory")]
    public void A_mistake_is_found(string kernel, int threads, string message)
    {
        Tensor y = _device.Output(new Shape(threads));
        XunitException error = Assert.ThrowsAny<XunitException>(() => _device.Run(Fault(kernel, threads, y)));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_barrier_shows_in_one_order_of_the_threads()
    {
        Tensor y = _device.Output(new Shape(64));
        var results = new List<float[]>();
        foreach (bool fromLast in (ReadOnlySpan<bool>)[false, true])
        {
            Launch launch = Fault("fault_race", 64, y);
            Shim.Get().Run(in launch, fromLast);
            results.Add(ShimDevice.Span(y).ToArray());
        }
        Assert.NotEqual(results[0], results[1]);
    }

    [Fact]
    public void Arguments_that_are_not_the_kernels_are_refused()
    {
        Tensor y = _device.Output(new Shape(8));
        Assert.ThrowsAny<XunitException>(() => _device.Run(new Launch("elementwise", "fill_forward", new(1), new(256), Argument.Of(1.0), y, 8)));
        Assert.ThrowsAny<XunitException>(() => _device.Run(new Launch("elementwise", "fill_forward", new(1), new(256), 1f, y)));
    }

    private static Launch Fault(string kernel, int threads, Tensor y) => new("faults", kernel, new Extent(1), new Extent((uint)threads), y);
}
