using Iba.Bottleneck;

namespace Iba.Evaluation;

/// <summary>
/// How much information the masks of a bottleneck let pass, and how well the network classifies with it (paper, appendix F, table 4). A per-sample mask is
/// fitted to the label, so that its accuracy may exceed the original network's. Before the fit (λ = sigmoid(5)) L_I / k is 4.506738 + .493330 E[r²] for
/// an active neuron whose standardised feature is r: 5.000 times the share of active neurons. The paper prints 2.500: its table has the variance 1 - λ of an
/// older version of its code in place of (1 - λ)².
/// </summary>
/// <param name="copies">Noise samples per image.</param>
public sealed class RestrictionMeasure(int copies = 10) : IMeasure
{
    internal const string KindName = "restriction";

    internal const string About =
        "The information that a bottleneck's mask lets pass, in nats per neuron, and the accuracy of the restricted network with fresh noise (paper, table 4). "
        + "A per-sample mask is fitted to the label, so its accuracy may exceed the original network's. Before the fit it is 5.000 times the share of active "
        + "neurons; the paper prints 2.500, from an older variance.";

    private const string Information = "information_nats", Initial = "initial_information_nats";
    private const string First = "top1", Five = "top5", OriginalFirst = "original_top1", OriginalFive = "original_top5";

    /// <inheritdoc/>
    public string Name => KindName;

    /// <inheritdoc/>
    public bool NeedsMasks => true;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string> { ["noise copies"] = $"{copies}" };

    /// <summary>With the mask and with the one before the fit: the layers before the bottleneck see the photo once, those after it each noise sample.</summary>
    public long ForwardPasses => 2 * (copies + 1);

    /// <summary>The columns of the paper's table.</summary>
    internal static IReadOnlyList<ScoreKind> Scores { get; } =
    [
        ScoreKind.Mean("information, nats per neuron", record => record[Information][0]),
        ScoreKind.Mean("top-1", record => record[First][0]),
        ScoreKind.Mean("top-5", record => record[Five][0]),
        ScoreKind.Mean("information before the fit", record => record[Initial][0]),
        ScoreKind.Mean("the original network's top-1", record => record[OriginalFirst][0]) with { OfPhotos = true },
        ScoreKind.Mean("the original network's top-5", record => record[OriginalFive][0]) with { OfPhotos = true },
    ];

    /// <inheritdoc/>
    public string? LeftOut(LabelledPhoto photo) => photo.Label is null ? "its class is not known, so there is no accuracy" : null;

    /// <inheritdoc/>
    public string? LeftOut(EvaluatedMethod method) => method.IsBottleneck ? null : "it has no mask that restricts the flow";

    /// <inheritdoc/>
    public IEnumerable<IReadOnlyList<Quantity>> Measure(EvaluatedMethod method, IReadOnlyList<ExplainedPhoto> photos, CancellationToken cancellation)
    {
        using IBottleneck bottleneck = method.Bottleneck()!;
        float[][] masks = Masks(bottleneck, photos, cancellation);
        using RestrictedNetwork network = bottleneck.Restricted(copies);
        float[] initial = [.. Enumerable.Repeat(network.InitialMask, network.Features.Row)];
        foreach ((ExplainedPhoto each, float[] mask) in photos.Zip(masks))
        {
            cancellation.ThrowIfCancellationRequested();
            int label = each.Photo.Label!.Value;
            RestrictedOutput restricted = network.Run(each.Photo.Sample, mask);
            yield return
            [
                new(Information, restricted.Nats), new(First, Share(restricted.Logits, label, 1)), new(Five, Share(restricted.Logits, label, 5)),
                new(OriginalFirst, Share([each.Explanation.Logits], label, 1)), new(OriginalFive, Share([each.Explanation.Logits], label, 5)),
                new(Initial, network.Run(each.Photo.Sample, initial).Nats),
            ];
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    /// <summary>The photos' masks. Those that were not kept are computed again: the same images give the same masks.</summary>
    private static float[][] Masks(IBottleneck bottleneck, IReadOnlyList<ExplainedPhoto> photos, CancellationToken cancellation)
    {
        if (photos.All(each => each.Explanation is BottleneckExplanation { Mask: not null }))
            return [.. photos.Select(each => ((BottleneckExplanation)each.Explanation).Mask!)];
        bottleneck.KeepsMask = true;
        return
        [
            .. bottleneck.Attribute([.. photos.Select(each => each.Photo.Sample)], cancellation: cancellation)
                .Select(explanation => ((BottleneckExplanation)explanation).Mask!),
        ];
    }

    /// <summary>How often a class is among the first.</summary>
    private static double Share(IReadOnlyList<float[]> outputs, int label, int first) =>
        outputs.Average(logits => Iba.Classes.Rank(logits, label) < first ? 1.0 : 0.0);
}
