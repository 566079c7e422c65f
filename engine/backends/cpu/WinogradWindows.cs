using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Engine.Backends.Cpu;

/// <summary>G g Gᵀ of a convolution's windows: the right operands of a Winograd convolution's products, made when weights are packed.</summary>
internal static unsafe class WinogradWindows
{
    private const int Window = WinogradTransform.Window, Taps = Window * Window;

    /// <summary>
    /// A panel of columns, the first of whose windows begins at <paramref name="from"/>: the points one after the other, each with its rows, at
    /// number (point Depth + row) panel + column of <paramref name="to"/>. Columns from <paramref name="columns"/> on become zero.
    /// </summary>
    public static void Pack(float* from, in WeightOrder order, int columns, int panel, float* to)
    {
        float* taps = stackalloc float[Taps * ProductKernels.MaxPanel];
        new Span<float>(taps, Taps * ProductKernels.MaxPanel).Clear();
        nint plane = (nint)order.Depth * panel;
        for (int row = 0; row < order.Depth; row++, from += order.RowStep, to += panel)
        {
            for (int column = 0; column < columns; column++)
            {
                float* g = from + column * order.ColumnStep;
                for (int tap = 0; tap < Taps; tap++)
                    taps[tap * panel + column] = g[tap * order.TapStep];
            }
            if (Avx512F.IsSupported)
                Transform<Lanes512>(taps, panel, to, plane);
            else if (Avx2.IsSupported)
                Transform<Lanes256>(taps, panel, to, plane);
            else
                Transform<Lanes128>(taps, panel, to, plane);
        }
    }

    /// <summary>One row of the panel, from (tap, column): down the columns of the windows, then along their lines.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Transform<V>(float* taps, int panel, float* to, nint plane) where V : struct, ILanes<V>
    {
        const int Reach = WinogradTransform.Reach;
        float* half = stackalloc float[Reach * Window * V.Count];
        for (int column = 0; column < panel; column += V.Count)
        {
            for (int s = 0; s < Window; s++)
            {
                float* g = taps + s * panel + column;
                nint row = Window * panel;
                WinogradTransform.OfWindow(V.Load(g), V.Load(g + row), V.Load(g + 2 * row), half + s * V.Count, Window * V.Count);
            }
            for (int i = 0; i < Reach; i++)
            {
                float* g = half + i * Window * V.Count;
                WinogradTransform.OfWindow(V.Load(g), V.Load(g + V.Count), V.Load(g + 2 * V.Count), to + i * Reach * plane + column, plane);
            }
        }
    }
}
