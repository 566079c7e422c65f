using System.Runtime.CompilerServices;
using Iba.Datasets;

namespace Iba.Evaluation;

/// <summary>The fraction of a map's n highest pixels that lie in the objects' boxes, n being the number of pixels in them (paper, section 4.5).</summary>
/// <param name="classifier">Prepares the photos and names the classes.</param>
/// <param name="classes">Which boxes count. Default: all.</param>
public sealed class BoxMeasure(Classifier classifier, BoxClasses? classes = null) : IMeasure
{
    internal const string KindName = "boxes";

    internal const string About =
        "With n = number of pixels in the objects' boxes: the fraction of the map's n highest pixels that lie in the boxes (paper section 4.5). Also the "
        + "fraction of the map's sum, which a few extreme values can dominate. A photo whose boxes cover more than a third of it, or nothing, is left out, "
        + "and a line says why.";

    private const string Pixels = "box_pixels", Share = "box_share", Found = "score", Mass = "mass";

    private readonly BoxClasses _classes = classes ?? new BoxClasses();

    /// <summary>A photo's mask is needed once for each method.</summary>
    private readonly ConditionalWeakTable<LabelledPhoto, ObjectMask> _masks = [];

    /// <inheritdoc/>
    public string Name => KindName;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string> { ["classes"] = _classes.Option };

    /// <summary>The mean shares of each method, and the boxes' mean share of the photos.</summary>
    internal static IReadOnlyList<ScoreKind> Scores { get; } =
    [
        ScoreKind.Mean("in the boxes", record => record[Found][0]),
        ScoreKind.Mean("mass in the boxes", record => record[Mass][0]),
        ScoreKind.Mean("the boxes' share of the photos", record => record[Share][0]) with { OfPhotos = true },
    ];

    /// <inheritdoc/>
    public string? LeftOut(LabelledPhoto photo)
    {
        if (photo.Annotation is not { } annotation)
            return "it has no annotation";
        if (annotation.Objects.Count > 0 && _classes.Of(annotation.Objects, photo, classifier).Length == 0)
        {
            return _classes.Option == BoxClasses.Target && photo.Label is null
                ? "its class is not known: neither its folder nor its annotation names one"
                : $"none of its boxes is of the class wanted ({_classes})";
        }
        return Mask(photo).LeftOut;
    }

    /// <inheritdoc/>
    public IEnumerable<IReadOnlyList<Quantity>> Measure(EvaluatedMethod method, IReadOnlyList<ExplainedPhoto> photos, CancellationToken cancellation)
    {
        foreach (ExplainedPhoto each in photos)
        {
            ObjectMask objects = Mask(each.Photo);
            Heatmap map = each.Explanation.Heatmap;
            yield return
            [
                new(Pixels, objects.Pixels), new(Share, objects.Coverage), new(Found, objects.Score(map)), new(Mass, objects.MassInside(map)),
            ];
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _masks.Clear();

    private ObjectMask Mask(LabelledPhoto photo) => _masks.GetValue(photo, _ =>
    {
        Annotation annotation = photo.Annotation!;
        Annotation counted = annotation with { Objects = _classes.Of(annotation.Objects, photo, classifier) };
        return ObjectMask.Of(counted, photo.Photo.Extents, photo.File.Path, classifier.Preprocessing);
    });
}
