using Iba.Datasets;

namespace Iba.Evaluation;

/// <summary>Which boxes of a photo count: those of every class, those of the photo's own class, or those of some classes.</summary>
/// <param name="Option"><see cref="All"/>, <see cref="Target"/>, or names of classes separated by commas.</param>
public sealed record BoxClasses(string Option = BoxClasses.All)
{
    /// <summary>Boxes of every class.</summary>
    public const string All = "all";

    /// <summary>Boxes of the photo's own class.</summary>
    public const string Target = "target";

    private readonly string[] _names = Option.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The objects that count.</summary>
    /// <param name="objects">The photo's objects.</param>
    /// <param name="photo">The photo.</param>
    /// <param name="classifier">Names the classes.</param>
    public AnnotatedObject[] Of(IReadOnlyList<AnnotatedObject> objects, LabelledPhoto photo, Classifier classifier)
    {
        HashSet<string> names = [.. objects.Select(o => o.Name).Distinct().Where(name => Counts(name, photo, classifier))];
        return [.. objects.Where(o => names.Contains(o.Name))];
    }

    /// <summary>The classes in words.</summary>
    public override string ToString() => Option == Target ? "the photo's own" : string.Join(", ", _names);

    private bool Counts(string name, LabelledPhoto photo, Classifier classifier)
    {
        if (Option == All)
            return true;
        int? number = classifier.Labels.Find(name, classifier.Classes);
        return Option == Target
            ? photo.Label is { } label && (Same(name, photo.File.Class) || number == label)
            : _names.Any(wanted => Same(name, wanted) || (number is not null && classifier.Labels.Find(wanted, classifier.Classes) == number));
    }

    private static bool Same(string name, string? wanted) => string.Equals(name, wanted, StringComparison.OrdinalIgnoreCase);
}
