using Iba.Engine.Backends.Cpu.Products;
using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cpu;

internal sealed unsafe partial class CpuVerbs
{
    /// <summary>
    /// Rows of unpacked weights summed at once where dx = dy w: few, so that a tile reads long contiguous pieces of each row.
    /// </summary>
    private const int RawChunk = 32;

    /// <inheritdoc/>
    public void Linear(Tensor x, Tensor w, Tensor? bias, bool relu, Tensor y)
    {
        Watch?.Invoke("dot products");
        var rows = new DotProduct
        {
            Scratch = Workspace.Scratch,
            X = Read(x),
            W = Read(w),
            N = x.Shape.N,
            K = w.Shape.N,
            C = w.Shape.C,
            Bias = bias is null ? null : Read(bias),
            Relu = relu,
            Y = Write(y),
        };
        _workers.Run(rows.Tiles, rows);
    }

    /// <inheritdoc/>
    public void LinearBackwardData(Tensor dy, Tensor w, Accumulator dx)
    {
        (int n, int k, int c) = (dy.Shape.N, w.Shape.N, w.Shape.C);
        Watch?.Invoke("product");
        SetRegion(n, a: k, y: c, depth: k);
        float* to = Write(dx.Tensor);
        Run(new Product
        {
            A = Read(dy),
            AStep = 1,
            B = Read(w),
            BColumn = 1,
            BStep = c,
            Start = dx.Adds ? to : null,
            Gate = dx.Gate is null ? null : Read(dx.Gate),
            Y = to,
            Columns = c,
        }, RawChunk);
    }

    /// <inheritdoc/>
    public void LinearBackwardWeights(Tensor x, Tensor dy, Accumulator dw) =>
        Run(new WeightProduct { Geometry = new ConvGeometry(1), Height = 1, Width = 1, OutHeight = 1, OutWidth = 1 }, x, dy, dw);

    /// <inheritdoc/>
    public void BiasBackward(Tensor dy, Accumulator db)
    {
        int k = dy.Shape.C;
        SetRegion(1, a: 0, y: k, depth: dy.Shape.Count / k);
        float* to = Write(db.Tensor);
        float one = 1f;
        Run(new Product
        {
            A = &one,
            AStep = 0,
            B = Read(dy),
            BColumn = 1,
            BStep = k,
            Start = db.Adds ? to : null,
            Y = to,
            Columns = k,
        }, Chunk);
    }

    /// <summary>
    /// Sets one region of <paramref name="count"/> rows. They are <paramref name="a"/> elements apart in the left operand and
    /// <paramref name="y"/> in the result.
    /// </summary>
    private void SetRegion(int count, int a, int y, int depth)
    {
        Workspace.Regions.Clear();
        Workspace.Taps.Clear();
        Workspace.Regions.Add(new ProductRegion
        {
            Rows = count,
            Height = 1,
            Width = count,
            AStrideW = a,
            YStrideW = y,
            TapCount = 1,
            Depth = depth,
        });
        Workspace.Taps.Add(default);
    }
}
