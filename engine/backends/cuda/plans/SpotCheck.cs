using System.Globalization;
using System.Runtime.InteropServices;
using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda.Plans;

/// <summary>The result of a spot check.</summary>
/// <param name="IsWrong">Whether an element differs from the plain sum by more than rounding explains.</param>
/// <param name="IsFinal">Whether checking with other operands could not tell more.</param>
/// <param name="Words">The result as text.</param>
internal readonly record struct Verdict(bool IsWrong, bool IsFinal, string Words);

/// <summary>What a result must be at a few places.</summary>
/// <param name="Unit">What is computed.</param>
/// <param name="Unchecked">Why nothing can be compared; null if it can.</param>
/// <param name="Numbers">Index in the result, the plain sum there, and the sum of its terms' magnitudes.</param>
internal sealed record Expectation(ConvolutionUnit Unit, Verdict? Unchecked, (long Place, double Value, double Size)[] Numbers)
{
    /// <summary>The largest difference that rounding explains.</summary>
    public double Bound { get; init; }
}

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

    /// <summary>The plain sum's numbers at a few places, from the operands as they are now.</summary>
    /// <param name="unit">What is to be computed.</param>
    /// <param name="operands">Its tensors.</param>
    public Expectation Expect(in ConvolutionUnit unit, in Operands operands)
    {
        var sum = new PlainSum(unit, operands, Read);
        if (sum.WholeBytes > MostBytes)
            return new Expectation(unit, new Verdict(false, true,
                string.Create(CultureInfo.InvariantCulture, $"not checked: it would take {sum.WholeBytes / 1048576.0:F0} MiB of downloads")), []);

        var numbers = new List<(long Place, double Value, double Size)>();
        foreach (long place in Places(unit.ResultCount))
        {
            (double value, double magnitude) = sum.At(place);
            numbers.Add((place, value, magnitude));
        }
        // Engines that transform whole tiles (Winograd) have rounding errors relative to the largest element of a neighbourhood.
        double size = numbers.Where(each => double.IsFinite(each.Size)).Select(each => each.Size).DefaultIfEmpty().Max();
        return new Expectation(unit, size == 0 ? new Verdict(false, false, "not checked: the operands were zero or not finite") : null, [.. numbers])
        {
            Bound = Bound(unit) * size,
        };
    }

    /// <summary>Compares a result with the plain sum.</summary>
    /// <param name="expected">The plain sum's numbers.</param>
    /// <param name="result">The result's address.</param>
    /// <param name="rounded">Whether the result is bfloat16.</param>
    public Verdict Hold(Expectation expected, ulong result, bool rounded)
    {
        if (expected.Unchecked is { } none)
            return none;
        foreach ((long place, double value, double size) in expected.Numbers)
        {
            double actual = rounded ? Halves.Widened(One<ushort>(result + (ulong)place * sizeof(ushort))) : One<float>(result + (ulong)place * sizeof(float));
            if (double.IsFinite(size) && !(Math.Abs(actual - value) <= expected.Bound))
            {
                return new Verdict(true, true, string.Create(CultureInfo.InvariantCulture,
                    $"element {place} of {expected.Unit.ResultCount} is {actual:G6}, the plain sum is {value:G6}; "
                    + $"{expected.Unit.Precision.Word()} rounding explains at most {expected.Bound:G2}"));
            }
        }
        return new Verdict(false, true, string.Create(CultureInfo.InvariantCulture, $"{expected.Numbers.Length} numbers are right to {expected.Bound:G2}"));
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

    private T One<T>(ulong address) where T : unmanaged
    {
        T number = default;
        device.Staging.Download(address, MemoryMarshal.AsBytes(new Span<T>(ref number)));
        return number;
    }

    private float[] Read(Tensor tensor, long first, int count)
    {
        var numbers = new float[count];
        ulong from = (ulong)Argument.Address(tensor) + (ulong)(first * tensor.Element.Bytes);
        if (tensor.Element == Element.BFloat16)
            Halves.Download(device.Staging, from, numbers);
        else
            device.Staging.Download(from, MemoryMarshal.AsBytes(numbers.AsSpan()));
        return numbers;
    }
}
