using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda.Plans;

/// <summary>Single elements of a unit's result by its definition, in double on the host, from downloaded operands.</summary>
/// <param name="unit">What the unit computes.</param>
/// <param name="operands">Its tensors.</param>
/// <param name="read">Downloads a number of elements of a tensor, beginning at an offset.</param>
internal sealed class PlainSum(ConvolutionUnit unit, Operands operands, Func<Tensor, long, int, float[]> read)
{
    private float[]? _allW, _allX, _allY;

    /// <summary>Bytes of the operands that are downloaded completely, because the terms of one element are scattered over them.</summary>
    public long WholeBytes => sizeof(float) * unit.Direction switch
    {
        Direction.Forward => 0,
        Direction.BackwardData => WCount,
        _ => XCount + YCount,
    };

    private int Kernel => unit.Geometry.Kernel;

    private long WCount => (long)unit.K * Kernel * Kernel * unit.C;

    private long XCount => (long)unit.N * unit.H * unit.W * unit.C;

    private long YCount => (long)unit.N * unit.P * unit.Q * unit.K;

    /// <summary>The element at an index, and the sum of the magnitudes of its terms.</summary>
    public (double Value, double Size) At(long place)
    {
        (double sum, double size) = unit.Direction switch
        {
            Direction.Forward => Forward(place),
            Direction.BackwardData => BackwardData(place),
            _ => BackwardWeights(place),
        };
        Add(operands.Addend, unit.Addend, place);
        Add(operands.Bias, unit.Bias, place % unit.K);
        if (unit.Relu)
            sum = Math.Max(sum, 0);
        if (unit.Gate && read(operands.Gate!, place, 1)[0] <= 0)
            sum = 0;
        return (sum, size);

        void Add(Tensor? tensor, bool there, long at)
        {
            if (!there)
                return;
            double term = read(tensor!, at, 1)[0];
            (sum, size) = (sum + term, size + Math.Abs(term));
        }
    }

    private (double, double) Forward(long place)
    {
        (int n, int p, int q, int k) = Split(place, unit.P, unit.Q, unit.K);
        (double sum, double size) = (0, 0);
        int left = q * unit.Geometry.Stride - unit.Geometry.Padding;
        int first = Math.Max(0, -left), count = Math.Min(Kernel, unit.W - left) - first;
        for (int r = 0; r < Kernel; r++)
        {
            int h = p * unit.Geometry.Stride + r - unit.Geometry.Padding;
            if (h < 0 || h >= unit.H || count <= 0)
                continue;
            float[] x = read(operands.X, (((long)n * unit.H + h) * unit.W + left + first) * unit.C, count * unit.C);
            float[] w = read(operands.W, (((long)k * Kernel + r) * Kernel + first) * unit.C, count * unit.C);
            for (int i = 0; i < x.Length; i++)
                Term(ref sum, ref size, x[i], w[i]);
        }
        return (sum, size);
    }

    private (double, double) BackwardData(long place)
    {
        (int n, int h, int column, int c) = Split(place, unit.H, unit.W, unit.C);
        (double sum, double size) = (0, 0);
        _allW ??= read(operands.W, 0, checked((int)WCount));
        for (int r = 0; r < Kernel; r++)
        {
            for (int s = 0; s < Kernel; s++)
            {
                if (Output(h, r, unit.P) is not { } p || Output(column, s, unit.Q) is not { } q)
                    continue;
                float[] dy = read(operands.Y, (((long)n * unit.P + p) * unit.Q + q) * unit.K, unit.K);
                for (int k = 0; k < unit.K; k++)
                    Term(ref sum, ref size, dy[k], _allW[((k * Kernel + r) * Kernel + s) * unit.C + c]);
            }
        }
        return (sum, size);
    }

    private (double, double) BackwardWeights(long place)
    {
        (int k, int r, int s, int c) = Split(place, Kernel, Kernel, unit.C);
        (double sum, double size) = (0, 0);
        _allX ??= read(operands.X, 0, checked((int)XCount));
        _allY ??= read(operands.Y, 0, checked((int)YCount));
        for (int at = 0; at < unit.N * unit.P * unit.Q; at++)
        {
            (int n, int p, int q) = (at / (unit.P * unit.Q), at / unit.Q % unit.P, at % unit.Q);
            int h = p * unit.Geometry.Stride + r - unit.Geometry.Padding, column = q * unit.Geometry.Stride + s - unit.Geometry.Padding;
            if (h >= 0 && h < unit.H && column >= 0 && column < unit.W)
                Term(ref sum, ref size, _allX[((n * unit.H + h) * unit.W + column) * unit.C + c], _allY[at * unit.K + k]);
        }
        return (sum, size);
    }

    private static void Term(ref double sum, ref double size, float a, float b)
    {
        double term = (double)a * b;
        sum += term;
        size += Math.Abs(term);
    }

    /// <summary>The output position along one axis whose kernel covers an input at a given kernel offset, or null.</summary>
    private int? Output(int input, int offset, int outputs)
    {
        int start = input + unit.Geometry.Padding - offset;
        return start >= 0 && start % unit.Geometry.Stride == 0 && start / unit.Geometry.Stride < outputs ? start / unit.Geometry.Stride : null;
    }

    /// <summary>Splits an index into four axes, given the extents of the last three.</summary>
    private static (int, int, int, int) Split(long place, int second, int third, int fourth) =>
        ((int)(place / fourth / third / second), (int)(place / fourth / third % second), (int)(place / fourth % third), (int)(place % fourth));
}
