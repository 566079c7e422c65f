using Iba.Engine.Backends;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Tensors;
using Tests;

namespace Benchmarks;

/// <summary>
/// The error of both convolutions against a sum in double precision on the networks' 3 x 3 kernels, forward and data gradient: root of the mean
/// square over that of the results, and the largest error over the largest result, of some thousand results of random numbers.
/// </summary>
internal static class Accuracy
{
    private const int Samples = 4000;

    public static void Run()
    {
        using CpuBackend direct = new() { Winograd = false }, winograd = new();
        Console.WriteLine($"{"",-28}{"direct rms",14}{"max",10}{"winograd rms",16}{"max",10}{"ratio",8}");
        foreach (Layer layer in Layer.All.Where(layer => layer.Geometry is { Kernel: 3, Stride: 1 } && layer.C > 3))
        {
            Report(layer.Name, Forward(direct, direct.Random(layer.X), direct.Random(layer.W)), backend =>
            {
                Tensor y = backend.Allocate(layer.Y);
                backend.Convolution(backend.Random(layer.X), backend.Random(layer.W), null, null, relu: false, layer.Geometry, y);
                return y;
            });
            Report($"{layer.Name} data", Backward(direct, direct.Random(layer.Y), direct.Random(layer.W)), backend =>
            {
                Tensor dx = backend.Allocate(layer.X);
                backend.ConvolutionBackwardData(backend.Random(layer.Y), backend.Random(layer.W), layer.Geometry, new(dx, Adds: false));
                return dx;
            });
        }

        void Report(string name, Func<int, double> exact, Func<IBackend, Tensor> run)
        {
            float[] plain = direct.Read(run(direct)), fast = winograd.Read(run(winograd));
            var random = new Random(1);
            int[] places = [.. Enumerable.Range(0, Samples).Select(_ => random.Next(plain.Length))];
            double[] expected = [.. places.Select(exact)];
            (double rms, double max) = Errors(expected, [.. places.Select(place => plain[place])]);
            (double rmsFast, double maxFast) = Errors(expected, [.. places.Select(place => fast[place])]);
            Console.WriteLine($"{name,-28}{rms,14:E1}{max,10:E1}{rmsFast,16:E1}{maxFast,10:E1}{rmsFast / rms,8:F1}");
        }
    }

    private static (double Rms, double Max) Errors(double[] expected, float[] actual)
    {
        double[] errors = [.. expected.Zip(actual, (e, a) => Math.Abs(a - e))];
        return (Math.Sqrt(errors.Sum(e => e * e) / expected.Sum(e => e * e)), errors.Max() / expected.Max(Math.Abs));
    }

    /// <summary>Number i of y: pixel, then channel.</summary>
    private static Func<int, double> Forward(IBackend backend, Tensor x, Tensor w) => Sum(x.Shape, backend.Read(x), w.Shape.N,
        (float[] weights, int k, int tap, int c) => weights[(k * 9 + tap) * w.Shape.C + c], backend.Read(w));

    private static Func<int, double> Backward(IBackend backend, Tensor dy, Tensor w) => Sum(dy.Shape, backend.Read(dy), w.Shape.C,
        (float[] weights, int c, int tap, int k) => weights[(k * 9 + 8 - tap) * w.Shape.C + c], backend.Read(w));

    private static Func<int, double> Sum(Shape from, float[] x, int columns, Func<float[], int, int, int, float> weight, float[] weights) => i =>
    {
        (int pixel, int column) = Math.DivRem(i, columns);
        (int line, int across) = Math.DivRem(pixel, from.W);
        (int image, int down) = Math.DivRem(line, from.H);
        double sum = 0;
        for (int tap = 0; tap < 9; tap++)
        {
            (int h, int v) = (down - 1 + tap / 3, across - 1 + tap % 3);
            if ((uint)h >= (uint)from.H || (uint)v >= (uint)from.W)
                continue;
            for (int c = 0; c < from.C; c++)
                sum += (double)x[((image * from.H + h) * from.W + v) * from.C + c] * weight(weights, column, tap, c);
        }
        return sum;
    };
}
