using System.Runtime.CompilerServices;
using Iba.Engine.Backends.Cpu.Simd;
using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cpu;

internal sealed unsafe partial class CpuVerbs
{
    /// <inheritdoc/>
    public void MaxPool(Tensor x, ConvGeometry geometry, Tensor y) =>
        _workers.Run(y.Shape.N * y.Shape.H, new MaxPoolRows(new Windows(x.Shape, y.Shape, geometry), Read(x), Write(y)));

    /// <inheritdoc/>
    public void MaxPoolBackward(Tensor x, Tensor y, Tensor dy, ConvGeometry geometry, Accumulator dx)
    {
        var windows = new Windows(x.Shape, y.Shape, geometry);
        _workers.Run(x.Shape.N * windows.Bands, new MaxPoolBackwardBands(windows, Read(x), Read(y), Read(dy), Write(dx.Tensor), dx.Adds));
    }

    /// <inheritdoc/>
    public void AdaptiveAveragePool(Tensor x, Tensor y) =>
        Resample(x, AxisMap.Kind.Bins, y.Shape, backward: false, new Accumulator(y, Adds: false));

    /// <inheritdoc/>
    public void AdaptiveAveragePoolBackward(Tensor dy, Accumulator dx)
    {
        Resample(dy, AxisMap.Kind.Bins, dx.Tensor.Shape, backward: true, dx);
        if (dx.Gate is { } y)
            Gate(y, dx.Tensor);
    }

    /// <inheritdoc/>
    public void Subsample(Tensor x, int stride, Tensor y) =>
        _workers.Run(y.Shape.N * y.Shape.H, new SubsampleRows(x.Shape, y.Shape, stride, Read(x), Write(y)));

    /// <inheritdoc/>
    public void SubsampleBackward(Tensor dy, int stride, Accumulator dx)
    {
        if (!dx.Adds)
            Fill(dx.Tensor, 0);
        float* gate = dx.Gate is { } y ? Read(y) : null;
        _workers.Run(dy.Shape.N * dy.Shape.H, new SubsampleBackwardRows(dx.Tensor.Shape, dy.Shape, stride, Read(dy), Write(dx.Tensor), gate));
    }

    /// <summary>One row of y; tile = n P + p.</summary>
    private readonly struct SubsampleRows(Shape x, Shape y, int stride, float* from, float* to) : ITiles
    {
        public void Run(int tile, int worker)
        {
            float* row = from + (long)(tile / y.H * x.H + tile % y.H * stride) * x.W * x.C;
            for (int q = 0; q < y.W; q++)
                new Span<float>(row + (long)q * stride * x.C, x.C).CopyTo(new Span<float>(to + ((long)tile * y.W + q) * x.C, x.C));
        }
    }

    /// <summary>One row of dy; tile = n P + p.</summary>
    private readonly struct SubsampleBackwardRows(Shape x, Shape y, int stride, float* dy, float* dx, float* gate) : ITiles
    {
        public void Run(int tile, int worker)
        {
            long row = (long)(tile / y.H * x.H + tile % y.H * stride) * x.W * x.C;
            for (int q = 0; q < y.W; q++)
            {
                for (int c = 0; c < x.C; c++)
                {
                    long at = row + (long)q * stride * x.C + c;
                    dx[at] = gate is not null && gate[at] <= 0 ? 0 : dx[at] + dy[((long)tile * y.W + q) * x.C + c];
                }
            }
        }
    }

    /// <summary>The pooling windows, clipped to the image: padding has no elements.</summary>
    private readonly struct Windows(Shape x, Shape y, ConvGeometry geometry)
    {
        /// <summary>Channels per tile of the backward pass. Windows overlap; channels do not.</summary>
        public const int Band = 64;

        public int H { get; } = x.H;

        public int W { get; } = x.W;

        public int P { get; } = y.H;

        public int Q { get; } = y.W;

        public int C { get; } = x.C;

        public int Bands => (C + Band - 1) / Band;

        public (int First, int End) Rows(int p) => Clip(p, H);

        public (int First, int End) Columns(int q) => Clip(q, W);

        private (int First, int End) Clip(int position, int extent)
        {
            int first = position * geometry.Stride - geometry.Padding;
            return (Math.Max(first, 0), Math.Min(first + geometry.Kernel, extent));
        }
    }

    /// <summary>One row of y; tile = n P + p.</summary>
    private readonly struct MaxPoolRows(Windows windows, float* x, float* y) : ITiles
    {
        public void Run(int tile, int worker)
        {
            float* image = x + (long)(tile / windows.P) * windows.H * windows.W * windows.C;
            float* to = y + (long)tile * windows.Q * windows.C;
            (int top, int bottom) = windows.Rows(tile % windows.P);
            for (int q = 0; q < windows.Q; q++)
            {
                (int left, int right) = windows.Columns(q);
                float* window = image + ((long)top * windows.W + left) * windows.C;
                var largest = new LargestAt(window, bottom - top, right - left, windows.W, windows.C, to + (long)q * windows.C);
                Pointwise.Run(largest, 0, 0, windows.C);
            }
        }
    }

    private readonly struct LargestAt(float* x, int rows, int columns, int width, int channels, float* y) : IPointwise
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<V>(int i, int feature) where V : struct, ILanes<V>
        {
            V largest = float.NegativeInfinity;
            for (int r = 0; r < rows; r++)
            {
                for (int s = 0; s < columns; s++)
                {
                    V next = V.Load(x + ((long)r * width + s) * channels + i);
                    largest = V.Select(V.Same(next, next), V.Max(next, largest), next);
                }
            }
            V.Store(largest, y + i);
        }
    }

    /// <summary>Some channels of one image, all windows in order; tile = n Bands + band.</summary>
    private readonly struct MaxPoolBackwardBands(Windows windows, float* x, float* y, float* dy, float* dx, bool adds) : ITiles
    {
        public void Run(int tile, int worker)
        {
            int band = tile % windows.Bands * Windows.Band;
            int count = Math.Min(Windows.Band, windows.C - band);
            int n = tile / windows.Bands;
            long image = (long)n * windows.H * windows.W * windows.C + band;
            for (int pixel = 0; pixel < windows.H * windows.W && !adds; pixel++)
                new Span<float>(dx + image + (long)pixel * windows.C, count).Clear();

            for (int p = 0; p < windows.P; p++)
            {
                (int top, int bottom) = windows.Rows(p);
                for (int q = 0; q < windows.Q; q++)
                {
                    (int left, int right) = windows.Columns(q);
                    long from = image + ((long)top * windows.W + left) * windows.C;
                    long at = ((long)(n * windows.P + p) * windows.Q + q) * windows.C + band;
                    var winner = new WinnerAt(x + from, dx + from, bottom - top, right - left, windows.W, windows.C, y + at, dy + at);
                    Pointwise.Run(winner, 0, 0, count);
                }
            }
        }
    }

    private readonly struct WinnerAt(float* x, float* dx, int rows, int columns, int width, int channels, float* y, float* dy) : IPointwise
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<V>(int i, int feature) where V : struct, ILanes<V>
        {
            (V largest, V left) = (V.Load(y + i), V.Load(dy + i));
            for (int r = 0; r < rows; r++)
            {
                for (int s = 0; s < columns; s++)
                {
                    long at = ((long)r * width + s) * channels + i;
                    V wins = V.Same(V.Load(x + at), largest);
                    V.Store(V.Load(dx + at) + V.Select(wins, left, 0f), dx + at);
                    left = V.Select(wins, 0f, left);
                }
            }
            if (!V.All(V.Same(largest, largest)))
                GiveToLastNaN(i, left);
        }

        /// <summary>A maximum that is NaN equals no element. The last NaN of the window gets the gradient, as in PyTorch.</summary>
        [MethodImpl(MethodImplOptions.NoInlining)]
        private void GiveToLastNaN<V>(int i, V left) where V : struct, ILanes<V>
        {
            for (int r = rows - 1; r >= 0; r--)
            {
                for (int s = columns - 1; s >= 0; s--)
                {
                    long at = ((long)r * width + s) * channels + i;
                    V isNumber = V.Same(V.Load(x + at), V.Load(x + at));
                    V.Store(V.Load(dx + at) + V.Select(isNumber, 0f, left), dx + at);
                    left = V.Select(isNumber, left, 0f);
                }
            }
        }
    }
}
