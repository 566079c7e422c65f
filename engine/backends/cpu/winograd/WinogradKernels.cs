using System.Runtime.CompilerServices;
using Iba.Engine.Backends.Cpu.Products;
using Iba.Engine.Backends.Cpu.Simd;

namespace Iba.Engine.Backends.Cpu.Winograd;

/// <summary>
/// The kernel transform G g Gᵀ of a Winograd convolution's weights, packed into panels, one panel per tile. Within a panel the value of
/// point p, row i and column j is element (p Depth + i) panel + j. Columns past the last one are zero.
/// </summary>
internal unsafe struct WinogradKernels : ITiles
{
    private const int KernelSize = WinogradTransform.KernelSize, Taps = KernelSize * KernelSize;

    public ProductKernels Kernels;
    public WeightOrder Order;
    public float* From;
    public float* To;

    public readonly void Run(int tile, int worker)
    {
        int end = Math.Min(Order.Columns, (tile + 1) * Kernels.Panel);
        for (int column = tile * Kernels.Panel, panel; column < end; column += panel)
        {
            panel = Kernels.NextPanel(end - column);
            Registers.Run(new PanelTransform(
                From + column * Order.ColumnStep, Order, Math.Min(panel, end - column), panel, To + (nint)column * Order.Rows));
        }
    }

    private readonly struct PanelTransform(float* from, WeightOrder order, int columns, int panel, float* to) : IVectorCode
    {
        public void Run<V>() where V : struct, IWideLanes<V>
        {
            float* taps = stackalloc float[Taps * ProductKernels.MaxPanel];
            new Span<float>(taps, Taps * ProductKernels.MaxPanel).Clear();
            for (int row = 0; row < order.Depth; row++)
            {
                for (int column = 0; column < columns; column++)
                {
                    float* g = from + row * order.RowStep + column * order.ColumnStep;
                    for (int tap = 0; tap < Taps; tap++)
                        taps[tap * panel + column] = g[tap * order.TapStep];
                }
                Transform<V>(taps, panel, to + (nint)row * panel, (nint)order.Depth * panel);
            }
        }
    }

    /// <summary>Transforms a row of the panel, from (tap, column): first along the columns of the kernels, then along their rows.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Transform<V>(float* taps, int panel, float* to, nint plane) where V : struct, ILanes<V>
    {
        const int InputSize = WinogradTransform.InputSize;
        float* half = stackalloc float[InputSize * KernelSize * V.Count];
        for (int column = 0; column < panel; column += V.Count)
        {
            for (int s = 0; s < KernelSize; s++)
            {
                float* g = taps + s * panel + column;
                nint row = KernelSize * panel;
                WinogradTransform.TransformKernel(
                    V.Load(g), V.Load(g + row), V.Load(g + 2 * row), half + s * V.Count, KernelSize * V.Count);
            }
            for (int i = 0; i < InputSize; i++)
            {
                float* g = half + i * KernelSize * V.Count;
                WinogradTransform.TransformKernel(
                    V.Load(g), V.Load(g + V.Count), V.Load(g + 2 * V.Count), to + i * InputSize * plane + column, plane);
            }
        }
    }
}
