using Iba.Engine.Backends;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;

namespace Iba.Backpropagation;

/// <summary>
/// SmoothGrad (Smilkov et al. 2017): the mean of the signed gradients of noisy copies of the image. The noise of a copy depends only on the
/// seed, the image and the copy's index (the step in the noise's counter).
/// </summary>
public sealed class SmoothGrad(Network network, Shape image) : MeanGradientMethod(network, image)
{
    /// <inheritdoc/>
    public override string Name => "smoothgrad";

    /// <summary>Noisy copies of each image; 50 in the paper's table.</summary>
    public int Samples { get; init; } = 50;

    /// <summary>
    /// The noise's standard deviation as a fraction of the image's range, the largest minus the smallest value over all colours.
    /// </summary>
    public float RelativeStd { get; init; } = 0.15f;

    /// <summary>The noise's key.</summary>
    public ulong Seed { get; init; }

    /// <summary>
    /// Samples x H x W x 3 standard normal values to use for every image instead of the generator's, or null. For comparison with other
    /// programs.
    /// </summary>
    public float[]? RecordedNoise { get; init; }

    private protected override int VariationsPerImage
    {
        get
        {
            Setting.Demand(Samples >= 1, "samples", Samples, "at least 1");
            Setting.Demand(RelativeStd is >= 0 and <= 1000, "relative standard deviation", RelativeStd, "0 to 1000 times the image's range");
            return Samples;
        }
    }

    private protected override Variations Vary(Sample[] samples) => new Noisy(this, samples);

    private sealed class Noisy : Variations
    {
        private readonly SmoothGrad _method;
        private readonly IBackend _on;
        private readonly TensorScope _tensors;
        private readonly Tensor _images;
        private readonly Tensor _words;
        private readonly Tensor _steps;
        private readonly Tensor? _recorded;
        private readonly float[] _std;

        public Noisy(SmoothGrad method, Sample[] samples)
        {
            (_method, _on) = (method, method.Backend);
            _tensors = new TensorScope(_on);
            _images = _tensors.Allocate(method.Image.WithN(samples.Length));
            var batch = new SampleBatch(samples, samples.Length);
            batch.Upload(_on, _images);
            _words = _tensors.Upload(batch.NoiseWords, new Shape(samples.Length));
            _steps = _tensors.Upload([.. Enumerable.Range(0, method.Samples).Select(step => (float)step)], new Shape(method.Samples));
            _std = [.. samples.Select(sample => method.RelativeStd * (sample.Pixels.Max() - sample.Pixels.Min()))];
            if (method.RecordedNoise is { } noise)
            {
                int wanted = method.Samples * method.Image.Count;
                if (noise.Length != wanted)
                    throw new ArgumentException($"the recorded noise has {noise.Length} numbers; {method.Samples} samples need {wanted}.");
                _recorded = _tensors.Upload(noise, method.Image.WithN(method.Samples));
            }
        }

        public override void Place(int image, int variation, Tensor row)
        {
            var noise = new Noise(_method.Seed, _words.Rows(image, 1), _steps.Rows(variation, 1), _recorded?.Rows(variation, 1));
            _on.AddNoise(_images.Rows(image, 1), noise, _std[image], row);
        }

        public override Explanation Read(int image, float[] mean, int explained, float[][] logits) =>
            new(_method.Recipe.Apply(mean, _method.Image.H, _method.Image.W), explained, logits[0]) { Colours = mean };

        public override void Dispose() => _tensors.Dispose();
    }
}
