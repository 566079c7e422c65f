using System.Runtime.CompilerServices;
using Iba.Engine.Backends.Cpu.Simd;

namespace Iba.Engine.Backends.Cpu.Products;

/// <summary>
/// The micro-kernel of dot products: five rows by two columns. Ten sums hide the latency of two multiply-add units (four cycles each), fit
/// into sixteen registers, and are half of an attribution's ten copies.
/// </summary>
internal static unsafe class DotKernel
{
    public const int Rows = 5, Columns = 2;

    /// <summary>Index of the register that holds the sum of row n and column k: block after block, row by row within a block.</summary>
    public static int Index(int n, int k, int tileColumns) =>
        n / Rows * Rows * tileColumns + k / Columns * Columns * Rows + n % Rows * Columns + k % Columns;

    /// <summary>
    /// Adds the products of up to five rows of x and two of w, <paramref name="stride"/> elements apart, lane by lane. The next two rows of
    /// w are prefetched meanwhile: they are too far away for the hardware prefetcher.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run<V>(float* x, int rows, float* w, int columns, nint stride, int count, float* sums) where V : struct, ILanes<V>
    {
        // A missing row is replaced by the first one; its sums are not read.
        float* x1 = rows > 1 ? x + stride : x, x2 = rows > 2 ? x + 2 * stride : x;
        float* x3 = rows > 3 ? x + 3 * stride : x, x4 = rows > 4 ? x + 4 * stride : x;
        float* w1 = columns > 1 ? w + stride : w;
        nint ahead = (nint)Columns * stride;
        int v = V.Count;
        V s00 = V.Load(sums), s01 = V.Load(sums + v);
        V s10 = V.Load(sums + 2 * v), s11 = V.Load(sums + 3 * v);
        V s20 = V.Load(sums + 4 * v), s21 = V.Load(sums + 5 * v);
        V s30 = V.Load(sums + 6 * v), s31 = V.Load(sums + 7 * v);
        V s40 = V.Load(sums + 8 * v), s41 = V.Load(sums + 9 * v);
        for (nint c = 0; c < count; c += v)
        {
            Prefetch.IntoL1(w + c + ahead);
            Prefetch.IntoL1(w1 + c + ahead);
            V b0 = V.Load(w + c), b1 = V.Load(w1 + c);
            V a = V.Load(x + c);
            (s00, s01) = (V.MultiplyAdd(a, b0, s00), V.MultiplyAdd(a, b1, s01));
            a = V.Load(x1 + c);
            (s10, s11) = (V.MultiplyAdd(a, b0, s10), V.MultiplyAdd(a, b1, s11));
            a = V.Load(x2 + c);
            (s20, s21) = (V.MultiplyAdd(a, b0, s20), V.MultiplyAdd(a, b1, s21));
            a = V.Load(x3 + c);
            (s30, s31) = (V.MultiplyAdd(a, b0, s30), V.MultiplyAdd(a, b1, s31));
            a = V.Load(x4 + c);
            (s40, s41) = (V.MultiplyAdd(a, b0, s40), V.MultiplyAdd(a, b1, s41));
        }
        V.Store(s00, sums);
        V.Store(s01, sums + v);
        V.Store(s10, sums + 2 * v);
        V.Store(s11, sums + 3 * v);
        V.Store(s20, sums + 4 * v);
        V.Store(s21, sums + 5 * v);
        V.Store(s30, sums + 6 * v);
        V.Store(s31, sums + 7 * v);
        V.Store(s40, sums + 8 * v);
        V.Store(s41, sums + 9 * v);
    }
}
