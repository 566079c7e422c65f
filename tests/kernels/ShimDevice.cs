using System.Runtime.InteropServices;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Tensors;
using Tests.Emulator;
using Xunit;

namespace Tests.Kernels;

/// <summary>
/// Memory for kernels on the CPU, with guards: around every buffer lie numbers that are not numbers, so what is read there spoils the
/// result, and what is written there is found after each launch. Some buffers begin at odd places, as views do; what a kernel is only
/// given must come back as it was, and what it is to write begins as not-a-number.
/// </summary>
internal sealed unsafe class ShimDevice(int seed) : IDisposable
{
    private readonly Shim _shim = Shim.Get();
    private readonly Random _random = new(seed);
    private readonly List<Buffer> _buffers = [];

    /// <summary>A tensor that kernels may read.</summary>
    public Tensor Input(Shape shape, ReadOnlySpan<float> numbers) => Make(shape, numbers, isInput: true);

    /// <summary>A row of numbers that kernels may read.</summary>
    public Tensor Input(params ReadOnlySpan<float> numbers) => Input(new Shape(numbers.Length), numbers);

    /// <summary>A tensor of random numbers that kernels may read.</summary>
    public Tensor Random(Shape shape, float low = -1f, float high = 1f) => Input(shape, Numbers(shape.Count, low, high));

    /// <summary>A tensor that kernels change.</summary>
    public Tensor State(Shape shape, ReadOnlySpan<float> numbers) => Make(shape, numbers, isInput: false);

    /// <summary>A tensor that kernels write.</summary>
    public Tensor Output(Shape shape)
    {
        Tensor y = State(shape, new float[shape.Count]);
        Span(y).Fill(float.NaN);
        return y;
    }

    /// <summary>Room between two kernels.</summary>
    public nint Scratch(long bytes)
    {
        var buffer = new Buffer(new float[(bytes + 3) / 4], isInput: false, offset: 0);
        _buffers.Add(buffer);
        return buffer.Address;
    }

    /// <summary>Random numbers between two bounds.</summary>
    public float[] Numbers(int count, float low = -1f, float high = 1f)
    {
        var numbers = new float[count];
        foreach (ref float number in numbers.AsSpan())
            number = low + (high - low) * _random.NextSingle();
        return numbers;
    }

    /// <summary>Runs a launch and looks at the guards and at what was only to be read.</summary>
    public void Run(Launch launch)
    {
        _shim.Run(in launch, fromLast: _random.Next(2) == 0);
        _buffers.RemoveAll(buffer => buffer.IsDisposed);
        foreach (Buffer buffer in _buffers)
            buffer.Check(launch.Kernel);
    }

    /// <summary>The numbers of a tensor.</summary>
    public static Span<float> Span(Tensor x) => new((void*)Argument.Address(x), x.Shape.Count);

    public void Dispose()
    {
        foreach (Buffer buffer in _buffers)
            buffer.Dispose();
    }

    private Tensor Make(Shape shape, ReadOnlySpan<float> numbers, bool isInput)
    {
        var buffer = new Buffer(numbers, isInput, offset: _random.Next(2) * _random.Next(4));
        _buffers.Add(buffer);
        return new Tensor(shape, buffer);
    }

    private sealed class Buffer : IDeviceMemory
    {
        private const int Guard = 64;
        private const uint GuardBits = 0x7fc0beef;

        private readonly uint* _start;
        private readonly int _before;
        private readonly int _count;
        private readonly uint[]? _input;

        public Buffer(ReadOnlySpan<float> numbers, bool isInput, int offset)
        {
            (_before, _count) = (Guard + offset, numbers.Length);
            _start = (uint*)NativeMemory.AlignedAlloc((nuint)(_before + _count + Guard) * sizeof(uint), 64);
            new Span<uint>(_start, _before + _count + Guard).Fill(GuardBits);
            MemoryMarshal.Cast<float, uint>(numbers).CopyTo(Own);
            _input = isInput ? Own.ToArray() : null;
        }

        public long Count => _count;

        public bool IsDisposed { get; private set; }

        public nint Address => (nint)(_start + _before);

        private Span<uint> Own => new(_start + _before, _count);

        public void Check(string kernel)
        {
            ReadOnlySpan<uint> before = new(_start, _before), after = new(_start + _before + _count, Guard);
            Assert.True(before.IndexOfAnyExcept(GuardBits) < 0, $"{kernel} writes before a buffer of {_count} numbers");
            Assert.True(after.IndexOfAnyExcept(GuardBits) < 0, $"{kernel} writes past a buffer of {_count} numbers");
            Assert.True(_input is null || Own.SequenceEqual(_input), $"{kernel} changes a tensor that it is only given");
        }

        public void Dispose()
        {
            if (!IsDisposed)
                NativeMemory.AlignedFree(_start);
            IsDisposed = true;
        }
    }
}
