using Iba.Engine.Networks;
using Iba.Engine.Tensors;

namespace Iba.Backpropagation;

/// <summary>A method with one forward and one backward pass per image, by the chain rule or by another backward rule.</summary>
public abstract class GradientMethod : NetworkMethod
{
    private readonly BatchCache<ScoreGradient> _recorded;

    /// <inheritdoc/>
    private protected GradientMethod(Network network, Shape image) : base(network, image) =>
        _recorded = new BatchCache<ScoreGradient>(rows => Record(Image.WithN(rows)), pass => pass.Bytes);

    /// <summary>How the gradient becomes a map.</summary>
    public MapRecipe Recipe { get; init; } = MapRecipe.Revised;

    /// <summary>Which class is explained.</summary>
    public ExplainedClass Class { get; init; }

    /// <summary>Minus this loss is explained; with cross-entropy, the logit itself.</summary>
    private protected LogitLoss Minimised { get; init; } = LogitLoss.CrossEntropy;

    private protected ExplainedScore Score => new(Backend, Minimised);

    /// <summary>Whether results include a check, if the method has one.</summary>
    public bool Checks { get; init; }

    /// <summary>The unit of the map's values.</summary>
    private protected virtual HeatmapUnit Unit => HeatmapUnit.Relative;

    private protected override IBatchCache Recorded => _recorded;

    /// <summary>Records the network for a batch.</summary>
    private protected virtual ScoreGradient Record(Shape images) => new(Network, images);

    /// <summary>A factor of the score's gradient, from the logit of the explained class.</summary>
    private protected virtual float Seed(float logit) => 1;

    /// <summary>The checks of the results, one per image.</summary>
    /// <param name="pass">The recording, its inputs still those of the images.</param>
    /// <param name="samples">The images.</param>
    /// <param name="classes">The classes explained.</param>
    /// <param name="gradients">The result of the backward pass for each image.</param>
    private protected virtual Check?[] Check(ScoreGradient pass, Sample[] samples, int[] classes, float[][] gradients) =>
        new Check?[samples.Length];

    private protected override IEnumerable<Explanation> Explain(Sample[] samples, Action<int> rowsDone)
    {
        ScoreGradient pass = _recorded.Of(samples.Length);
        rowsDone(0);
        float[][] logits = new float[samples.Length][], gradients = new float[samples.Length][];
        int[] classes = Run(pass, samples, logits, gradients);
        Check?[] checks = Checks ? Check(pass, samples, classes, gradients) : new Check?[samples.Length];
        for (int i = 0; i < samples.Length; i++)
        {
            Heatmap map = Recipe.Apply(gradients[i], Image.H, Image.W, Unit);
            yield return new Explanation(map, classes[i], logits[i]) { Colours = gradients[i], Check = checks[i], Loss = Minimised };
        }
    }

    /// <returns>The classes explained.</returns>
    private int[] Run(ScoreGradient pass, Sample[] samples, float[][] logits, float[][] gradients)
    {
        new SampleBatch(samples, samples.Length).Upload(Backend, pass.Input);
        float[] all = pass.Forward();
        var classes = new int[samples.Length];
        for (int i = 0; i < samples.Length; i++)
        {
            logits[i] = all[(i * pass.Classes)..((i + 1) * pass.Classes)];
            classes[i] = ClassOf(samples[i], logits[i], Class, Minimised);
        }
        float[] seed = Score.Gradient(all, classes);
        for (int i = 0; i < samples.Length; i++)
            seed[i * pass.Classes + classes[i]] *= Seed(logits[i][classes[i]]);
        float[] gradient = pass.Download(pass.Backward(seed));
        for (int i = 0; i < samples.Length; i++)
            gradients[i] = gradient[(i * Image.Count)..((i + 1) * Image.Count)];
        return classes;
    }
}
