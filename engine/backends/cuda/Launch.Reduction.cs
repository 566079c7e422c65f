using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda;

internal readonly partial struct Launch
{
    /// <summary>Elements that one warp sums. A longer run is summed in two stages.</summary>
    private const int Chunk = 2048;

    /// <summary>Scratch bytes between the two stages of a sum; 0 if <see cref="Sum"/> alone suffices.</summary>
    public static long SumScratch(Tensor x, Tensor y) => Chunks(x, y) > 1 ? (long)y.Shape.Count * Chunks(x, y) * sizeof(double) : 0;

    /// <summary>Sums all runs in one stage.</summary>
    public static Launch Sum(Tensor x, float factor, Tensor y) =>
        new("sum", "sum_forward", Warps(y.Shape.Count), Threads(128), x, factor, y, y.Shape.Count, Run(x, y));

    /// <summary>The first of two stages; <paramref name="partial"/> has <see cref="SumScratch"/> bytes.</summary>
    public static Launch SumChunks(Tensor x, nint partial, Tensor y) =>
        new("sum", "sum_chunks", Warps((long)y.Shape.Count * Chunks(x, y)), Threads(128),
            x, partial, y.Shape.Count, Run(x, y), Chunks(x, y), Chunk);

    /// <summary>The second stage.</summary>
    public static Launch SumTotal(Tensor x, nint partial, float factor, Tensor y) =>
        new("sum", "sum_total", Warps(y.Shape.Count), Threads(128), partial, factor, y, y.Shape.Count, Chunks(x, y));

    public static Launch SumBackward(Tensor dy, float factor, Accumulator dx) =>
        new("sum", "sum_backward", RowQuads(dy.Shape.Count, Run(dx.Tensor, dy)), Threads(256),
            dy, factor, dx.Tensor, dy.Shape.Count, Run(dx.Tensor, dy), dx.Adds);

    /// <summary>Scratch bytes between <see cref="BiasChunks"/> and <see cref="BiasTotal"/>.</summary>
    public static long BiasScratch(Tensor dy) => (long)BiasGrid(dy).Y * dy.Shape.C * sizeof(double);

    public static Launch BiasChunks(Tensor dy, nint partial) =>
        new("bias", "bias_chunks", BiasGrid(dy), new Extent(32, 8), dy, partial, dy.Shape.Count / dy.Shape.C, dy.Shape.C, BiasChunk(dy));

    public static Launch BiasTotal(Tensor dy, nint partial, Accumulator db) =>
        new("bias", "bias_total", Blocks(dy.Shape.C, 128), Threads(128), partial, db.Tensor, (int)BiasGrid(dy).Y, dy.Shape.C, db.Adds);

    private static Extent Warps(long count) => Blocks(count * WarpSize, 128);

    private static int Run(Tensor x, Tensor y) => x.Shape.Count / y.Shape.Count;

    private static int Chunks(Tensor x, Tensor y) => Up(Run(x, y), Chunk);

    /// <summary>Rows that one block sums: enough blocks to fill a device, and few enough chunks for the second stage.</summary>
    private static int BiasChunk(Tensor dy) => Math.Max(128, Up(dy.Shape.Count / dy.Shape.C, 512));

    private static Extent BiasGrid(Tensor dy) => new((uint)Up(dy.Shape.C, 128), (uint)Up(dy.Shape.Count / dy.Shape.C, BiasChunk(dy)));
}
