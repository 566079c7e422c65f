using System.Diagnostics;
using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Iba.Engine.Diagnostics;

/// <summary>How a gradient path is recorded.</summary>
public sealed record GradientPathSettings
{
    /// <summary>A second backward pass, beside the plain gradient; null for none.</summary>
    public BackwardRule? Rule { get; init; }

    /// <summary>
    /// Names of lines at which the network could be cut in two, first to last: <see cref="GradientPath.Layers"/> follows the gradient from one to the next.
    /// </summary>
    public IReadOnlyList<string> Layers { get; init; } = [];

    /// <summary>Runs whose median time is given.</summary>
    public int Repeats { get; init; } = 5;

    /// <summary>Whether activations and gradients are read and summarised. If not, only times and bytes are recorded.</summary>
    public bool Statistics { get; init; } = true;

    /// <summary>Whether the bandwidth of a copy of 64 MiB is measured, with which each line's is compared.</summary>
    public bool MeasuresPeak { get; init; } = true;
}

/// <summary>
/// Every line of a tape between the inputs and a loss, forward and backward: what it computes, with which code, in what time, and what its numbers and
/// their gradients are like. The tape stays as it is after the last pass, so single tensors can be read from it.
/// </summary>
/// <param name="Lines">The lines, in order.</param>
/// <param name="Layers">The gradient at the layers that were named, first to last.</param>
/// <param name="FirstNonFinite">The first line that computed NaN or an infinity, forward before backward; null if there is none.</param>
/// <param name="Times">The times of whole passes.</param>
/// <param name="Gradients">The plain gradients; those of all lines remain.</param>
/// <param name="RuleGradients">The gradients of the second backward pass; null if there was none.</param>
public sealed record GradientPath(
    IReadOnlyList<PathLine> Lines, IReadOnlyList<PathLayer> Layers, NonFiniteLine? FirstNonFinite, PathTimes Times, Gradients Gradients,
    Gradients? RuleGradients)
{
    private const int PeakMegabytes = 64, PeakRuns = 8;

    /// <summary>The line with that name; the last one if several have it.</summary>
    /// <exception cref="KeyNotFoundException">No line has that name.</exception>
    public PathLine this[string name] => Lines.LastOrDefault(line => line.Name == name)
        ?? throw new KeyNotFoundException($"the path has no line '{name}'. Its lines: {string.Join(", ", Lines.Select(line => line.Name).Distinct())}.");

    /// <summary>The layer that passes on the smallest fraction of its gradient's norm; null if no layers were named.</summary>
    public PathLayer? LargestLoss => Layers.Where(layer => layer.Passed is not null).MinBy(layer => layer.Passed);

    /// <summary>
    /// The first layer on the way back at which the two passes differ in direction: the cosine of their gradients is below 0.999. Null if none does, or if
    /// there was one pass.
    /// </summary>
    public PathLayer? Parting => Layers.LastOrDefault(layer => layer.Cosine < 0.999);

    /// <summary>Runs a tape forward and backward several times and records what every line did.</summary>
    /// <param name="tape">The tape; not planned, so that every value remains.</param>
    /// <param name="loss">Where the backward pass starts.</param>
    /// <param name="settings">What is recorded; null for times, bytes and figures of the plain gradient.</param>
    /// <exception cref="ArgumentException">The tape is planned, no line has a layer's name, or a setting is out of its range.</exception>
    public static GradientPath Of(Tape tape, Value loss, GradientPathSettings? settings = null)
    {
        ArgumentNullException.ThrowIfNull(tape);
        settings ??= new GradientPathSettings();
        Setting.Demand(settings.Repeats is >= 1 and <= 10_000, "repeats", settings.Repeats, "1 to 10000");
        if (!tape.KeepsEverything)
            throw new ArgumentException("the tape is planned, and uses the memory of its values again. Record it without Plan.", nameof(tape));
        Value[] cuts = [.. settings.Layers.Select(name => tape.FirstOrDefault(line => line.Name == name)
            ?? throw new ArgumentException($"no line of the tape is named '{name}'.", nameof(settings)))];

        TapeWatch? before = tape.Watch;
        try
        {
            return new Recording(tape, loss, settings, cuts).Run();
        }
        finally
        {
            tape.Watch = before;
        }
    }

    /// <summary>Bytes per millisecond of a copy that does not fit the caches: reads and writes count.</summary>
    private static double Peak(IBackend backend)
    {
        using var tensors = new TensorScope(backend);
        var shape = new Shape(PeakMegabytes << 18);
        Tensor from = tensors.Allocate(shape), to = tensors.Allocate(shape);
        double best = double.PositiveInfinity;
        for (int run = 0; run < PeakRuns; run++)
            best = Math.Min(best, Recording.Timed(backend, () => backend.Copy(from, to)));
        return 2.0 * sizeof(float) * shape.Count / best;
    }

    private sealed class Recording(Tape tape, Value loss, GradientPathSettings settings, Value[] cuts)
    {
        private Gradients? _gradients;

        public GradientPath Run()
        {
            using Backend.Call together = tape.Backend.Enter(nameof(GradientPath));
            tape.Watch = null;
            Pass();
            using var times = new LineTimes(tape, settings.Repeats);
            double[] plain = new double[settings.Repeats], recorded = new double[settings.Repeats];
            for (int run = 0; run < settings.Repeats; run++)
            {
                // In turns, and each first every other time: a load of the machine that comes and goes touches both.
                for (int turn = 0; turn < 2; turn++)
                {
                    bool watched = turn != run % 2;
                    tape.Watch = watched ? times : null;
                    (watched ? recorded : plain)[run] = Timed(tape.Backend, Pass);
                }
            }
            double overhead = LineTimes.Median([.. recorded.Zip(plain, (more, less) => more / less)]) - 1;

            var check = new FiniteCheck(throws: false);
            tape.Watch = settings.Statistics ? check : null;
            Gradients? ruled = null;
            TensorFigures?[] activations = new TensorFigures?[tape.Count()], gradients = new TensorFigures?[tape.Count()];
            TensorFigures?[] others = new TensorFigures?[tape.Count()];
            double?[] cosines = new double?[tape.Count()];
            double statistics = Timed(tape.Backend, () =>
            {
                Pass();
                tape.Watch = null;
                ruled = settings.Rule is null ? null : tape.Backward(loss, settings.Rule);
                foreach (Value y in tape.Where(_ => settings.Statistics))
                {
                    activations[y.Line] = TensorFigures.Of(tape.Backend.Read(y.Data));
                    float[]? dy = Read(_gradients!, y), other = ruled is null ? null : Read(ruled, y);
                    gradients[y.Line] = dy is null ? null : TensorFigures.Of(dy);
                    others[y.Line] = other is null ? null : TensorFigures.Of(other);
                    cosines[y.Line] = dy is null || other is null ? null : TensorFigures.Cosine(dy, other);
                }
            });

            double? peak = settings.MeasuresPeak ? Peak(tape.Backend) : null;
            PathLine[] lines = [.. tape.Select(y => PathLine.Of(y, _gradients!.Computes(y), times, peak) with
            {
                Activation = activations[y.Line],
                Gradient = gradients[y.Line],
                Passed = Ratio(y.Inputs.Where(x => x.WantsGradient).Select(x => gradients[x.Line]).FirstOrDefault(), gradients[y.Line]),
                Rule = others[y.Line],
                Cosine = cosines[y.Line],
            })];
            PathLayer[] layers = [.. cuts.Index().Select(cut => PathLayer.Of(lines, cut.Item.Line, cut.Index == 0 ? null : cuts[cut.Index - 1].Line))];
            var passes = new PathTimes(
                settings.Repeats, LineTimes.Median(plain), LineTimes.Median(recorded), overhead, settings.Statistics ? statistics : null, peak / 1e6);
            return new GradientPath(lines, layers, check.First, passes, _gradients!, ruled);
        }

        public static double Timed(IBackend backend, Action work)
        {
            LineTimes.Wait(backend);
            long start = Stopwatch.GetTimestamp();
            work();
            LineTimes.Wait(backend);
            return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }

        /// <summary>One pass forward and backward, into the memory of the one before.</summary>
        private void Pass()
        {
            tape.Forward();
            _gradients = tape.BackwardAgain(loss, null, _gradients);
        }

        private float[]? Read(Gradients d, Value x) => d.Computes(x) && d.Reached(x) ? tape.Backend.Read(d[x]) : null;
    }

    /// <summary>The ratio of two norms; null where the second is 0 or missing.</summary>
    internal static double? Ratio(TensorFigures? of, TensorFigures? to) => of is null || to is not { Norm: > 0 } ? null : of.Norm / to.Norm;
}

/// <summary>The times of whole passes, forward and backward, in milliseconds: medians.</summary>
/// <param name="Repeats">How many of each kind.</param>
/// <param name="Plain">A pass that nothing watches.</param>
/// <param name="Recorded">A pass in which every line is timed.</param>
/// <param name="Overhead">What timing every line costs, as a fraction of the plain pass: the median over pairs of passes that follow each other.</param>
/// <param name="Statistics">The pass that reads every tensor and summarises it, once; null if none did.</param>
/// <param name="PeakGigabytes">Gigabytes per second of a large copy on this device; null if not measured.</param>
public sealed record PathTimes(int Repeats, double Plain, double Recorded, double Overhead, double? Statistics, double? PeakGigabytes)
{
    /// <summary>What the pass with statistics costs more, as a multiple of the plain pass; null if there was none.</summary>
    public double? StatisticsOverhead => Statistics / Plain - 1;
}
