using System.Globalization;
using System.Runtime.InteropServices;
using Engine.Tensors;

namespace Engine.Backends.Cuda.Plans;

/// <summary>What a spot check says of a plan.</summary>
/// <param name="IsWrong">Whether a number is further from the plain sum than rounding can take it.</param>
/// <param name="IsFinal">Whether other operands would not say more.</param>
/// <param name="Words">The same for people.</param>
internal readonly record struct Verdict(bool IsWrong, bool IsFinal, string Words);

/// <summary>
/// Holds a result against the definition of its sum: a few of its numbers, the first and the last among them, are computed again on the
/// host in double from the operands themselves. Engines have been wrong before (strided data gradients with something fused to them, before
/// cuDNN 8.9.7), and nobody would notice. It costs some hundred small downloads, once for a plan.
/// </summary>
internal sealed unsafe class SpotCheck(Device device)
{
    private const int Numbers = 16;

    /// <summary>What is not contiguous for one number is fetched whole; beyond this much it is not fetched.</summary>
    private const long MostBytes = 64L << 20;

    /// <summary>Fills a result's place with NaN, so that what a plan leaves out is seen.</summary>
    public void Spoil(ulong result, long bytes) =>
        device.Check(device.Driver.cuMemsetD8Async(result, 0xFF, (nuint)bytes, device.Stream), "cuMemsetD8Async");

    /// <summary>Compares a result with the plain sum.</summary>
    /// <param name="unit">What was to be computed.</param>
    /// <param name="operands">Its tensors, as they were when it was computed.</param>
    /// <param name="result">Where the result lies.</param>
    /// <param name="rounded">Whether the result is bfloat16.</param>
    public Verdict Hold(in ConvolutionUnit unit, in Operands operands, ulong result, bool rounded)
    {
        var sum = new PlainSum(unit, operands, Read);
        if (sum.WholeBytes > MostBytes)
            return new Verdict(false, true, string.Create(CultureInfo.InvariantCulture, $"not checked: it would take {sum.WholeBytes / 1048576.0:F0} MiB of downloads"));

        long[] places = Places(unit.ResultCount);
        (double Value, double Size)[] expected = [.. places.Select(place => sum.At(place))];
        // Engines that transform whole tiles (Winograd's) round by the largest of a neighbourhood.
        double size = expected.Where(each => double.IsFinite(each.Size)).Select(each => each.Size).DefaultIfEmpty().Max();
        if (size == 0)
            return new Verdict(false, false, "not checked: the operands were zero or not finite");
        double bound = Bound(unit) * size;
        for (int i = 0; i < places.Length; i++)
        {
            double actual = rounded ? Widened(result, places[i]) : One<float>(result + (ulong)places[i] * sizeof(float));
            if (double.IsFinite(expected[i].Size) && !(Math.Abs(actual - expected[i].Value) <= bound))
            {
                return new Verdict(true, true, string.Create(CultureInfo.InvariantCulture,
                    $"number {places[i]} of {unit.ResultCount} is {actual:G6}, and the plain sum {expected[i].Value:G6}; {unit.Precision.Word()} explains {bound:G2}"));
            }
        }
        return new Verdict(false, true, string.Create(CultureInfo.InvariantCulture, $"{places.Length} numbers are right to {bound:G2}"));
    }

    /// <summary>
    /// How far rounding can take a sum, as a share of the sum of its terms' magnitudes. float32: 2^-24 for each of the n additions, and for
    /// each of some hundred more in the transforms of Winograd's engines. TF32: either factor cut off after 10 bits, 2 x 2^-10. bfloat16: either
    /// factor rounded to 8 bits, 2 x 2^-8, and the sum once more where it is stored so.
    /// </summary>
    internal static double Bound(in ConvolutionUnit unit)
    {
        const int transforms = 1024;
        long terms = unit.Direction switch
        {
            Direction.Forward => (long)unit.Geometry.Kernel * unit.Geometry.Kernel * unit.C,
            Direction.BackwardData => (long)unit.Geometry.Kernel * unit.Geometry.Kernel * unit.K,
            _ => (long)unit.N * unit.P * unit.Q,
        };
        double single = (terms + transforms) * Math.ScaleB(1, -24);
        return unit.Precision switch
        {
            Precision.Float32 => single,
            Precision.TensorFloat32 => single + Math.ScaleB(1, -9),
            _ => single + Math.ScaleB(1, -7) + Math.ScaleB(1, -8),
        };
    }

    /// <summary>The same places for the same count, both ends among them.</summary>
    private static long[] Places(long count)
    {
        if (count <= Numbers)
            return [.. Enumerable.Range(0, (int)count)];
        var random = new Random(1);
        return [0, count - 1, .. Enumerable.Range(2, Numbers - 2).Select(_ => random.NextInt64(count))];
    }

    private double Widened(ulong result, long place) =>
        BitConverter.UInt32BitsToSingle((uint)One<ushort>(result + (ulong)place * sizeof(ushort)) << 16);

    private T One<T>(ulong address) where T : unmanaged
    {
        T number = default;
        device.Staging.Download(address, MemoryMarshal.AsBytes(new Span<T>(ref number)));
        return number;
    }

    private float[] Read(Tensor tensor, long first, int count)
    {
        var numbers = new float[count];
        device.Staging.Download((ulong)Argument.Address(tensor) + (ulong)first * sizeof(float), MemoryMarshal.AsBytes(numbers.AsSpan()));
        return numbers;
    }
}
