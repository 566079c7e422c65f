using Iba.Methods;

namespace Iba.Evaluation;

/// <summary>A method as it is evaluated. A measure that needs maps of another network creates the method again from the same parts.</summary>
/// <param name="Kind">The method.</param>
/// <param name="Inputs">
/// What it is created from. Where <see cref="MethodInputs.Class"/> is null, Grad-CAM and PatternAttribution explain the label like the others.
/// </param>
public sealed record EvaluatedMethod(MethodKind Kind, MethodInputs Inputs)
{
    /// <summary>What it is created from. The class is never null.</summary>
    public MethodInputs Inputs { get; init => field = OfLabel(value); } = OfLabel(Inputs);

    /// <summary>The name in records and tables.</summary>
    public string Name { get; init; } = Kind.Name;

    /// <summary>The title in figures and tables.</summary>
    public string Title { get; init; } = Kind.Title;

    /// <summary>A variant of a method.</summary>
    /// <param name="variant">The method and the settings that differ.</param>
    /// <param name="inputs">What it is created from.</param>
    /// <exception cref="ArgumentException">A setting's value is none of its values.</exception>
    public static EvaluatedMethod Of(MethodVariant variant, MethodInputs inputs) =>
        new(variant.Kind, variant.Apply(inputs)) { Name = variant.Name, Title = variant.Title };

    /// <summary>Creates the method.</summary>
    /// <exception cref="ArgumentException">Something that it needs is missing.</exception>
    public IAttributionMethod Create() => Kind.Create(Inputs);

    private static MethodInputs OfLabel(MethodInputs inputs) => inputs with { Class = inputs.Class ?? ExplainedClass.Target };
}

/// <summary>A photo with one method's map of it.</summary>
/// <param name="Photo">The photo.</param>
/// <param name="Explanation">The map, the class explained and the logits.</param>
public sealed record ExplainedPhoto(LabelledPhoto Photo, Explanation Explanation);

/// <summary>Some raw numbers of one map.</summary>
/// <param name="Name">The name in records, in snake case.</param>
/// <param name="Values">
/// One number, or several, such as the probabilities along a path. NaN where a number is undefined: a summary counts it and leaves it out.
/// </param>
public sealed record Quantity(string Name, params double[] Values);

/// <summary>
/// A measure of attribution methods (paper, section 4). It turns maps into raw numbers; what these come to over many photos is its
/// <see cref="MeasureKind.ScoreKinds"/>.
/// </summary>
public interface IMeasure : IDisposable
{
    /// <summary>The measure's name on the command line.</summary>
    string Name { get; }

    /// <summary>What decides its numbers besides its name: settings by name, as text.</summary>
    IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string>();

    /// <summary>Whether it looks at the masks of bottlenecks, which then keep them.</summary>
    bool NeedsMasks => false;

    /// <summary>Images that the network is shown to measure one map, besides those that made it; some may be shared between the maps of a photo.</summary>
    long ForwardPasses => 0;

    /// <summary>Why a photo is not evaluated, worded to follow its name; null if it is. Asked before the photo is explained.</summary>
    string? LeftOut(LabelledPhoto photo) => null;

    /// <summary>Why a method is not evaluated, worded to follow its name; null if it is.</summary>
    string? LeftOut(EvaluatedMethod method) => null;

    /// <summary>The raw numbers of one method's maps. The numbers of one map do not depend on the others.</summary>
    /// <param name="method">The method.</param>
    /// <param name="photos">The photos of a batch that are not left out.</param>
    /// <param name="cancellation">Checked between batches of work.</param>
    /// <returns>The numbers of each photo, in their order.</returns>
    IEnumerable<IReadOnlyList<Quantity>> Measure(EvaluatedMethod method, IReadOnlyList<ExplainedPhoto> photos, CancellationToken cancellation);
}
