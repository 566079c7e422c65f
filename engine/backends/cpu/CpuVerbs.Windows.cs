using Iba.Engine.Backends.Cpu.Winograd;
using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cpu;

internal sealed unsafe partial class CpuVerbs
{
    /// <inheritdoc/>
    public bool ComputesWindows => true;

    /// <inheritdoc/>
    public int Tile(Shape x, Shape w, ConvGeometry geometry) =>
        UsesWinograd(geometry, new WinogradGrid(1, x.H, x.W, In: w.C, Out: w.N)) ? WinogradTransform.TileSize : 1;

    /// <inheritdoc/>
    public void Inlay(Tensor whole, Tensor windows, ReadOnlySpan<InlayPlace> places, Tensor y)
    {
        fixed (InlayPlace* at = places)
        {
            _workers.Run(y.Shape.N * y.Shape.H, new InlayRows
            {
                Places = at,
                Whole = Read(whole),
                Windows = Read(windows),
                WholeShape = (whole.Shape.H, whole.Shape.W),
                WindowShape = (windows.Shape.H, windows.Shape.W),
                WindowStride = windows.Shape.N == 1 ? 0 : windows.Shape.Row,
                Y = Write(y),
                YShape = (y.Shape.H, y.Shape.W),
                Channels = y.Shape.C,
            });
        }
    }

    /// <summary>One row of y; tile = n P + p.</summary>
    private struct InlayRows : ITiles
    {
        public InlayPlace* Places;
        public float* Whole, Windows, Y;
        public (int H, int W) WholeShape, WindowShape, YShape;

        /// <summary>Elements from one window to the next; 0 if all images have the same.</summary>
        public nint WindowStride;
        public int Channels;

        public readonly void Run(int tile, int worker)
        {
            (int image, int p) = Math.DivRem(tile, YShape.H);
            (InlaySpan rows, InlaySpan columns) = (Places[image].Rows, Places[image].Columns);
            int row = rows.Origin + p, first = columns.Origin, end = first + YShape.W;
            int left = first, right = first, from = first, to = first;
            if (row >= 0 && row < WholeShape.H)
            {
                (left, right) = (Math.Clamp(0, first, end), Math.Clamp(WholeShape.W, first, end));
                (from, to) = row >= rows.From && row < rows.To
                    ? (Math.Clamp(columns.From, left, right), Math.Clamp(columns.To, left, right))
                    : (left, left);
            }
            float* y = Y + (nint)tile * YShape.W * Channels - (nint)first * Channels;
            float* whole = Whole + (nint)row * WholeShape.W * Channels;
            float* window = Windows + image * WindowStride + ((nint)(row - rows.Window) * WindowShape.W - columns.Window) * Channels;
            Clear(y, first, left);
            Copy(whole, y, left, from);
            Copy(window, y, from, to);
            Copy(whole, y, to, right);
            Clear(y, right, end);
        }

        private readonly void Copy(float* from, float* to, int first, int end) =>
            new ReadOnlySpan<float>(from + (nint)first * Channels, (end - first) * Channels).CopyTo(new(to + (nint)first * Channels, (end - first) * Channels));

        private readonly void Clear(float* to, int first, int end) => new Span<float>(to + (nint)first * Channels, (end - first) * Channels).Clear();
    }
}
