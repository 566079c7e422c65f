using System.Runtime.CompilerServices;
using Iba.Engine.Backends.Cpu.Simd;

namespace Iba.Engine.Backends.Cpu.Winograd;

/// <summary>
/// Winograd's convolution with a 3 x 3 kernel, F(4 x 4, 3 x 3): 4 x 4 results from 6 x 6 pixels, with 36 multiplications per channel
/// instead of 144. Along an axis, pixels d, kernel g and results y are polynomials; they are multiplied through their values at six points,
///     y = Aᵀ ((G g) ∘ (Bᵀ d)),
/// and along both axes at pairs of points (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015). The points are 0, a,
/// -a, b, -b and infinity with a = 2/3 and b = 3/2: the error is half of that with the usual 1 and 2, and a b = 1 saves multiplications.
/// With s = a² + b², n = 2 (a⁴ - 1) and m = 2 (b⁴ - 1):
/// <code>
/// Bᵀ  1   0  -s   0   1   0      Aᵀ  1   1   1   1   1   0      G  1     0     0
///     0  -b -b²   a   1   0          0   a  -a   b  -b   0         1/n   a/n  a²/n
///     0   b -b²  -a   1   0          0  a²  a²  b²  b²   0         1/n  -a/n  a²/n
///     0  -a -a²   b   1   0          0  a³ -a³  b³ -b³   1         1/m   b/m  b²/m
///     0   a -a²  -b   1   0                                        1/m  -b/m  b²/m
///     0   1   0  -s   0   1                                        0     0     1
/// </code>
/// The rows of a and -a share their even and odd parts, and so do the rows of b and -b.
/// </summary>
internal static unsafe class WinogradTransform
{
    /// <summary>Taps along a side of the kernel.</summary>
    public const int KernelSize = 3;

    /// <summary>Results along a side of a tile.</summary>
    public const int TileSize = 4;

    /// <summary>Pixels along a side of a tile's input, and points along an axis.</summary>
    public const int InputSize = TileSize + KernelSize - 1;

    /// <summary>Pairs of points: multiplications per tile and channel.</summary>
    public const int Points = InputSize * InputSize;

    /// <summary>Prefetch distance in channels: about one L3 latency.</summary>
    public const int PrefetchDistance = 2 * Prefetch.CacheLine;

    private const double A = 2.0 / 3, B = 1 / A, A2 = A * A, B2 = B * B;

    private const double S = A2 + B2, N = 2 * (A2 * A2 - 1), M = 2 * (B2 * B2 - 1);

    /// <summary>Bᵀ d, its elements <paramref name="step"/> apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void TransformInput<V>(V d0, V d1, V d2, V d3, V d4, V d5, float* to, nint step) where V : struct, ILanes<V>
    {
        V evenA = V.MultiplyAdd((float)-B2, d2, d4), oddA = V.MultiplyAdd((float)A, d3, (float)-B * d1);
        V evenB = V.MultiplyAdd((float)-A2, d2, d4), oddB = V.MultiplyAdd((float)B, d3, (float)-A * d1);
        V.Store(V.MultiplyAdd((float)-S, d2, d0 + d4), to);
        V.Store(evenA + oddA, to + step);
        V.Store(evenA - oddA, to + 2 * step);
        V.Store(evenB + oddB, to + 3 * step);
        V.Store(evenB - oddB, to + 4 * step);
        V.Store(V.MultiplyAdd((float)-S, d3, d1 + d5), to + 5 * step);
    }

    /// <summary>G g, its elements <paramref name="step"/> apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void TransformKernel<V>(V g0, V g1, V g2, float* to, nint step) where V : struct, ILanes<V>
    {
        V evenA = V.MultiplyAdd((float)(A2 / N), g2, (float)(1 / N) * g0), oddA = (float)(A / N) * g1;
        V evenB = V.MultiplyAdd((float)(B2 / M), g2, (float)(1 / M) * g0), oddB = (float)(B / M) * g1;
        V.Store(g0, to);
        V.Store(evenA + oddA, to + step);
        V.Store(evenA - oddA, to + 2 * step);
        V.Store(evenB + oddB, to + 3 * step);
        V.Store(evenB - oddB, to + 4 * step);
        V.Store(g2, to + 5 * step);
    }

    /// <summary>Aᵀ m, its elements <paramref name="step"/> apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void TransformOutput<V>(V m0, V m1, V m2, V m3, V m4, V m5, float* to, nint step) where V : struct, ILanes<V>
    {
        V evenA = m1 + m2, oddA = m1 - m2, evenB = m3 + m4, oddB = m3 - m4;
        V.Store(m0 + evenA + evenB, to);
        V.Store(V.MultiplyAdd((float)A, oddA, (float)B * oddB), to + step);
        V.Store(V.MultiplyAdd((float)A2, evenA, (float)B2 * evenB), to + 2 * step);
        V.Store(V.MultiplyAdd((float)(A2 * A), oddA, V.MultiplyAdd((float)(B2 * B), oddB, m5)), to + 3 * step);
    }
}
