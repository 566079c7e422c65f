using Iba.Backpropagation;
using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Diagnostics;
using Iba.Engine.Networks;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;

namespace Iba.Paths;

/// <summary>A network on a kept tape, with one photo and the logit of one class: everything between a pixel and a logit can be read.</summary>
public sealed class RecordedScore : IDisposable
{
    /// <summary>The names of the lines that hold the photo and the score.</summary>
    public const string InputName = "input", ScoreName = "score";

    private readonly TensorScope _tensors;
    private readonly float[] _pixels;

    /// <param name="network">The classifier.</param>
    /// <param name="image">(1, H, W, 3) the shape of a photo.</param>
    /// <param name="pixels">H x W x 3 numbers; they are not checked, so that NaN and large numbers can be followed.</param>
    /// <param name="target">The class; null for the predicted one.</param>
    /// <param name="fused">Whether units are one line each, as in all other runs, or recorded in parts. A rule needs the parts.</param>
    /// <exception cref="ArgumentException">The network has no such class, or the photo has another size.</exception>
    public RecordedScore(Network network, Shape image, ReadOnlySpan<float> pixels, int? target = null, bool fused = false)
    {
        ArgumentNullException.ThrowIfNull(network);
        _pixels = pixels.ToArray();
        _tensors = new TensorScope(network.Backend);
        Tape = new Tape(network.Backend);
        try
        {
            Input = Tape.Variable(_tensors.Upload(_pixels, image.WithN(1)), InputName);
            Logits = network.Record(Input, fused);
            Tensor seed = _tensors.Allocate(Logits.Shape);
            Score = (Logits * Tape.Constant(seed, "seed")).Sum().Named(ScoreName);
            Layers = [InputName, .. LayersOn(Tape, network)];
            Tape.Forward();
            float[] logits = network.Backend.Read(Logits.Data);
            Target = Classes.Explained(target, logits);
            Probability = Classes.Probabilities(logits)[Target];
            float[] one = new float[logits.Length];
            one[Target] = 1;
            network.Backend.Upload(one, seed);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The tape.</summary>
    public Tape Tape { get; }

    /// <summary>(1, H, W, 3) the photo.</summary>
    public Value Input { get; }

    /// <summary>(1, K) the logits.</summary>
    public Value Logits { get; }

    /// <summary>(1) the logit of the class.</summary>
    public Value Score { get; }

    /// <summary>The class.</summary>
    public int Target { get; }

    /// <summary>The network's probability of the class.</summary>
    public double Probability { get; }

    /// <summary>The input and the network's layers: lines at which the network could be cut in two.</summary>
    public IReadOnlyList<string> Layers { get; }

    /// <summary>
    /// How far the sums of integrated gradients are from complete, layer by layer. Along the straight path from a baseline to the photo, the gradient at a
    /// layer times the change of its numbers, summed over all steps, is the change of the logit (Sundararajan et al. 2017; at the input the sum is that of
    /// integrated gradients). With finitely many steps a gap remains.
    /// </summary>
    /// <param name="path">The layers to which the gaps are added.</param>
    /// <param name="baseline">The start of the path.</param>
    /// <param name="steps">Points on the path.</param>
    public IReadOnlyList<PathLayer> WithCompleteness(IReadOnlyList<PathLayer> path, Baseline baseline, int steps)
    {
        IBackend on = Tape.Backend;
        using Backend.Call together = on.Enter(nameof(RecordedScore));
        Value[] lines = [.. path.Select(layer => Tape[layer.Name])];
        float[][] before = new float[lines.Length][];
        double[] sums = new double[lines.Length];
        float[] start = baseline.Of(_pixels);
        Gradients? d = null;
        double first = 0, last = 0;
        for (int step = 0; step <= steps; step++)
        {
            on.Upload([.. _pixels.Select((x, i) => step == steps ? x : start[i % 3] + (float)((double)step / steps) * (x - start[i % 3]))], Input.Data);
            Tape.Forward();
            last = on.Read(Score.Data)[0];
            if (step == 0)
                first = last;
            else
                d = Tape.BackwardAgain(Score, null, d);
            for (int i = 0; i < lines.Length; i++)
            {
                float[] now = on.Read(lines[i].Data);
                if (step > 0)
                    sums[i] += on.Read(d![lines[i]]).Zip(now, (slope, x) => (slope, x)).Zip(before[i], (at, old) => at.slope * ((double)at.x - old)).Sum();
                before[i] = now;
            }
        }
        double change = last - first;
        return [.. path.Select((layer, i) => layer with { CompletenessGap = change == 0 ? null : Math.Abs(sums[i] - change) / Math.Abs(change) })];
    }

    /// <summary>The names of a network's layers that are lines of a tape.</summary>
    internal static IEnumerable<string> LayersOn(Tape tape, Network network) =>
        network.Layers.Where(layer => layer is not DropoutLayer && tape.Any(line => line.Name == layer.Name)).Select(layer => layer.Name);

    /// <inheritdoc/>
    public void Dispose()
    {
        Tape.Dispose();
        _tensors.Dispose();
    }
}
