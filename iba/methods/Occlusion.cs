using Iba.Backpropagation;
using Iba.Engine.Backends;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;

namespace Iba.Methods;

/// <summary>
/// Occlusion (Zeiler and Fergus 2014): the drop of the logit when a square patch is replaced, for adjacent patches. Every pixel of the
/// patch has the patch's drop as its value. Patches at the right and lower border are cut off at the image's edge.
/// </summary>
/// <remarks>
/// A pass of the network for each patch and one for the image. On a device that computes windows of images with the bits of the whole (the CPU), the
/// first layers of a patch's pass are computed only in the pixels that the patch can reach: <see cref="PatchedInference"/>. A pass then costs 0.58 of a
/// whole one on ResNet-50 at 224 x 224 and 0.30 on VGG-16, counted in multiply-adds.
/// </remarks>
public sealed class Occlusion : NetworkMethod
{
    private readonly BatchCache<Inference> _whole;
    private readonly BatchCache<PatchedInference> _patched;
    private readonly int _patch;
    private readonly int _columns;
    private readonly int _cells;

    /// <param name="network">The classifier.</param>
    /// <param name="image">(1, H, W, 3) the shape of an image.</param>
    /// <param name="patch">The side of a patch in pixels: 8 and 14 in the paper.</param>
    /// <exception cref="ArgumentException">The patch has no pixels.</exception>
    public Occlusion(Network network, Shape image, int patch) : base(network, image)
    {
        if (patch < 1)
            throw new ArgumentException($"a patch has {patch} pixels along a side; it must have at least 1.", nameof(patch));
        _patch = patch;
        _columns = (image.W + patch - 1) / patch;
        _cells = _columns * ((image.H + patch - 1) / patch);
        _whole = new(rows => new Inference(network, Image.WithN(rows)), run => sizeof(float) * (run.ArenaCount + run.Input.Shape.Count));
        _patched = new(
            rows => new PatchedInference(network, Image, patch, rows), run => sizeof(float) * run.ArenaCount, run => sizeof(float) * run.SharedCount);
        UsesWindows = Backend.ComputesWindows;
    }

    /// <inheritdoc/>
    public override string Name => $"occlusion-{_patch}";

    /// <summary>What replaces a patch.</summary>
    public Baseline Baseline { get; init; } = Baseline.MeanColour;

    /// <summary>Whether the first layers are computed only where a patch can reach. No bit of a result depends on it.</summary>
    internal bool UsesWindows { get; init; }

    private protected override int RowsPerImage => _cells + 1;

    private protected override IBatchCache Recorded => UsesWindows ? _patched : _whole;

    private protected override IEnumerable<Explanation> Explain(Sample[] samples, Action<int> rowsDone) =>
        UsesWindows ? ByWindows(samples, rowsDone) : ByWholeImages(samples, rowsDone);

    private IEnumerable<Explanation> ByWindows(Sample[] samples, Action<int> rowsDone)
    {
        PatchedInference run = _patched.For(_cells, MemoryBudget);
        for (int i = 0; i < samples.Length; i++)
            yield return Read(samples[i], run.Run(samples[i].Pixels, Baseline.Of(samples[i].Pixels), done => rowsDone(i * RowsPerImage + done)));
    }

    private IEnumerable<Explanation> ByWholeImages(Sample[] samples, Action<int> rowsDone)
    {
        int rows = samples.Length * RowsPerImage;
        Inference run = _whole.For(rows, MemoryBudget);
        (int chunk, int classes) = (run.Input.Shape.N, run.Output.Shape.C);
        var logits = new float[rows][];
        using var tensors = new TensorScope(Backend);
        Tensor images = tensors.Allocate(Image.WithN(samples.Length)), fills = tensors.Allocate(new Shape(samples.Length, _patch, 3));
        new SampleBatch(samples, samples.Length).Upload(Backend, images);
        for (int i = 0; i < samples.Length; i++)
        {
            float[] colour = Baseline.Of(samples[i].Pixels);
            Backend.Upload([.. Enumerable.Range(0, 3 * _patch).Select(at => colour[at % 3])], fills.Rows(i, 1));
        }
        for (int first = 0; first < rows; first += chunk)
        {
            rowsDone(first);
            int count = Math.Min(chunk, rows - first);
            for (int row = 0; row < count; row++)
            {
                (int image, int place) = Math.DivRem(first + row, RowsPerImage);
                Place(images.Rows(image, 1), fills.Rows(image, 1), place - 1, run.Input.Rows(row, 1));
            }
            run.Run();
            float[] all = Backend.Read(run.Output);
            for (int row = 0; row < count; row++)
                logits[first + row] = all[(row * classes)..((row + 1) * classes)];
        }
        for (int i = 0; i < samples.Length; i++)
            yield return Read(samples[i], logits[(i * RowsPerImage)..((i + 1) * RowsPerImage)]);
    }

    /// <summary>Copies an image and fills one of its cells, row by row; cell -1 means none.</summary>
    private void Place(Tensor image, Tensor fill, int cell, Tensor row)
    {
        Backend.Copy(image, row);
        if (cell < 0)
            return;
        (int top, int left) = (cell / _columns * _patch, cell % _columns * _patch);
        var strip = new Shape(3 * (Math.Min(left + _patch, Image.W) - left));
        for (int y = top; y < Math.Min(top + _patch, Image.H); y++)
            Backend.Copy(fill.View(0, strip), row.View(3L * (y * Image.W + left), strip));
    }

    private Explanation Read(Sample sample, float[][] logits)
    {
        int explained = ClassOf(sample, logits[0]);
        var map = new float[Image.H * Image.W];
        for (int i = 0; i < map.Length; i++)
            map[i] = logits[0][explained] - logits[1 + i / Image.W / _patch * _columns + i % Image.W / _patch][explained];
        return new Explanation(new Heatmap(Image.H, Image.W, map, HeatmapUnit.LogitPerPatch), explained, logits[0]);
    }
}
