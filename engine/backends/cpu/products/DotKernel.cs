using System.Runtime.CompilerServices;
using Engine.Backends.Cpu.Simd;

namespace Engine.Backends.Cpu.Products;

/// <summary>
/// Five rows by two: ten sums in registers, enough to keep two multiply-adders of four cycles busy, few enough for sixteen registers,
/// and half of an attribution's ten copies.
/// </summary>
internal static unsafe class DotKernel
{
    public const int Rows = 5, Columns = 2;

    /// <summary>Where the sums of row n and column k are, in registers: kernel after kernel, in each row by row.</summary>
    public static int Place(int n, int k, int tileColumns) =>
        n / Rows * Rows * tileColumns + k / Columns * Columns * Rows + n % Rows * Columns + k % Columns;

    /// <summary>
    /// Adds the products of up to five rows of x and two of w, <paramref name="stride"/> numbers apart, lane by lane. The next two rows of w are
    /// fetched meanwhile: they lie too far away for the processor to guess.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run<V>(float* x, int rows, float* w, int columns, nint stride, int count, float* sums) where V : struct, ILanes<V>
    {
        // A row that is not there is the first once more; nobody reads its sums.
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
