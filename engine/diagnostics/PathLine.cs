using Iba.Engine.Autograd;

namespace Iba.Engine.Diagnostics;

/// <summary>One line of a tape, as it ran.</summary>
/// <param name="Line">Its index.</param>
/// <param name="Name">Its name: a layer's in torchvision's spelling, a leaf's own, or the op's.</param>
/// <param name="Op">The op with its settings; null for a leaf.</param>
/// <param name="Shape">The extents of its data, outermost first: N, H, W, C for images.</param>
/// <param name="Inputs">The lines of its inputs.</param>
public sealed record PathLine(int Line, string Name, string? Op, IReadOnlyList<int> Shape, IReadOnlyList<int> Inputs)
{
    /// <summary>Which code computed it; null for a leaf.</summary>
    public string? ForwardCode { get; init; }

    /// <summary>Which code computed its derivative; null where none was.</summary>
    public string? BackwardCode { get; init; }

    /// <summary>Median time in milliseconds; null for a leaf.</summary>
    public double? ForwardMilliseconds { get; init; }

    /// <summary>Median time of the derivative in milliseconds; null where none was computed.</summary>
    public double? BackwardMilliseconds { get; init; }

    /// <summary>Bytes of the tensors that it reads and writes, each once.</summary>
    public long ForwardBytes { get; init; }

    /// <summary>Bytes of the tensors that its derivative reads and writes, each once.</summary>
    public long BackwardBytes { get; init; }

    /// <summary>Bytes per second relative to the device's large copy; above 1 where the caches hold the tensors. Null if not measured.</summary>
    public double? ForwardShareOfPeak { get; init; }

    /// <summary>The same for the derivative.</summary>
    public double? BackwardShareOfPeak { get; init; }

    /// <summary>Its numbers; null without statistics.</summary>
    public TensorFigures? Activation { get; init; }

    /// <summary>The gradient of the loss with respect to it; null where none was computed.</summary>
    public TensorFigures? Gradient { get; init; }

    /// <summary>
    /// The norm of the gradient at its first input that wants one, relative to the norm of its own. Where several lines read that input, as where a residual
    /// branches off, its gradient is the sum of what they all pass back. Of several inputs, as where branches join, the others are not in it.
    /// </summary>
    public double? Passed { get; init; }

    /// <summary>What the rule computed in the gradient's place; null without a rule.</summary>
    public TensorFigures? Rule { get; init; }

    /// <summary>The cosine of the angle between gradient and rule; null where one of them is 0.</summary>
    public double? Cosine { get; init; }

    internal static PathLine Of(Value y, bool hasGradient, LineTimes times, double? peak)
    {
        var line = new PathLine(y.Line, y.Name, y.Op?.ToString(), [.. y.Shape.Dims], [.. y.Inputs.Select(x => x.Line)]);
        if (y.Op is not { } op)
            return line;
        Value[] inputs = [.. y.Inputs.Distinct()];
        long forward = sizeof(float) * (y.Shape.Count + inputs.Sum(x => (long)x.Shape.Count));
        long backward = !hasGradient ? 0 : sizeof(float) * (y.Shape.Count + (op.RereadsOutput(y) || op.EndsInRelu ? y.Shape.Count : 0L)
            + y.Inputs.Where((_, i) => op.RereadsInput(y, i)).Sum(x => (long)x.Shape.Count)
            + inputs.Where(x => x.WantsGradient).Sum(x => (long)x.Shape.Count));
        double? there = times.Milliseconds(y.Line, backward: false), back = times.Milliseconds(y.Line, backward: true);
        return line with
        {
            ForwardCode = times.ForwardCode[y.Line],
            BackwardCode = times.BackwardCode[y.Line],
            ForwardMilliseconds = there,
            BackwardMilliseconds = back,
            ForwardBytes = forward,
            BackwardBytes = backward,
            ForwardShareOfPeak = forward / there / peak,
            BackwardShareOfPeak = backward / back / peak,
        };
    }
}

/// <summary>The gradient where the network could be cut in two.</summary>
/// <param name="Name">The layer's name.</param>
/// <param name="Line">The line of its output.</param>
/// <param name="Norm">The gradient's norm there; null if none was computed.</param>
/// <param name="Passed">The norm of the gradient at the layer's input, relative to that at its output; null for the first.</param>
/// <param name="RuleNorm">The norm of what the rule computed in its place; null without a rule.</param>
/// <param name="RulePassed">The same fraction for the rule.</param>
/// <param name="Cosine">The cosine of the angle between gradient and rule.</param>
/// <param name="Relevance">The sum of what the rule computed: under LRP, the relevance there for a logit of 1.</param>
/// <param name="RelevanceKept">The fraction of that sum that the layer passes on to its input; null for the first.</param>
public sealed record PathLayer(
    string Name, int Line, double? Norm, double? Passed, double? RuleNorm, double? RulePassed, double? Cosine, double? Relevance, double? RelevanceKept)
{
    /// <summary>
    /// Where the rule is integrated gradients: |sum - d| / |d|, with d the change of the logit from the baseline to the image, and the sum over all numbers
    /// of the layer of the gradient times their change along the path. Otherwise null.
    /// </summary>
    public double? CompletenessGap { get; init; }

    internal static PathLayer Of(PathLine[] lines, int at, int? before)
    {
        PathLine here = lines[at];
        PathLine? input = before is { } line ? lines[line] : null;
        return new PathLayer(
            here.Name, at, here.Gradient?.Norm, GradientPath.Ratio(input?.Gradient, here.Gradient), here.Rule?.Norm,
            GradientPath.Ratio(input?.Rule, here.Rule), here.Cosine, here.Rule?.Sum,
            input?.Rule is { } given && here.Rule is { Sum: not 0 } own ? given.Sum / own.Sum : null);
    }
}
