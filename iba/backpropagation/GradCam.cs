using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Iba.Images;

namespace Iba.Backpropagation;

/// <summary>
/// Grad-CAM (Selvaraju et al. 2017): the feature maps of a late layer, each weighted by the mean of the logit's gradient over the map, and
/// summed. Negative values are set to 0, and the map is enlarged to the image.
/// </summary>
public sealed class GradCam : NetworkMethod
{
    private readonly BatchCache<Cut> _recorded;
    private readonly string _layer;

    /// <param name="network">The classifier.</param>
    /// <param name="image">(1, H, W, 3) the shape of an image.</param>
    /// <param name="layer">The layer of the feature maps; null for the network's last one with rows and columns, as in the paper.</param>
    /// <exception cref="ArgumentException">The layer does not exist or its output has no rows and columns.</exception>
    public GradCam(Network network, Shape image, string? layer = null) : base(network, image)
    {
        _layer = network.Resolve(layer ?? DefaultLayer(network));
        if (network.Until(_layer).Output(Image).Rank != 4)
        {
            throw new ArgumentException(
                $"Grad-CAM needs a layer whose output has rows and columns; '{_layer}' has none. Try {DefaultLayer(network)}.",
                nameof(layer));
        }
        _recorded = new BatchCache<Cut>(rows => new Cut(network, Image.WithN(rows), _layer), cut => cut.Bytes);
    }

    /// <inheritdoc/>
    public override string Name => "grad-cam";

    /// <summary>Which class is explained; the paper's code always explains the predicted one.</summary>
    public ExplainedClass Class { get; init; } = ExplainedClass.Predicted;

    /// <inheritdoc cref="InputGradient.Loss"/>
    public LogitLoss Loss { get; init; } = LogitLoss.CrossEntropy;

    /// <summary>Whether the map is divided by its maximum (plus 1e-5), as in the paper's code.</summary>
    public bool Normalises { get; init; } = true;

    private protected override IBatchCache Recorded => _recorded;

    private protected override IEnumerable<Explanation> Explain(Sample[] samples, Action<int> rowsDone)
    {
        Cut cut = _recorded.Of(samples.Length);
        rowsDone(0);
        Shape features = cut.Head.Input.Shape;
        int classes = cut.Head.Classes;
        var batch = new SampleBatch(samples, samples.Length);
        if (batch.KnownLogits(_layer) is not null)
        {
            batch.UploadKnown(Backend, _layer, cut.Trunk.Output);
        }
        else
        {
            batch.Upload(Backend, cut.Trunk.Input);
            cut.Trunk.Run();
        }
        Backend.Copy(cut.Trunk.Output, cut.Head.Input);
        float[] logits = cut.Head.Forward();
        int[] explained = [.. samples.Select((sample, i) => ClassOf(sample, logits.AsSpan(i * classes, classes), Class, Loss))];
        float[] seed = new ExplainedScore(Backend, Loss).Gradient(logits, explained);
        float[] gradient = cut.Head.Download(cut.Head.Backward(seed)), maps = cut.Head.Download(cut.Trunk.Output);
        for (int i = 0; i < samples.Length; i++)
        {
            int at = i * features.Row;
            var activation = new ClassActivation(features, maps.AsSpan(at, features.Row), gradient.AsSpan(at, features.Row));
            float[] own = logits[(i * classes)..((i + 1) * classes)];
            yield return new ClassActivationExplanation(activation.Heatmap(Image.H, Image.W, Normalises), explained[i], own, activation) { Loss = Loss };
        }
    }

    private static string DefaultLayer(Network network) => network.Architecture?.CamLayer
        ?? throw new ArgumentException($"{network.Name} is of no known architecture: name the layer for Grad-CAM.");

    /// <summary>The network cut at the layer: without gradients before it, with gradients after it.</summary>
    private sealed class Cut(Network network, Shape images, string layer) : IDisposable
    {
        public Inference Trunk { get; } = new(network.Until(layer), images);

        public ScoreGradient Head { get; } = new(network.After(layer), network.Until(layer).Output(images));

        public long Bytes => sizeof(float) * (Trunk.ArenaCount + Trunk.Input.Shape.Count) + Head.Bytes;

        public void Dispose()
        {
            Trunk.Dispose();
            Head.Dispose();
        }
    }
}

/// <summary>A Grad-CAM map with its intermediate result.</summary>
/// <param name="Heatmap">At the image's size.</param>
/// <param name="Target">The class explained.</param>
/// <param name="Logits">The network's output.</param>
/// <param name="Activation">The map at the layer's own size.</param>
public sealed record ClassActivationExplanation(Heatmap Heatmap, int Target, float[] Logits, ClassActivation Activation)
    : Explanation(Heatmap, Target, Logits);

/// <summary>Feature maps weighted by the logit's mean gradient over each of them.</summary>
public sealed class ClassActivation
{
    /// <param name="features">(N, H, W, C) the shape of the features.</param>
    /// <param name="maps">H x W x C features of one image.</param>
    /// <param name="gradient">H x W x C elements: d logit / d features.</param>
    public ClassActivation(Shape features, ReadOnlySpan<float> maps, ReadOnlySpan<float> gradient)
    {
        (Height, Width) = (features.H, features.W);
        var weights = new double[features.C];
        for (int i = 0; i < gradient.Length; i++)
            weights[i % features.C] += gradient[i] / (double)(Height * Width);
        var cells = new double[Height * Width];
        for (int i = 0; i < maps.Length; i++)
            cells[i / features.C] += weights[i % features.C] * maps[i];
        (Weights, Cells) = (weights, cells);
    }

    /// <summary>Rows of cells.</summary>
    public int Height { get; }

    /// <summary>Columns of cells.</summary>
    public int Width { get; }

    /// <summary>Mean of the gradient over each feature map.</summary>
    public IReadOnlyList<double> Weights { get; }

    /// <summary>The weighted sum of the maps, row-major, before negative values are set to 0.</summary>
    public IReadOnlyList<double> Cells { get; }

    /// <summary>The positive part, enlarged bilinearly with half-pixel centres, the border replicated as in OpenCV.</summary>
    public Heatmap Heatmap(int height, int width, bool normalised)
    {
        const double Floor = 1e-5;

        double[] map = MapResize.Enlarge([.. Cells.Select(cell => Math.Max(cell, 0))], Height, Width, height, width, MapBorder.Replicate);
        double by = normalised ? map.Max() + Floor : 1;
        return new Heatmap(height, width, [.. map.Select(value => (float)(value / by))], HeatmapUnit.Relative);
    }
}
