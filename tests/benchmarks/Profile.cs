using Iba.Engine.Autograd;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Ops;

namespace Benchmarks;

/// <summary>The time of every line of a whole network's pass, best of some rounds, with what it computes per second: where a pass's time goes.</summary>
internal sealed class Profile(int threads) : TapeWatch
{
    private const int Rounds = 9;

    private readonly Dictionary<(Value Line, bool Backward), double> _best = [];
    private Clock _clock;

    /// <param name="direction">Forward or gradient: with a backward pass to the pixels.</param>
    /// <param name="batch">Pictures.</param>
    /// <param name="architecture">A network.</param>
    /// <param name="threads">Cores.</param>
    public static void Run(string direction, int batch, string architecture, int threads)
    {
        using var backend = new CpuBackend(threads);
        var network = new FullSizeNetwork(architecture, backend);
        (Tape tape, Action run) = WholePasses.Recorded(network, batch, direction == "gradient");
        run();
        double peak = Peak.Measure(threads), plain = double.PositiveInfinity;
        var profile = new Profile(threads);
        for (int round = 0; round < Rounds; round++)
        {
            tape.Watch = null;
            var clock = new Clock(threads);
            run();
            plain = Math.Min(plain, clock.Seconds);
            tape.Watch = profile;
            run();
            peak = Math.Max(peak, Peak.Measure(threads));
        }
        profile.Print(plain, peak);
    }

    /// <inheritdoc/>
    public override void Before(Value y) => _clock = new Clock(threads);

    /// <inheritdoc/>
    public override void AfterForward(Value y) => Note(y, backward: false);

    /// <inheritdoc/>
    public override void AfterBackward(Value y, Gradients d) => Note(y, backward: true);

    private void Note(Value y, bool backward)
    {
        double seconds = _clock.Seconds;
        _best[(y, backward)] = Math.Min(seconds, _best.GetValueOrDefault((y, backward), seconds));
    }

    /// <summary>Operations are counted as a direct convolution's, zeros of the padding included.</summary>
    private void Print(double plain, double peak)
    {
        double sum = _best.Values.Sum(), all = 0;
        foreach (((Value y, bool backward), double seconds) in _best)
        {
            double flops = y.Op is Convolution or Linear ? 2.0 * y.Shape.Count * y[1].Shape.Row : 0;
            all += flops;
            string speed = flops > 0 ? $"{flops / seconds / 1e9:F0}" : "";
            Console.WriteLine(
                $"{(backward ? "back " : "     ")}{y.Name,-26}{y[0].Shape,-20} {y.Shape,-20}"
                + $"{seconds * 1e3,9:F3} ms {seconds / sum,6:P1} {speed,5} {y.Op}");
        }
        Console.WriteLine(
            $"lines {sum * 1e3:F1} ms, whole pass {plain * 1e3:F1} ms, {all / 1e9:F1} GFLOP, {all / plain / 1e9:F0} GFLOP/s of {peak:F0}; "
            + $"others than convolutions {_best.Where(line => line.Key.Line.Op is not Convolution).Sum(line => line.Value) / sum:P1}");
    }
}
