namespace Iba.Backpropagation;

/// <summary>
/// Guided Grad-CAM (Selvaraju et al. 2017): the Grad-CAM map times the map of guided backpropagation, pixel by pixel. As in the paper's
/// code, by default the first explains the predicted class and the second the target: the parts' own settings decide.
/// </summary>
/// <param name="cam">The coarse map; disposed with this method.</param>
/// <param name="guided">The fine map; disposed with this method.</param>
public sealed class GuidedGradCam(GradCam cam, GuidedBackpropagation guided) : IAttributionMethod
{
    /// <inheritdoc/>
    public string Name => "guided-grad-cam";

    /// <inheritdoc/>
    public IEnumerable<Explanation> Attribute(
        IReadOnlyList<Sample> samples, IProgress<AttributionProgress>? progress = null, CancellationToken cancellation = default) =>
        cam.Attribute(samples, progress is null ? null : new Notes(progress), cancellation).Zip(guided.Attribute(samples, progress, cancellation), Product)
            .Select((result, sample) => result.MustBeFinite(sample));

    /// <inheritdoc/>
    public void Dispose()
    {
        cam.Dispose();
        guided.Dispose();
    }

    /// <summary>Forwards the first part's messages but not its progress, which is not that of the whole.</summary>
    private sealed class Notes(IProgress<AttributionProgress> progress) : IProgress<AttributionProgress>
    {
        public void Report(AttributionProgress at)
        {
            if (at.Note is not null)
                progress.Report(at);
        }
    }

    /// <summary>The product of a map of each part.</summary>
    internal static Explanation Product(Explanation where, Explanation edges)
    {
        float[] product = [.. where.Heatmap.Values.Zip(edges.Heatmap.Values, (a, b) => a * b)];
        return new Explanation(edges.Heatmap with { Values = product, Unit = HeatmapUnit.Relative }, edges.Target, edges.Logits) { Loss = edges.Loss };
    }
}
