using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using CsCheck;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Tensors;
using Tests.Emulator;
using Tests.Engine;
using Xunit;

namespace Tests.Kernels;

/// <summary>Behaviour of single kernels that verbs do not show, and that each kernel has a launch and each launch a verb.</summary>
public sealed class KernelTests : IDisposable
{
    private readonly EmulatedGpu _gpu = new();
    private readonly TestTensors _numbers;

    public KernelTests() => _numbers = new TestTensors(_gpu.Backend, seed: 3);

    private static string Room { get; } = Path.Combine(Golden.Root, "engine", "backends", "cuda");

    private static string[] Launches { get; } = Directory.GetFiles(Room, "Launch*.cs");

    public void Dispose()
    {
        _numbers.Dispose();
        _gpu.Dispose();
    }

    /// <summary>Every bfloat16 value, and values above it by a little less than half a place, half a place, and a little more.</summary>
    [Fact]
    public void Bf16_rounds_to_nearest_and_ties_to_even()
    {
        ushort[] numbers = [.. Enumerable.Range(0, 1 << 16).Select(bits => (ushort)bits).Where(bits => (bits & 0x7fff) < 0x7f80)];
        foreach ((uint below, Func<ushort, int> up) in new (uint, Func<ushort, int>)[]
            { (0, _ => 0), (0x7fff, _ => 0), (0x8000, bits => bits & 1), (0x8001, _ => 1), (0xffff, _ => 1) })
        {
            float[] x = [.. numbers.Select(bits => BitConverter.UInt32BitsToSingle((uint)bits << 16 | below))];
            Assert.Equal(numbers.Select(bits => (ushort)(bits + up(bits))), ToBf16(x));
        }
    }

    [Fact]
    public void Bf16_keeps_infinities_and_what_is_no_number()
    {
        float quietest = BitConverter.UInt32BitsToSingle(0x7f800001);
        ushort[] rounded = ToBf16([float.PositiveInfinity, float.NegativeInfinity, float.NaN, quietest, -quietest]);
        Assert.Equal<ushort>([0x7f80, 0xff80], rounded[..2]);
        Assert.All(rounded[2..], bits => Assert.True((bits & 0x7fff) > 0x7f80));
    }

    [Fact]
    public void Bf16_is_converted_to_float_gated_and_added() => Gen.Select(Gen.Int[1, 40], Gen.Bool, Gen.Bool).Sample((n, adds, gated) =>
    {
        var shape = new Shape(n);
        Tensor x = _numbers.Random(shape), y = _numbers.Random(shape), bits = _numbers.Empty(Halves(n));
        Tensor? gate = gated ? _numbers.Random(shape) : null;
        float[] before = _numbers.Download(y);
        bool[] open = gate is null ? [.. before.Select(_ => true)] : [.. _numbers.Download(gate).Select(number => number > 0)];
        _gpu.Run(Launch.ToBf16(x, gate, Argument.Address(bits)));
        ushort[] rounded = ReadHalves(bits, n);
        Assert.Equal(ToBf16(_numbers.Download(x)).Zip(open, (b, isOpen) => isOpen ? b : (ushort)0), rounded);

        _gpu.Run(Launch.FromBf16(Argument.Address(bits), new Accumulator(y, adds, gate)));
        Assert.Equal(
            rounded.Select((b, i) => open[i] ? BitConverter.UInt32BitsToSingle((uint)b << 16) + (adds ? before[i] : 0) : 0),
            _numbers.Download(y));
    }, iter: 40, threads: 1);

    /// <summary>Where the CPU throws.</summary>
    [Fact]
    public void A_history_that_is_full_is_left_alone()
    {
        Tensor history = _numbers.Zeros(new Shape(2, 5)), x = _numbers.Random(new Shape(5), 1, 2);
        _gpu.Backend.Append(x, _numbers.Upload(2f), history);
        Assert.All(_numbers.Download(history), number => Assert.Equal(0, number));
        _gpu.Backend.Append(x, _numbers.Upload(1f), history);
        Assert.Equal(_numbers.Download(x), _numbers.Download(history)[5..]);
    }

    /// <summary>Where the CPU throws.</summary>
    [Theory]
    [InlineData(-1f)]
    [InlineData(4f)]
    [InlineData(float.NaN)]
    public void A_target_that_is_no_class_has_a_loss_that_is_no_number(float target)
    {
        Tensor y = _numbers.Empty(new Shape(2));
        _gpu.Backend.CrossEntropy(_numbers.Random(new Shape(2, 4)), _numbers.Upload(target, 1f), y);
        Assert.True(float.IsNaN(_numbers.Download(y)[0]));
        Assert.True(float.IsFinite(_numbers.Download(y)[1]));
    }

    /// <summary>Functions of one number are launched by the names of their structs; all others are named in Launch.</summary>
    [Fact]
    public void Every_kernel_has_a_launch()
    {
        string launches = string.Concat(Launches.Select(File.ReadAllText));
        foreach (string file in KernelSources.Files)
        {
            string source = KernelSources.Source(file);
            bool isUnary = source.Contains("#include \"unary.cuh\"", StringComparison.Ordinal);
            string[] unary = isUnary ? [$"{file}_forward", $"{file}_backward"] : [];
            foreach (string kernel in KernelSources.Kernels(source).Except(unary))
                Assert.True(launches.Contains($"\"{kernel}\"", StringComparison.Ordinal), $"{file}.cu: nothing launches {kernel}");
        }
    }

    [Fact]
    public void Every_launch_is_run_by_a_verb()
    {
        string verbs = string.Concat(Directory.GetFiles(Room, "*.cs", SearchOption.AllDirectories).Except(Launches).Select(File.ReadAllText));
        IEnumerable<string> unused = typeof(Launch).GetMethods(BindingFlags.Public | BindingFlags.Static)
            .Where(method => method.ReturnType == typeof(Launch)).Select(method => method.Name)
            .Where(launch => !Regex.IsMatch(verbs, $@"\bLaunch\.{launch}[(<]"));
        Assert.Empty(unused);
    }

    private ushort[] ToBf16(float[] x)
    {
        Tensor y = _numbers.Empty(Halves(x.Length));
        _gpu.Run(Launch.ToBf16(_numbers.Upload(x), null, Argument.Address(y)));
        return ReadHalves(y, x.Length);
    }

    /// <summary>The shape, in floats, of the given number of bfloat16 values.</summary>
    private static Shape Halves(int count) => new((count + 1) / 2);

    /// <summary>The values of such a tensor. If their number is odd, the element after them is still the upper half of NaN.</summary>
    private ushort[] ReadHalves(Tensor bits, int count)
    {
        ReadOnlySpan<ushort> all = MemoryMarshal.Cast<float, ushort>(_numbers.Download(bits));
        if (count % 2 == 1)
            Assert.Equal(BitConverter.SingleToUInt32Bits(float.NaN) >> 16, all[count]);
        return all[..count].ToArray();
    }
}
