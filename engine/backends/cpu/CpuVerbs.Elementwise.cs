using Iba.Engine.Backends.Cpu.Simd;
using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cpu;

internal sealed unsafe partial class CpuVerbs
{
    /// <inheritdoc/>
    public void Map<F>(F f, Tensor x, Tensor y) where F : struct, IUnary =>
        Each(x, new MapAt<F>(f, Read(x), Write(y)));

    /// <inheritdoc/>
    public void MapBackward<F>(F f, Tensor x, Tensor y, Tensor dy, Accumulator dx) where F : struct, IUnary =>
        Each(x, new MapBackwardAt<F>(f, Read(x), Read(y), Read(dy), Into(dx)));

    /// <inheritdoc/>
    public void Add(Tensor a, Tensor b, Tensor y) => Each(y, new AddAt(Read(a), Read(b), Write(y)));

    /// <inheritdoc/>
    public void Multiply(Tensor a, Tensor b, Tensor y) =>
        Each(y, new MultiplyAt(Read(a), Read(b), new Sink(Write(y), adds: false)));

    /// <inheritdoc/>
    public void MultiplyBackward(Tensor dy, Tensor other, Accumulator dx) => Each(dy, new MultiplyAt(Read(dy), Read(other), Into(dx)));

    /// <inheritdoc/>
    public void Ratio(Tensor a, Tensor b, float epsilon, Tensor y) => Each(y, new RatioAt(Read(a), Read(b), epsilon, Write(y)));

    /// <inheritdoc/>
    public void Accumulate(Tensor dy, Accumulator dx) => Each(dy, new AccumulateAt(Read(dy), Into(dx)));

    /// <inheritdoc/>
    public void Gate(Tensor y, Tensor dy) => Each(y, new GateAt(Read(y), Write(dy)));

    /// <summary>Runs a body at every element of x.</summary>
    private void Each<T>(Tensor x, T body) where T : struct, IPointwise => EachOfRows(1, x.Shape.Count, body);

    /// <summary>Runs a body at every element of every row.</summary>
    private void EachOfRows<T>(int rows, int row, T body) where T : struct, IPointwise
    {
        var tiles = new PointwiseTiles<T>(row, body);
        _workers.Run(tiles.Count(rows), tiles);
    }

    private static Sink Into(Accumulator dx) => new(Write(dx.Tensor), dx.Adds);

    private readonly struct MapAt<F>(F f, float* x, float* y) : IPointwise where F : struct, IUnary
    {
        public void At<V>(int i, int feature) where V : struct, ILanes<V> => V.Store(f.At(V.Load(x + i)), y + i);
    }

    private readonly struct MapBackwardAt<F>(F f, float* x, float* y, float* dy, Sink dx) : IPointwise where F : struct, IUnary
    {
        public void At<V>(int i, int feature) where V : struct, ILanes<V> =>
            dx.Put(i, f.Backward(V.Load(dy + i), V.Load(x + i), V.Load(y + i)));
    }

    private readonly struct AddAt(float* a, float* b, float* y) : IPointwise
    {
        public void At<V>(int i, int feature) where V : struct, ILanes<V> => V.Store(V.Load(a + i) + V.Load(b + i), y + i);
    }

    private readonly struct MultiplyAt(float* a, float* b, Sink y) : IPointwise
    {
        public void At<V>(int i, int feature) where V : struct, ILanes<V> => y.Put(i, V.Load(a + i) * V.Load(b + i));
    }

    private readonly struct RatioAt(float* a, float* b, float epsilon, float* y) : IPointwise
    {
        public void At<V>(int i, int feature) where V : struct, ILanes<V>
        {
            V divisor = V.Load(b + i);
            divisor = V.Select(V.Same(divisor, 0f), 1f, divisor);
            V.Store(V.Load(a + i) / (divisor + V.Select(divisor < 0f, -epsilon, epsilon)), y + i);
        }
    }

    private readonly struct AccumulateAt(float* dy, Sink dx) : IPointwise
    {
        public void At<V>(int i, int feature) where V : struct, ILanes<V> => dx.Put(i, V.Load(dy + i));
    }

    private readonly struct GateAt(float* y, float* dy) : IPointwise
    {
        public void At<V>(int i, int feature) where V : struct, ILanes<V> =>
            V.Store(V.Gated(V.Load(dy + i), V.Load(y + i)), dy + i);
    }
}
