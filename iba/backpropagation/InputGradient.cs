using Iba.Engine.Networks;
using Iba.Engine.Tensors;

namespace Iba.Backpropagation;

/// <summary>d logit / d image as a map; optionally checked against a finite difference of logits, or of the loss in their place.</summary>
public abstract class InputGradient : GradientMethod
{
    /// <summary>
    /// The step of the spot check changes the logit by this fraction of the largest logit: far above rounding, small beside the ReLUs'
    /// kinks.
    /// </summary>
    private const double Step = 1e-3;

    /// <inheritdoc/>
    private protected InputGradient(Network network, Shape image) : base(network, image)
    {
    }

    /// <summary>Minus this loss is explained; with cross-entropy, the default, the logit itself.</summary>
    public LogitLoss Loss { get => Minimised; init => Minimised = value; }

    private protected override Check?[] Check(ScoreGradient pass, Sample[] samples, int[] classes, float[][] gradients)
    {
        var norms = new double[samples.Length];
        var reaches = new double[samples.Length];
        float[][] here = pass.Logits([.. samples.Select(sample => sample.Pixels)]);
        var shifted = new List<float[]>();
        for (int i = 0; i < samples.Length; i++)
        {
            norms[i] = Math.Sqrt(gradients[i].Sum(g => (double)g * g));
            reaches[i] = norms[i] == 0 ? 1 : Step * here[i].Max(Math.Abs) / norms[i];
            double scale = norms[i] == 0 ? 0 : reaches[i] / norms[i];
            shifted.Add([.. samples[i].Pixels.Zip(gradients[i], (x, g) => (float)(x + scale * g))]);
            shifted.Add([.. samples[i].Pixels.Zip(gradients[i], (x, g) => (float)(x - scale * g))]);
        }
        double[] scores = Score.Of(pass.Logits(shifted), [.. classes.SelectMany(k => (int[])[k, k])]);
        return [.. classes.Select((_, i) => new SlopeCheck(norms[i], (scores[2 * i] - scores[2 * i + 1]) / (2 * reaches[i])))];
    }
}

/// <summary>
/// Gradient maps (Baehrens et al. 2010): the signed gradient, mean over colours. A positive value means that more of the colour raises the
/// logit. <see cref="MapRecipe.PublishedGradient"/> is the paper's code's variant.
/// </summary>
public sealed class Gradient : InputGradient
{
    /// <param name="network">The classifier.</param>
    /// <param name="image">(1, H, W, 3) the shape of an image.</param>
    public Gradient(Network network, Shape image) : base(network, image) => Recipe = DefaultRecipe;

    /// <summary>Mean over colours, clipped, divided by the sum of magnitudes.</summary>
    public static MapRecipe DefaultRecipe { get; } = new(Colours.Mean, Scaling.ClippedShares);

    /// <inheritdoc/>
    public override string Name => "gradient";
}

/// <summary>Saliency maps (Simonyan and Zisserman 2014): the gradient's largest magnitude over colours.</summary>
public sealed class Saliency(Network network, Shape image) : InputGradient(network, image)
{
    /// <inheritdoc/>
    public override string Name => "saliency";

    /// <summary>The map that follows from a photo's gradient map.</summary>
    internal static Explanation Of(Explanation gradient) =>
        gradient with { Heatmap = MapRecipe.Revised.Apply(gradient.Colours, gradient.Heatmap.Height, gradient.Heatmap.Width) };
}
