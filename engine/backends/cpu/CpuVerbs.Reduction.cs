using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Iba.Engine.Backends.Cpu.Simd;
using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cpu;

internal sealed unsafe partial class CpuVerbs
{
    private double[] _partials = [];

    /// <inheritdoc/>
    public void Sum(Tensor x, float factor, Tensor y)
    {
        int runs = y.Shape.Count;
        int blocks = SumTiles.Blocks(x.Shape.Count / runs);
        if (_partials.Length < runs * blocks)
            _partials = new double[runs * blocks];
        fixed (double* partials = _partials)
        {
            _workers.Run(runs * blocks, new SumTiles(x.Shape.Count / runs, Read(x), partials));
            float* to = Write(y);
            for (int run = 0; run < runs; run++)
            {
                double sum = 0;
                for (int block = 0; block < blocks; block++)
                    sum += partials[run * blocks + block];
                to[run] = (float)(factor * sum);
            }
        }
    }

    /// <inheritdoc/>
    public void SumBackward(Tensor dy, float factor, Accumulator dx)
    {
        int runs = dy.Shape.Count;
        int run = dx.Tensor.Shape.Count / runs;
        EachOfRows(runs, run, new SumBackwardAt(run, factor, Read(dy), Into(dx)));
    }

    private readonly struct SumBackwardAt(int run, float factor, float* dy, Sink dx) : IPointwise
    {
        public void At<V>(int i, int feature) where V : struct, ILanes<V> => dx.Put<V>(i, factor * dy[i / run]);
    }

    /// <summary>
    /// Sums a run in blocks, and a block in 16 partial sums (index modulo 16). The order depends only on the length of the run, not on
    /// threads, register width or the number of runs.
    /// </summary>
    private readonly struct SumTiles(int run, float* x, double* partials) : ITiles
    {
        private const int Block = 8192;
        private const int PartialSums = 16;

        public static int Blocks(int run) => (run + Block - 1) / Block;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int tile, int worker)
        {
            int blocks = Blocks(run);
            int start = tile % blocks * Block;
            float* from = x + (long)(tile / blocks) * run + start;
            int count = Math.Min(Block, run - start);

            Vector256<double> a = default, b = default, c = default, d = default;
            int i = 0;
            for (; i <= count - PartialSums; i += PartialSums)
            {
                a += Widened(from + i);
                b += Widened(from + i + 4);
                c += Widened(from + i + 8);
                d += Widened(from + i + 12);
            }
            Vector256<double> all = a + b + (c + d);
            double sum = all[0] + all[1] + (all[2] + all[3]);
            for (; i < count; i++)
                sum += from[i];
            partials[tile] = sum;
        }

        private static Vector256<double> Widened(float* x) =>
            Vector256.Create(Vector128.WidenLower(Vector128.Load(x)), Vector128.WidenUpper(Vector128.Load(x)));
    }
}
