using Iba.Engine.Backends;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;

namespace Iba.Backpropagation;

/// <summary>A method that averages the gradients of several variations of each image.</summary>
public abstract class MeanGradientMethod : NetworkMethod
{
    private readonly BatchCache<ScoreGradient> _recorded;

    /// <inheritdoc/>
    private protected MeanGradientMethod(Network network, Shape image) : base(network, image) =>
        _recorded = new BatchCache<ScoreGradient>(rows => new ScoreGradient(network, Image.WithN(rows)), pass => pass.Bytes);

    /// <summary>How the mean gradient becomes a map.</summary>
    public MapRecipe Recipe { get; init; } = MapRecipe.Revised;

    private protected override IBatchCache Recorded => _recorded;

    /// <summary>Prepares the variations of some images.</summary>
    private protected abstract Variations Vary(ScoreGradient pass, Sample[] samples);

    private protected override IEnumerable<Explanation> Explain(Sample[] samples, Action<int> rowsDone)
    {
        int rows = samples.Length * RowsPerImage;
        ScoreGradient pass = _recorded.For(rows, MemoryBudget);
        float[][] logits = pass.Logits([.. samples.Select(sample => sample.Pixels)]);
        int[] classes = [.. samples.Select((sample, i) => ClassOf(sample, logits[i]))];
        using Variations variations = Vary(pass, samples);
        using var tensors = new TensorScope(Backend);
        Tensor sums = tensors.Allocate(Image.WithN(samples.Length));
        for (int first = 0; first < rows; first += pass.Rows)
        {
            rowsDone(first);
            Accumulate(pass, first, Math.Min(pass.Rows, rows - first), classes, variations, sums);
        }
        for (int i = 0; i < samples.Length; i++)
        {
            float[] mean = [.. pass.Download(sums.Rows(i, 1)).Select(sum => sum / RowsPerImage)];
            yield return variations.Read(i, mean, classes[i], logits[i]);
        }
    }

    /// <summary>
    /// Runs one chunk. Rows are ordered by image, then variation, so the order of summation is the same for every chunk size.
    /// </summary>
    private void Accumulate(ScoreGradient pass, int first, int count, int[] classes, Variations variations, Tensor sums)
    {
        var seed = new float[pass.Rows * pass.Classes];
        for (int row = 0; row < count; row++)
        {
            (int image, int variation) = Math.DivRem(first + row, RowsPerImage);
            variations.Place(image, variation, pass.Input.Rows(row, 1));
            seed[row * pass.Classes + classes[image]] = 1;
        }
        pass.Forward();
        Tensor gradient = pass.Backward(seed);
        for (int row = 0; row < count; row++)
        {
            (int image, int variation) = Math.DivRem(first + row, RowsPerImage);
            Backend.Accumulate(gradient.Rows(row, 1), new Accumulator(sums.Rows(image, 1), Adds: variation > 0));
        }
    }

    /// <summary>The variations of some images, computed on the device when they are needed.</summary>
    private protected abstract class Variations : IDisposable
    {
        /// <summary>Writes a variation of an image to (1, H, W, 3).</summary>
        public abstract void Place(int image, int variation, Tensor row);

        /// <summary>The attribution that follows from the mean gradient of an image's variations.</summary>
        public abstract Explanation Read(int image, float[] mean, int explained, float[] logits);

        /// <inheritdoc/>
        public abstract void Dispose();
    }
}
