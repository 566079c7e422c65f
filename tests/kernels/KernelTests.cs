using System.Reflection;
using System.Text.RegularExpressions;
using CsCheck;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Tensors;
using Xunit;

namespace Tests.Kernels;

/// <summary>What single kernels do beyond the verbs: bfloat16, edges.</summary>
public sealed unsafe class KernelTests : IDisposable
{
    private readonly ShimDevice _device = new(seed: 3);

    private static string Room { get; } = Path.Combine(Golden.Root, "engine", "backends", "cuda");

    private static string[] Launches { get; } = Directory.GetFiles(Room, "Launch*.cs");

    public void Dispose() => _device.Dispose();

    /// <summary>Every bfloat16 number, a little less than half a place above it, half a place, and a little more.</summary>
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
    public void Bf16_comes_back_gated_and_added() => Gen.Select(Gen.Int[1, 40], Gen.Bool, Gen.Bool).Sample((n, adds, gated) =>
    {
        float[] x = _device.Numbers(n), before = _device.Numbers(n), gate = _device.Numbers(n);
        Tensor y = _device.State(new Shape(n), before);
        nint bits = _device.Scratch(2 * n);
        _device.Run(Launch.ToBf16(_device.Input(x), gated ? _device.Input(gate) : null, bits));
        ushort[] rounded = new ReadOnlySpan<ushort>((void*)bits, n).ToArray();
        Assert.Equal(x.Select((v, i) => gated && !(gate[i] > 0) ? (ushort)0 : ToBf16([v])[0]), rounded);

        _device.Run(Launch.FromBf16(bits, new Accumulator(y, adds, gated ? _device.Input(gate) : null)));
        Assert.Equal(
            rounded.Select((b, i) => gated && !(gate[i] > 0) ? 0 : BitConverter.UInt32BitsToSingle((uint)b << 16) + (adds ? before[i] : 0)),
            ShimDevice.Span(y).ToArray());
    }, iter: 40, threads: 1);

    /// <summary>The verb's contract, across the border between one stage and two.</summary>
    [Theory]
    [InlineData(2048)]
    [InlineData(2049)]
    [InlineData(5003)]
    public void A_runs_sum_does_not_depend_on_how_many_runs_there_are(int length)
    {
        var on = new ShimBackend(_device);
        float[] numbers = _device.Numbers(3 * length);
        Tensor all = _device.Output(new Shape(3)), one = _device.Output(new Shape(1));
        on.Sum(_device.Input(new Shape(3, length), numbers), 0.7f, all);
        on.Sum(_device.Input(new Shape(1, length), numbers.AsSpan(length, length)), 0.7f, one);
        Assert.Equal(ShimDevice.Span(all)[1], ShimDevice.Span(one)[0]);
    }

    [Fact]
    public void A_history_that_is_full_is_left_alone()
    {
        Tensor history = _device.State(new Shape(2, 5), new float[10]), x = _device.Random(new Shape(5), 1, 2);
        _device.Run(Launch.Append(x, _device.Input(2f), history));
        Assert.All(ShimDevice.Span(history).ToArray(), number => Assert.Equal(0, number));
        _device.Run(Launch.Append(x, _device.Input(1f), history));
        Assert.Equal(ShimDevice.Span(x).ToArray(), ShimDevice.Span(history)[5..].ToArray());
    }

    [Theory]
    [InlineData(-1f)]
    [InlineData(4f)]
    [InlineData(float.NaN)]
    public void A_target_that_is_no_class_has_a_loss_that_is_no_number(float target)
    {
        Tensor y = _device.Output(new Shape(2));
        _device.Run(Launch.CrossEntropy(_device.Random(new Shape(2, 4)), _device.Input(target, 1f), y));
        Assert.True(float.IsNaN(ShimDevice.Span(y)[0]));
        Assert.True(float.IsFinite(ShimDevice.Span(y)[1]));
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

    /// <summary>Five fused kernels wait for a measurement on a GPU that decides whether verbs run them; no other launch may go unused.</summary>
    [Fact]
    public void Every_launch_is_run_by_a_verb()
    {
        string[] waiting = ["Heatmap", "Mask", "MaskBackward", "MaskBackwardAdam", "RestrictInformationBackward"];
        string verbs = string.Concat(Directory.GetFiles(Room, "*.cs", SearchOption.AllDirectories).Except(Launches).Select(File.ReadAllText));
        IEnumerable<string> unused = typeof(Launch).GetMethods(BindingFlags.Public | BindingFlags.Static)
            .Where(method => method.ReturnType == typeof(Launch)).Select(method => method.Name)
            .Where(launch => !Regex.IsMatch(verbs, $@"\bLaunch\.{launch}[(<]"));
        Assert.Equal(waiting, unused.Order(StringComparer.Ordinal));
    }

    private ushort[] ToBf16(float[] x)
    {
        nint y = _device.Scratch(2 * x.Length);
        _device.Run(Launch.ToBf16(_device.Input(x), null, y));
        return new ReadOnlySpan<ushort>((void*)y, x.Length).ToArray();
    }
}
