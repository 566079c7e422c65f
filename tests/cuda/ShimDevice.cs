using System.Runtime.InteropServices;
using Engine.Backends.Cuda;
using Engine.Tensors;
using Xunit;

namespace Tests.Cuda;

/// <summary>
/// Memory for kernels on the CPU, with guards: around every buffer lie numbers that are not numbers, so what is read there spoils the
/// result, and what is written there is found after each launch. Buffers begin at odd places, as views do; what a kernel is only
/// given must come back as it was, and what it is to write begins as not-a-number.
/// </summary>
internal sealed unsafe class ShimDevice(Random random) : IDisposable
{
    private const int Guard = 64;
    private const uint GuardBits = 0x7fc0beef;

    private readonly Shim _shim = Shim.Get();
    private readonly List<Buffer> _buffers = [];

    /// <summary>A tensor that kernels may read.</summary>
    public Tensor Input(Shape shape, ReadOnlySpan<float> numbers) => Make(shape, numbers.ToArray(), isInput: true);

    /// <summary>A tensor of one row that kernels may read.</summary>
    public Tensor Input(params ReadOnlySpan<float> numbers) => Input(new Shape(numbers.Length), numbers);

    /// <summary>A tensor of random numbers that kernels may read.</summary>
    public Tensor Random(Shape shape, float low = -1f, float high = 1f) => Input(shape, Numbers(shape, low, high));

    /// <summary>A tensor that kernels change.</summary>
    public Tensor State(Shape shape, ReadOnlySpan<float> numbers) => Make(shape, numbers.ToArray(), isInput: false);

    /// <summary>A tensor that kernels write.</summary>
    public Tensor Output(Shape shape)
    {
        float[] numbers = new float[shape.Count];
        Array.Fill(numbers, float.NaN);
        return Make(shape, numbers, isInput: false);
    }

    /// <summary>Room between two kernels, in bytes.</summary>
    public nint Scratch(long bytes) => ((IDeviceMemory)Make(new Shape((int)((bytes + 3) / 4)), new float[(bytes + 3) / 4], isInput: false, aligned: true).Storage).Address;

    /// <summary>Random numbers between two bounds.</summary>
    public float[] Numbers(Shape shape, float low = -1f, float high = 1f) =>
        [.. Enumerable.Range(0, shape.Count).Select(_ => low + (high - low) * random.NextSingle())];

    /// <summary>Runs a launch and looks at the guards and at what was only to be read.</summary>
    public void Run(Launch launch)
    {
        _shim.Run(ref launch, fromLast: random.Next(2) == 0);
        foreach (Buffer buffer in _buffers)
            buffer.Check(launch.Kernel);
    }

    /// <summary>The numbers of a tensor.</summary>
    public float[] Read(Tensor x) => new ReadOnlySpan<float>((void*)((IDeviceMemory)x.Storage).Address, x.Shape.Count).ToArray();

    public void Dispose()
    {
        foreach (Buffer buffer in _buffers)
            buffer.Dispose();
    }

    private Tensor Make(Shape shape, float[] numbers, bool isInput, bool aligned = false)
    {
        var buffer = new Buffer(numbers, isInput, aligned ? 0 : random.Next(2) * random.Next(4));
        _buffers.Add(buffer);
        return new Tensor(shape, buffer);
    }

    private sealed class Buffer : IDeviceMemory
    {
        private readonly uint* _start;
        private readonly int _before;
        private readonly int _count;
        private readonly float[]? _input;

        public Buffer(float[] numbers, bool isInput, int offset)
        {
            (_before, _count, _input) = (Guard + offset, numbers.Length, isInput ? numbers : null);
            _start = (uint*)NativeMemory.AlignedAlloc((nuint)(_before + _count + Guard) * sizeof(uint), 64);
            new Span<uint>(_start, _before + _count + Guard).Fill(GuardBits);
            numbers.CopyTo(new Span<float>(_start + _before, _count));
        }

        public nint Address => (nint)(_start + _before);

        public void Check(string kernel)
        {
            int before = new ReadOnlySpan<uint>(_start, _before).IndexOfAnyExcept(GuardBits);
            Assert.True(before < 0, $"{kernel} writes {_before - before} numbers before a buffer of {_count}");
            int after = new ReadOnlySpan<uint>(_start + _before + _count, Guard).IndexOfAnyExcept(GuardBits);
            Assert.True(after < 0, $"{kernel} writes {after + 1} numbers past the end of a buffer of {_count}");
            if (_input is not null)
            {
                ReadOnlySpan<uint> was = MemoryMarshal.Cast<float, uint>(_input.AsSpan());
                Assert.True(was.SequenceEqual(new ReadOnlySpan<uint>(_start + _before, _count)), $"{kernel} changes a tensor that it is only given");
            }
        }

        public void Dispose() => NativeMemory.AlignedFree(_start);
    }
}
