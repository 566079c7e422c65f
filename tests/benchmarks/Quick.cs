using Iba.Engine.Backends;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Tensors;
using Tests;

namespace Benchmarks;

/// <summary>
/// A stopwatch over all layers in turn, round after round, with the peak measured between: on a shared machine only what is interleaved
/// can be compared. Best and median of all rounds, as GFLOP/s and as a share of the best peak seen. Operations are counted as a direct
/// convolution's, also for Winograd, which can exceed the peak because it needs fewer.
/// </summary>
internal static class Quick
{
    private const int Rounds = 15;

    public static void Run(string[] args)
    {
        int threads = args.Length > 0 && int.TryParse(args[0], out int given) ? given : Environment.ProcessorCount;
        string[] names = [.. args.Where(arg => !int.TryParse(arg, out _))];
        using CpuBackend direct = new(threads) { Winograd = false }, winograd = new(threads);
        Work[] works = [.. Works(direct, winograd).Where(work => names.Length == 0 || names.Any(name => work.Name.Contains(name, StringComparison.Ordinal)))];
        double peak = 0;
        for (int round = 0; round < Rounds; round++)
        {
            peak = Math.Max(peak, Peak.Measure(threads));
            foreach (Work work in works)
                work.Measure(threads);
        }

        Console.WriteLine($"{threads} threads, peak {peak:F0} GFLOP/s");
        Console.WriteLine($"{"",-32}{"best",8}{"share",8}{"median",8}  GFLOP/s");
        foreach (Work work in works)
            Console.WriteLine($"{work.Name,-32}{work.Best,8:F0}{work.Best / peak,8:P0}{work.Median,8:F0}");
        foreach (string network in (string[])["r ", "v "])
        {
            Work[] own = [.. works.Where(work =>
                work.Name.StartsWith(network, StringComparison.Ordinal) && work.Times > 0 && !work.Name.EndsWith(Winograd(""), StringComparison.Ordinal))];
            if (own.Length == 0)
                continue;
            Sum($"{network}suffix, both directions, direct", own);
            Sum($"{network}suffix, both directions, winograd", own.Select(work => works.FirstOrDefault(other => other.Name == Winograd(work.Name)) ?? work));
        }

        void Sum(string what, IEnumerable<Work> works)
        {
            double flops = works.Sum(work => work.Times * work.Flops), seconds = works.Sum(work => work.Times * work.Flops / work.Best / 1e9);
            double rate = flops / seconds / 1e9;
            Console.WriteLine($"{what}: {flops / 1e9:F1} GFLOP in {seconds * 1e3:F1} ms best, {rate:F0} GFLOP/s, {rate / peak:P0}");
        }
    }

    private static string Winograd(string name) => $"{name} winograd";

    private static IEnumerable<Work> Works(IBackend backend, IBackend winograd)
    {
        foreach (Layer layer in Layer.All)
        {
            Tensor x = backend.Random(layer.X), w = backend.Random(layer.W), y = backend.Random(layer.Y);
            Tensor dw = backend.Random(layer.W), bias = backend.Random(new(layer.K));
            yield return new(layer.Name, layer.Flops, layer.Times, () => backend.Convolution(x, w, bias, null, relu: true, layer.Geometry, y));
            yield return new($"{layer.Name} data", layer.Flops, layer.Times, () => backend.ConvolutionBackwardData(y, w, layer.Geometry, new(x, Adds: false)));
            if (layer.Geometry is { Kernel: 3, Stride: 1 })
            {
                Tensor x2 = winograd.Random(layer.X), w2 = winograd.Random(layer.W), y2 = winograd.Random(layer.Y), bias2 = winograd.Random(new(layer.K));
                yield return new(Winograd(layer.Name), layer.Flops, layer.Times,
                    () => winograd.Convolution(x2, w2, bias2, null, relu: true, layer.Geometry, y2));
                yield return new(
                    Winograd($"{layer.Name} data"), layer.Flops, layer.Times,
                    () => winograd.ConvolutionBackwardData(y2, w2, layer.Geometry, new(x2, Adds: false)));
            }
            yield return new($"{layer.Name} weights", layer.Flops, 0, () => backend.ConvolutionBackwardWeights(x, y, layer.Geometry, new(dw, Adds: false)));
        }
        foreach ((int c, int k) in ((int, int)[])[(25088, 4096), (2048, 1000)])
        {
            Tensor x = backend.Random(new(10, c)), w = backend.Random(new(k, c)), y = backend.Random(new(10, k));
            double flops = 2.0 * 10 * c * k;
            yield return new($"linear {c}>{k}", flops, 0, () => backend.Linear(x, w, null, relu: true, y));
            yield return new($"linear {c}>{k} data", flops, 0, () => backend.LinearBackwardData(y, w, new(x, Adds: false)));
        }
    }

    /// <summary>One verb on one shape, and its measured speeds.</summary>
    private sealed record Work(string Name, double Flops, int Times, Action Run)
    {
        private readonly List<double> _speeds = [];

        public double Best => _speeds.Max();

        public double Median => _speeds.Order().ElementAt(_speeds.Count / 2);

        public void Measure(int threads)
        {
            if (_speeds.Count == 0)
                Run();
            var clock = new Clock(threads);
            Run();
            _speeds.Add(Flops / clock.Seconds / 1e9);
        }
    }
}
