using System.Globalization;
using System.Runtime.InteropServices;
using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda.Plans;

/// <summary>The result of a spot check.</summary>
/// <param name="IsWrong">Whether an element differs from the plain sum by more than rounding explains.</param>
/// <param name="IsFinal">Whether checking with other operands could not tell more.</param>
/// <param name="Words">The result as text.</param>
internal readonly record struct Verdict(bool IsWrong, bool IsFinal, string Words);

/// <summary>
/// Compares a result with the definition of its sum: a few elements, the first and the last among them, are computed again on the host, in
/// double, from the operands. cuDNN's engines have been wrong before (strided data gradients with something fused to them, before 8.9.7),
/// and nothing else would detect it. It costs some hundred small downloads, once per plan.
/// </summary>
internal sealed unsafe class SpotCheck(Device device)
{
    private const int Numbers = 16;

    /// <summary>
    /// Upper bound of a complete download. Operands are downloaded completely if the terms of one element are not contiguous; larger ones
    /// are not checked.
    /// </summary>
    private const long MostBytes = 64L << 20;

    /// <summary>Fills a result with NaN, so that elements which a plan fails to write are detected.</summary>
    public void Spoil(ulong result, long bytes) =>
        device.Check(device.Driver.cuMemsetD8Async(result, 0xFF, (nuint)bytes, device.Stream), "cuMemsetD8Async");

    /// <summary>Compares a result with the plain sum.</summary>
    /// <param name="unit">What was to be computed.</param>
    /// <param name="operands">Its tensors, as they were when it was computed.</param>
    /// <param name="result">The result's address.</param>
    /// <param name="rounded">Whether the result is bfloat16.</param>
    public Verdict Hold(in ConvolutionUnit unit, in Operands operands, ulong result, bool rounded)
    {
        var sum = new PlainSum(unit, operands, Read);
        if (sum.WholeBytes > MostBytes)
            return new Verdict(false, true,
                string.Create(CultureInfo.InvariantCulture, $"not checked: it would take {sum.WholeBytes / 1048576.0:F0} MiB of downloads"));

        long[] places = Places(unit.ResultCount);
        (double Value, double Size)[] expected = [.. places.Select(place => sum.At(place))];
        // Engines that transform whole tiles (Winograd) have rounding errors relative to the largest element of a neighbourhood.
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
                    $"element {places[i]} of {unit.ResultCount} is {actual:G6}, the plain sum is {expected[i].Value:G6}; "
                    + $"{unit.Precision.Word()} rounding explains at most {bound:G2}"));
            }
        }
        return new Verdict(false, true, string.Create(CultureInfo.InvariantCulture, $"{places.Length} numbers are right to {bound:G2}"));
    }

    /// <summary>
    /// Upper bound of a sum's rounding error, relative to the sum of its terms' magnitudes. float32: 2^-24 for each of the n additions, and
    /// for each of some hundred more in Winograd transforms. TF32: each factor truncated after 10 bits, 2 x 2^-10. bfloat16: each factor
    /// rounded to 8 bits, 2 x 2^-8, plus the rounding of the sum if it is stored as bfloat16.
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

    /// <summary>The indices to check: the same for the same count, both ends included.</summary>
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
