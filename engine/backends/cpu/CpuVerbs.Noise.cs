using System.Runtime.CompilerServices;
using Iba.Engine.Backends.Cpu.Simd;
using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cpu;

internal sealed unsafe partial class CpuVerbs
{
    /// <inheritdoc/>
    public void AddNoise(Tensor x, Noise noise, float scale, Tensor y)
    {
        int copies = y.Shape.N / noise.Images.Shape.Count;
        NoiseRows rows = RowsOf(noise, copies, y.Shape.Row);
        _workers.Run(rows.Tiles(y.Shape.N), new AddNoiseTiles(rows, y.Shape.N / x.Shape.N, Read(x), scale, Write(y)));
    }

    private static NoiseRows RowsOf(Noise noise, int copies, int row) => new(
        noise.Seed, Read(noise.Images), (uint)*Read(noise.Step), noise.Recorded is null ? null : Read(noise.Recorded), copies, row);

    /// <summary>Adds noise to a block of a row. Each row of x gives <paramref name="repeats"/> rows of y.</summary>
    private readonly struct AddNoiseTiles(NoiseRows noise, int repeats, float* x, float scale, float* y) : ITiles
    {
        [SkipLocalsInit]
        public void Run(int tile, int worker)
        {
            float* scratch = stackalloc float[NoiseRows.Scratch];
            (int row, int first, int count) = noise.Tile(tile);
            float* ε = noise.Block(row / noise.Copies, row % noise.Copies, first, count, scratch);
            float* from = x + (long)(row / repeats) * noise.Row + first;
            Pointwise.Run(new AddNoiseAt(from, ε, scale, y + (long)row * noise.Row + first), 0, 0, count);
        }

        private readonly struct AddNoiseAt(float* x, float* ε, float scale, float* y) : IPointwise
        {
            public void At<V>(int i, int feature) where V : struct, ILanes<V> =>
                V.Store(V.Fma(scale, V.Load(ε + i), V.Load(x + i)), y + i);
        }
    }
}
