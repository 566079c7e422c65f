using Iba.Engine.Backends;
using Iba.Engine.Networks;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;

namespace Iba.Backpropagation;

/// <summary>
/// Integrated gradients (Sundararajan et al. 2017): the mean gradient on the straight path from a baseline to the image, at i / steps for i
/// = 1 ... steps, times (image - baseline), summed over colours. A pixel's value is thus its contribution to the change of the logit from
/// the baseline to the image. The paper's code omits the factor (image - baseline): <see cref="TimesInput"/> = false.
/// </summary>
public sealed class IntegratedGradients(Network network, Shape image) : MeanGradientMethod(network, image)
{
    /// <inheritdoc/>
    public override string Name => "integrated-gradients";

    /// <summary>Points on the path; 50 in the paper's table.</summary>
    public int Steps { get; init; } = 50;

    /// <summary>The start of the path.</summary>
    public Baseline Baseline { get; init; } = Baseline.MeanColour;

    /// <summary>
    /// Whether the map is the original definition: (image - baseline) x mean gradient, summed over colours, in units of the logit. If not,
    /// <see cref="MeanGradientMethod.Recipe"/> turns the mean gradient into the map, as in the paper's code.
    /// </summary>
    public bool TimesInput { get; init; } = true;

    /// <summary>Whether results come with the completeness gap.</summary>
    public bool Checks { get; init; }

    private protected override int Probes => Checks ? 2 : 1;

    private protected override int VariationsPerImage
    {
        get
        {
            Setting.Demand(Steps >= 1, "steps", Steps, "at least 1");
            return Steps;
        }
    }

    private protected override Variations Vary(Sample[] samples) => new Path(this, samples);

    /// <summary>The score of the image minus that of the baseline.</summary>
    private double Change(float[][] probes, int explained)
    {
        double[] scores = Score.Of(probes, [explained, explained]);
        return scores[0] - scores[1];
    }

    private sealed class Path : Variations
    {
        private readonly IntegratedGradients _method;
        private readonly IBackend _on;
        private readonly float[][] _differences;
        private readonly TensorScope _tensors;
        private readonly Tensor _difference;
        private readonly Tensor _baseline;

        public Path(IntegratedGradients method, Sample[] samples)
        {
            (_method, _on) = (method, method.Backend);
            float[][] colours = [.. samples.Select(sample => method.Baseline.Of(sample.Pixels))];
            float[][] baselines = [.. colours.Select(colour =>
                Enumerable.Range(0, method.Image.Count).Select(i => colour[i % 3]).ToArray())];
            _differences = [.. samples.Zip(baselines, (sample, baseline) => sample.Pixels.Zip(baseline, (x, b) => x - b).ToArray())];
            _tensors = new TensorScope(_on);
            _difference = _tensors.Allocate(method.Image.WithN(samples.Length));
            _baseline = _tensors.Allocate(method.Image.WithN(samples.Length));
            for (int i = 0; i < samples.Length; i++)
            {
                _on.Upload(_differences[i], _difference.Rows(i, 1));
                _on.Upload(baselines[i], _baseline.Rows(i, 1));
            }
        }

        public override void PlaceProbe(int image, int probe, Tensor row) => _on.Copy(_baseline.Rows(image, 1), row);

        public override void Place(int image, int variation, Tensor row)
        {
            _on.Map(new Scale((float)((variation + 1.0) / _method.Steps)), _difference.Rows(image, 1), row);
            _on.Accumulate(_baseline.Rows(image, 1), new Accumulator(row, Adds: true));
        }

        public override Explanation Read(int image, float[] mean, int explained, float[][] logits)
        {
            float[] product = [.. mean.Zip(_differences[image], (gradient, difference) => gradient * difference)];
            Heatmap map = _method.TimesInput
                ? new MapRecipe(Colours.Sum, Scaling.None).Apply(product, _method.Image.H, _method.Image.W, HeatmapUnit.Logit)
                : _method.Recipe.Apply(mean, _method.Image.H, _method.Image.W);
            return new Explanation(map, explained, logits[0])
            {
                Colours = _method.TimesInput ? product : mean,
                Check = _method.Checks
                    ? new CompletenessCheck(product.Sum(x => (double)x), _method.Change(logits, explained))
                    : null,
            };
        }

        public override void Dispose() => _tensors.Dispose();
    }
}
