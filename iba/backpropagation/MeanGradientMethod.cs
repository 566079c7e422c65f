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

    /// <inheritdoc cref="InputGradient.Loss"/>
    public LogitLoss Loss { get; init; } = LogitLoss.CrossEntropy;

    private protected ExplainedScore Score => new(Backend, Loss);

    private protected override IBatchCache Recorded => _recorded;

    /// <summary>Variations per image.</summary>
    private protected abstract int VariationsPerImage { get; }

    /// <summary>Rows per image of which only the logits are needed: the image itself, then others that the method asks for.</summary>
    private protected virtual int Probes => 1;

    private protected sealed override int RowsPerImage => Probes + VariationsPerImage;

    /// <summary>Prepares the variations of some images.</summary>
    private protected abstract Variations Vary(Sample[] samples);

    private protected override IEnumerable<Explanation> Explain(Sample[] samples, Action<int> rowsDone)
    {
        int rows = samples.Length * RowsPerImage;
        ScoreGradient pass = _recorded.For(rows, MemoryBudget);
        using Variations variations = Vary(samples);
        using var tensors = new TensorScope(Backend);
        Tensor sums = tensors.Allocate(Image.WithN(samples.Length));
        Probed[] probed = [.. samples.Select(sample => new Probed(sample, Loss, new float[Probes][]))];
        for (int first = 0; first < rows; first += pass.Rows)
        {
            rowsDone(first);
            Accumulate(pass, first, Math.Min(pass.Rows, rows - first), probed, variations, sums);
        }
        for (int i = 0; i < samples.Length; i++)
        {
            float[] mean = [.. pass.Download(sums.Rows(i, 1)).Select(sum => sum / VariationsPerImage)];
            yield return variations.Read(i, mean, probed[i].Class, probed[i].Logits) with { Loss = Loss };
        }
    }

    /// <summary>
    /// Runs one chunk. Rows are ordered by image: its probes, which decide the class, then its variations. So the order of summation is the
    /// same for every chunk size, and no pass is needed for the probes alone.
    /// </summary>
    private void Accumulate(ScoreGradient pass, int first, int count, Probed[] probed, Variations variations, Tensor sums)
    {
        for (int row = 0; row < count; row++)
        {
            (int image, int place) = Math.DivRem(first + row, RowsPerImage);
            Tensor to = pass.Input.Rows(row, 1);
            if (place == 0)
                Backend.Upload(probed[image].Sample.Pixels, to);
            else if (place < Probes)
                variations.PlaceProbe(image, place, to);
            else
                variations.Place(image, place - Probes, to);
        }
        float[] logits = pass.Forward();
        int[] targets = new int[pass.Rows];
        for (int row = 0; row < count; row++)
        {
            (int image, int place) = Math.DivRem(first + row, RowsPerImage);
            if (place < Probes)
                probed[image].Logits[place] = logits[(row * pass.Classes)..((row + 1) * pass.Classes)];
            targets[row] = probed[image].Class;
        }
        // A row that is read for its logits only has no gradient: nobody adds it up.
        float[] seed = Score.Gradient(logits, targets);
        for (int row = 0; row < pass.Rows; row++)
        {
            if (row >= count || (first + row) % RowsPerImage < Probes)
                seed.AsSpan(row * pass.Classes, pass.Classes).Clear();
        }
        Tensor gradient = pass.Backward(seed);
        for (int row = 0; row < count; row++)
        {
            (int image, int place) = Math.DivRem(first + row, RowsPerImage);
            if (place >= Probes)
                Backend.Accumulate(gradient.Rows(row, 1), new Accumulator(sums.Rows(image, 1), Adds: place > Probes));
        }
    }

    /// <summary>An image and the logits of its probes, as far as they have been computed.</summary>
    private sealed record Probed(Sample Sample, LogitLoss Loss, float[][] Logits)
    {
        /// <summary>The class to explain.</summary>
        public int Class => ClassOf(Sample, Logits[0], loss: Loss);
    }

    /// <summary>The variations of some images, computed on the device when they are needed.</summary>
    private protected abstract class Variations : IDisposable
    {
        /// <summary>Writes a probe of an image, from number 1 on, to (1, H, W, 3). Number 0 is the image itself.</summary>
        public virtual void PlaceProbe(int image, int probe, Tensor row) => throw new NotSupportedException();

        /// <summary>Writes a variation of an image to (1, H, W, 3).</summary>
        public abstract void Place(int image, int variation, Tensor row);

        /// <summary>The attribution that follows from the mean gradient of an image's variations, and from the logits of its probes.</summary>
        public abstract Explanation Read(int image, float[] mean, int explained, float[][] logits);

        /// <inheritdoc/>
        public abstract void Dispose();
    }
}
