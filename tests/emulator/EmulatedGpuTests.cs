using Iba.Engine.Backends;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Tensors;
using Tests.Engine;
using Xunit;

namespace Tests.Emulator;

/// <summary>The emulated GPU detects mistakes: each kernel of shim/faults.cu makes one, and each launch here another.</summary>
public sealed class EmulatedGpuTests : IDisposable
{
    private readonly EmulatedGpu _gpu = new();
    private readonly TestTensors _numbers;

    public EmulatedGpuTests() => _numbers = new TestTensors(_gpu.Backend);

    public void Dispose()
    {
        _numbers.Dispose();
        _gpu.Dispose();
    }

    [Theory]
    [InlineData("fault_missing_thread", 64, "others never reach")]
    [InlineData("fault_two_barriers", 64, "different lines")]
    [InlineData("fault_partial_warp", 40, "others never reach")]
    [InlineData("fault_partial_mask", 32, "some lanes only")]
    [InlineData("fault_past_the_end", 8, "fault_past_the_end writes past the last of 32 bytes")]
    [InlineData("fault_before_the_start", 9, "fault_before_the_start writes before the first of 36 bytes")]
    [InlineData("fault_shared", 8, "shared memory")]
    public void A_mistake_of_a_kernel_loses_the_device_and_is_named(string kernel, int threads, string message)
    {
        Tensor y = _numbers.Empty(new Shape(threads));
        Assert.Contains(message, Lost(() => Run(kernel, threads, y)));
        Assert.Throws<DeviceLostException>(() => _gpu.Backend.Fill(y, 1));
    }

    [Fact]
    public void A_write_to_an_argument_declared_const_is_found()
    {
        Tensor x = _numbers.Random(new Shape(8)), y = _numbers.Empty(x.Shape);
        Assert.Contains("fault_input_written changes 32 bytes that it is only given to read", Lost(() => Run("fault_input_written", 8, x, y)));
    }

    [Fact]
    public void A_write_to_an_argument_declared_const_in_a_struct_is_found()
    {
        Tensor x = _numbers.Random(new Shape(8)), y = _numbers.Empty(x.Shape);
        Assert.Contains("only given to read", Lost(() => Run("fault_input_of_a_struct_written", 8, x, y)));
    }

    [Fact]
    public void A_read_past_the_end_is_NaN()
    {
        Tensor x = _numbers.Random(new Shape(8)), y = _numbers.Upload(new Shape(8), new float[8]);
        Run("fault_read_past_the_end", 8, x, y);
        float[] read = _numbers.Download(y);
        Assert.Equal(_numbers.Download(x)[1..], read[..7]);
        Assert.True(float.IsNaN(read[7]));
    }

    [Fact]
    public void An_element_that_is_never_written_is_NaN()
    {
        Tensor y = _numbers.Empty(new Shape(8));
        Run("fault_unwritten", 8, y);
        Assert.Equal([1, 1, 1, 1, 1, 1, 1, float.NaN], _numbers.Download(y));
    }

    /// <summary>Each launch takes one of the two orders, by a fixed seed. The first sees other contents of shared memory than those after it.</summary>
    [Fact]
    public void A_missing_barrier_shows_in_one_order_of_the_threads()
    {
        Tensor y = _numbers.Empty(new Shape(64));
        string[] results = [.. Enumerable.Range(0, 11).Select(_ =>
        {
            Run("fault_race", 64, y);
            return string.Join(' ', _numbers.Download(y));
        })];
        Assert.Equal(2, results[1..].Distinct().Count());
    }

    [Fact]
    public void Arguments_of_another_size_than_the_kernels_are_found() => IsRefused("8, 8, 4", Argument.Of(1.0), _numbers.Empty(new Shape(8)), 8);

    [Fact]
    public void An_argument_that_is_missing_is_found() => IsRefused("4, 8", 1f, _numbers.Empty(new Shape(8)));

    [Fact]
    public void An_argument_too_many_is_found() => IsRefused("4, 8, 4, 4", 1f, _numbers.Empty(new Shape(8)), 8, 8);

    [Fact]
    public void A_kernel_of_another_file_is_not_found()
    {
        Tensor y = _numbers.Empty(new Shape(8));
        CudaException missing = Assert.Throws<CudaException>(() => _gpu.Run(new Launch("relu", "copy_forward", new(1), new(256), y, y, 8)));
        Assert.Contains("cuModuleGetFunction(copy_forward) failed with CUDA_ERROR_NOT_FOUND", missing.Message);
    }

    [Fact]
    public void A_mistake_in_a_captured_loop_is_found_when_it_is_replayed()
    {
        Tensor isWrong = _numbers.Zeros(new Shape(1)), y = _numbers.Empty(new Shape(8));
        using IReplay loop = _gpu.Backend.Replay(() => Run("fault_past_the_end_if", 8, isWrong, y));
        for (int run = 0; run < 3; run++)
            loop.Run();
        _gpu.Backend.Fill(isWrong, 1);
        Assert.Contains("fault_past_the_end_if writes past the last of 32 bytes", Lost(loop.Run));
    }

    private void IsRefused(string sizes, params Argument[] arguments) => Assert.Contains(
        $"fill_forward has arguments of {sizes} bytes for parameters of 4, 8, 4",
        Lost(() => _gpu.Run(new Launch("elementwise", "fill_forward", new Extent(1), new Extent(256), arguments))));

    private static string Lost(Action use) => Assert.Throws<DeviceLostException>(use).Message;

    private void Run(string kernel, int threads, params ReadOnlySpan<Tensor> tensors)
    {
        var arguments = new Argument[tensors.Length];
        for (int i = 0; i < tensors.Length; i++)
            arguments[i] = tensors[i];
        _gpu.Run(new Launch("elementwise", kernel, new Extent(1), new Extent((uint)threads), arguments));
    }
}
