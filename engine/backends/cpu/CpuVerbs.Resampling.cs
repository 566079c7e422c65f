using System.Runtime.CompilerServices;
using Iba.Engine.Backends.Cpu.Simd;
using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cpu;

internal sealed unsafe partial class CpuVerbs
{
    private readonly Dictionary<(AxisMap.Kind Kind, int From, int To, bool Backward), AxisMap> _axisMaps = [];
    private float[] _taps = [];
    private CpuBlock? _mixedRows;

    /// <inheritdoc/>
    public void Resize(Tensor x, Corners corners, Tensor y) =>
        Resample(x, KindOf(corners), y.Shape, backward: false, new Accumulator(y, Adds: false));

    /// <inheritdoc/>
    public void ResizeBackward(Tensor dy, Corners corners, Accumulator dx) =>
        Resample(dy, KindOf(corners), dx.Tensor.Shape, backward: true, dx);

    /// <inheritdoc/>
    public void Blur(Tensor x, Tensor taps, Tensor y)
    {
        SetTaps(taps);
        Resample(x, AxisMap.Kind.Mirror, y.Shape, backward: false, new Accumulator(y, Adds: false));
    }

    /// <inheritdoc/>
    public void BlurBackward(Tensor dy, Tensor taps, Accumulator dx)
    {
        SetTaps(taps);
        Resample(dy, AxisMap.Kind.Mirror, dx.Tensor.Shape, backward: true, dx);
    }

    private static AxisMap.Kind KindOf(Corners corners) => corners switch
    {
        Corners.Aligned => AxisMap.Kind.Aligned,
        Corners.Mirrored => AxisMap.Kind.Mirrored,
        _ => AxisMap.Kind.HalfPixel,
    };

    /// <summary>Sets the taps, and drops the maps that were made for others.</summary>
    private void SetTaps(Tensor taps)
    {
        var now = new ReadOnlySpan<float>(Read(taps), taps.Shape.Count);
        if (now.SequenceEqual(_taps))
            return;
        _taps = now.ToArray();
        foreach (var key in _axisMaps.Keys.Where(key => key.Kind == AxisMap.Kind.Mirror).ToArray())
            _axisMaps.Remove(key);
    }

    /// <summary>
    /// The map of that kind from an axis of from pixels to one of to pixels; backward, the transpose of the map from to to from.
    /// </summary>
    private AxisMap Axis(AxisMap.Kind kind, int from, int to, bool backward)
    {
        if (!_axisMaps.TryGetValue((kind, from, to, backward), out AxisMap? map))
        {
            map = backward ? AxisMap.Of(kind, to, from, _taps).Transposed(to) : AxisMap.Of(kind, from, to, _taps);
            _axisMaps.Add((kind, from, to, backward), map);
        }
        return map;
    }

    /// <summary>to (=|+=) R x Cᵀ for every image and channel, with the maps R along H and C along W of that kind.</summary>
    private void Resample(Tensor x, AxisMap.Kind kind, Shape y, bool backward, Accumulator to)
    {
        long mixed = (long)x.Shape.W * x.Shape.C;
        CpuBlock rows = CpuBlock.Grown(ref _mixedRows, Memory, mixed * _workers.Count);
        _workers.Run(y.N * y.H, new ResampleRows(
            Axis(kind, x.Shape.H, y.H, backward), Axis(kind, x.Shape.W, y.W, backward), x.Shape, y, rows.Pointer, Read(x), Into(to)));
    }

    /// <summary>
    /// One row of y: rows of x are combined into one row, then the pixels of that row into those of y; tile = n H + h of y.
    /// </summary>
    private readonly struct ResampleRows(AxisMap rows, AxisMap columns, Shape x, Shape y, float* scratch, float* from, Sink to) : ITiles
    {
        public void Run(int tile, int worker)
        {
            int width = x.W * x.C;
            float* image = from + (long)(tile / y.H) * x.H * width;
            float* mixed = scratch + (long)worker * width;
            Mix(rows, tile % y.H, image, width, new Sink(mixed, adds: false), 0);
            for (int q = 0; q < y.W; q++)
                Mix(columns, q, mixed, x.C, to, (tile * y.W + q) * x.C);
        }

        /// <summary>Row i of the map, applied to vectors of <paramref name="length"/> elements.</summary>
        private static void Mix(AxisMap map, int i, float* from, int length, Sink to, int at)
        {
            int start = map.Starts[i];
            int count = map.Starts[i + 1] - start;
            fixed (int* sources = map.Sources)
            fixed (float* weights = map.Weights)
                Pointwise.Run(new MixAt(count, sources + start, weights + start, from, length, to), at, 0, length);
        }
    }

    private readonly struct MixAt(int count, int* sources, float* weights, float* from, int stride, Sink to) : IPointwise
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<V>(int i, int feature) where V : struct, ILanes<V>
        {
            V sum = 0f;
            for (int k = 0; k < count; k++)
                sum = V.Fma(weights[k], V.Load(from + (long)sources[k] * stride + feature), sum);
            to.Put(i, sum);
        }
    }
}
