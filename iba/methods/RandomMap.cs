using Iba.Backpropagation;
using Iba.Engine.Backends;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;

namespace Iba.Methods;

/// <summary>
/// A random map, the baseline of every evaluation: equally spaced, distinct values from -1 to 1 in a random order that depends on the seed
/// and the image only.
/// </summary>
public sealed class RandomMap : NetworkMethod
{
    private readonly BatchCache<Inference> _recorded;

    /// <param name="network">The classifier, used for its logits only.</param>
    /// <param name="image">(1, H, W, 3) the shape of an image.</param>
    public RandomMap(Network network, Shape image) : base(network, image) => _recorded = new BatchCache<Inference>(
        rows => new Inference(network, Image.WithN(rows)), run => sizeof(float) * (run.ArenaCount + run.Input.Shape.Count));

    /// <inheritdoc/>
    public override string Name => "random";

    /// <summary>The key of the order.</summary>
    public ulong Seed { get; init; }

    private protected override IBatchCache Recorded => _recorded;

    private protected override IEnumerable<Explanation> Explain(Sample[] samples, Action<int> rowsDone)
    {
        Inference run = _recorded.Of(samples.Length);
        rowsDone(0);
        var batch = new SampleBatch(samples, samples.Length);
        float[] all = batch.KnownLogits() ?? Logits(run, batch);
        float[] keys = Keys(batch, samples.Length);
        int classes = run.Output.Shape.C, pixels = Image.H * Image.W;
        for (int i = 0; i < samples.Length; i++)
        {
            float[] logits = all[(i * classes)..((i + 1) * classes)];
            yield return new Explanation(Shuffled(keys[(i * pixels)..((i + 1) * pixels)]), ClassOf(samples[i], logits), logits);
        }
    }

    private float[] Logits(Inference run, SampleBatch batch)
    {
        batch.Upload(Backend, run.Input);
        run.Run();
        return Backend.Read(run.Output);
    }

    /// <summary>A noise image for each sample, N x H x W elements.</summary>
    private float[] Keys(SampleBatch batch, int count)
    {
        using var tensors = new TensorScope(Backend);
        Tensor noise = tensors.Allocate(new Shape(count, Image.H, Image.W, 1)), still = tensors.Allocate(noise.Shape);
        Tensor words = tensors.Upload(batch.NoiseWords, new Shape(count)), step = tensors.Allocate(new Shape(1));
        Backend.AddNoise(still, new Noise(Seed, words, step), 1, noise);
        return Backend.Read(noise);
    }

    /// <summary>Equally spaced values in the order of a noise image.</summary>
    private Heatmap Shuffled(float[] keys)
    {
        // The sort is stable, so that equal keys also give a defined order.
        int[] order = [.. Enumerable.Range(0, keys.Length).OrderBy(pixel => keys[pixel])];
        var map = new float[keys.Length];
        for (int rank = 0; rank < order.Length; rank++)
            map[order[rank]] = (float)(2.0 * rank / Math.Max(order.Length - 1, 1) - 1);
        return new Heatmap(Image.H, Image.W, map, HeatmapUnit.Relative);
    }
}
