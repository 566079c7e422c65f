using System.Diagnostics;
using System.Globalization;
using Iba;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Backends.Cpu.Simd;
using Iba.Engine.Tensors;
using Tests;

namespace Benchmarks;

/// <summary>
/// This project's side of a comparison that another process controls (tests/pytorch/compare.py): a request per line on stdin, an answer per line on stdout.
/// The first request of its kind makes what it needs and warms it up. Requests:
/// <list type="bullet">
/// <item><c>forward|data on|off N SIDE C K KERNEL STRIDE PADDING</c>: seconds of a convolution, by Winograd where it gains or not;</item>
/// <item><c>product ROWS DEPTH COLUMNS</c>: seconds of a matrix product;</item>
/// <item><c>attribution on|off NETWORK</c>: seconds of a per-sample attribution at 224 x 224 with the paper's settings, random weights;</item>
/// <item><c>pass forward|gradient BATCH NETWORK</c>: seconds of a pass of the whole network, without or with the gradient of the pixels;</item>
/// <item><c>method NAME NETWORK</c>: seconds of a method with its default settings on one picture;</item>
/// <item><c>bits</c>: the width of the registers in use;</item>
/// <item><c>peak</c>: GFLOP/s of the cores' registers; <c>memory</c>: the most bytes the process has held;</item>
/// <item><c>layers</c>: the networks' convolutions, one <c>TIMES N SIDE C K KERNEL STRIDE PADDING NAME</c> per line, then an empty line.</item>
/// </list>
/// </summary>
internal sealed class Serve(int threads) : IDisposable
{
    private const double LeastSeconds = 0.02;

    private readonly CpuBackend _direct = new(threads) { Winograd = false };
    private readonly CpuBackend _winograd = new(threads);
    private readonly Dictionary<string, Func<double>> _works = [];

    public static void Run(int threads)
    {
        using var serve = new Serve(threads);
        serve.Answer();
    }

    private void Answer()
    {
        while (Console.ReadLine() is { } request)
        {
            if (request == "layers")
            {
                foreach (Layer layer in Layer.All)
                {
                    ConvGeometry geometry = layer.Geometry;
                    Console.WriteLine(
                        $"{layer.Times} {layer.X.N} {layer.Side} {layer.C} {layer.K} {geometry.Kernel} {geometry.Stride} {geometry.Padding} {layer.Name}");
                }
                Console.WriteLine();
                continue;
            }
            if (!_works.TryGetValue(request, out Func<double>? work))
                _works.Add(request, work = Make(request.Split(' ')));
            Console.WriteLine(work().ToString("R", CultureInfo.InvariantCulture));
        }
    }

    public void Dispose()
    {
        _direct.Dispose();
        _winograd.Dispose();
    }

    private Func<double> Make(string[] request) => request switch
    {
        ["peak"] => () => Peak.Measure(threads),
        ["memory"] => () => Process.GetCurrentProcess().PeakWorkingSet64,
        ["attribution", var winograd, var name] => Whole(WholePasses.Attribution(new FullSizeNetwork(name, Backend(winograd)))),
        ["bits"] => () => Registers.Bits,
        ["pass", "forward", var batch, var name] => Whole(WholePasses.Forward(new FullSizeNetwork(name, _winograd), int.Parse(batch))),
        ["pass", "gradient", var batch, var name] => Whole(WholePasses.Gradient(new FullSizeNetwork(name, _winograd), int.Parse(batch))),
        ["method", var method, var name] => Method(new FullSizeNetwork(name, _winograd), method),
        ["product", var m, var k, var n] => Convolution(_direct, false, new Shape(1, 1, int.Parse(m), int.Parse(k)), int.Parse(n), new ConvGeometry(1)),
        ["forward" or "data", var winograd, var n, var side, var c, var k, var kernel, var stride, var padding] => Convolution(
            Backend(winograd), request[0] == "data", new Shape(int.Parse(n), int.Parse(side), int.Parse(side), int.Parse(c)), int.Parse(k),
            new ConvGeometry(int.Parse(kernel), int.Parse(stride), int.Parse(padding))),
        _ => throw new ArgumentException($"not a request: {string.Join(' ', request)}"),
    };

    private CpuBackend Backend(string winograd) => winograd == "on" ? _winograd : _direct;

    private Func<double> Convolution(CpuBackend backend, bool toData, Shape shape, int k, ConvGeometry geometry)
    {
        Tensor x = backend.Random(shape), w = backend.Random(new Shape(k, geometry.Kernel, geometry.Kernel, shape.C));
        Tensor y = backend.Random(geometry.Output(shape, k)), bias = backend.Random(new Shape(k));
        Action run = toData
            ? () => backend.ConvolutionBackwardData(y, w, geometry, new(x, Adds: false))
            : () => backend.Convolution(x, w, bias, null, relu: true, geometry, y);
        run();
        double once = Time(run, 1);
        int times = Math.Max(1, (int)(LeastSeconds / once));
        // As the other side does: the same work once unmeasured, because clocks and caches went cold during the other's turn.
        return () =>
        {
            Time(run, times);
            return Time(run, times);
        };
    }

    private Func<double> Method(FullSizeNetwork network, string name)
    {
        Func<Explanation> method = WholePasses.Method(network, name);
        return Whole(() => method());
    }

    private Func<double> Whole(Action run)
    {
        run();
        return () => Time(run, 1);
    }

    private double Time(Action run, int times)
    {
        var clock = new Clock(threads);
        for (int i = 0; i < times; i++)
            run();
        return clock.Seconds / times;
    }
}
