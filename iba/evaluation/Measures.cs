namespace Iba.Evaluation;

/// <summary>What a measure needs besides photos and their classes.</summary>
public enum MeasureNeeds
{
    /// <summary>Nothing.</summary>
    Nothing,

    /// <summary>Annotations: boxes of the photos' objects.</summary>
    Annotations,

    /// <summary>Masks: the pixels of the photos' objects.</summary>
    Masks,
}

/// <summary>The settings of <see cref="MeasureInputs"/> that a measure has.</summary>
[Flags]
public enum MeasureSettings
{
    /// <summary>None of these.</summary>
    None = 0,

    /// <summary><see cref="MeasureInputs.Seed"/>.</summary>
    Seed = 1,

    /// <summary><see cref="MeasureInputs.SsimRange"/>.</summary>
    SsimRange = 2,

    /// <summary><see cref="MeasureInputs.NoiseCopies"/>.</summary>
    NoiseCopies = 4,

    /// <summary><see cref="MeasureInputs.WithReplacement"/>.</summary>
    WithReplacement = 8,

    /// <summary><see cref="MeasureInputs.Restimation"/>.</summary>
    Restimation = 16,
}

/// <summary>A measure: its name, its constructor and its summary.</summary>
/// <param name="Name">The name on the command line.</param>
/// <param name="About">What it measures, in one or two sentences, with the paper's section.</param>
/// <param name="Create">Creates it.</param>
/// <param name="ScoreKinds">The scores of its records, given one of them: how many there are may depend on the network and the image.</param>
/// <param name="Needs">What it needs.</param>
/// <param name="Settings">The settings that it has.</param>
public sealed record MeasureKind(
    string Name, string About, Func<MeasureInputs, IMeasure> Create, Func<Measurement, IReadOnlyList<ScoreKind>> ScoreKinds,
    MeasureNeeds Needs = MeasureNeeds.Nothing, MeasureSettings Settings = MeasureSettings.None)
{
    /// <summary>
    /// The scores of an evaluation's records, those of other measures ignored: each method's, in the order of its first record, then those to compare
    /// methods with. No score if there is no record.
    /// </summary>
    public IReadOnlyList<Score> Scores(IEnumerable<EvaluationRecord> records)
    {
        Measurement[] own = [.. records.OfType<Measurement>().Where(record => record.Measure == Name)];
        if (own.Length == 0)
            return [];
        ILookup<bool, ScoreKind> kinds = ScoreKinds(own[0]).ToLookup(kind => kind.OfPhotos);
        return
        [
            .. from method in own.GroupBy(record => record.Method) from kind in kinds[false] select kind.Over(method.Key, [.. method]),
            .. kinds[true].Select(kind => kind.Over(null, [.. own.DistinctBy(record => record.Image)])),
        ];
    }
}

/// <summary>What measures are created from. A measure ignores settings that it does not have.</summary>
/// <param name="Classifier">The network that is explained.</param>
public sealed record MeasureInputs(Classifier Classifier)
{
    /// <summary>Which boxes count.</summary>
    public BoxClasses Boxes { get; init; } = new();

    /// <summary>The key of what a measure draws.</summary>
    public ulong Seed { get; init; }

    /// <summary>The data range of SSIM; see <see cref="Ssim.Of"/>.</summary>
    public double SsimRange { get; init; } = 1;

    /// <summary>Noise samples per image where features are replaced by noise.</summary>
    public int NoiseCopies { get; init; } = 10;

    /// <summary>Whether sets of masked elements are drawn with replacement, as the paper's code draws pixels.</summary>
    public bool WithReplacement { get; init; }

    /// <summary>Gives per-sample the statistics of random networks; null to keep those of the trained one.</summary>
    public Restimation? Restimation { get; init; }
}

/// <summary>All measures.</summary>
public static class Measures
{
    /// <summary>In the paper's order, then those that are not in it.</summary>
    public static IReadOnlyList<MeasureKind> All { get; } =
    [
        new(DegradationMeasure.KindName(8), DegradationMeasure.About8, from => new DegradationMeasure(from.Classifier, 8), _ => DegradationMeasure.Scores),
        new(DegradationMeasure.KindName(14), DegradationMeasure.About14, from => new DegradationMeasure(from.Classifier, 14), _ => DegradationMeasure.Scores),
        new(BoxMeasure.KindName, BoxMeasure.About, from => new BoxMeasure(from.Classifier, from.Boxes), _ => BoxMeasure.Scores, MeasureNeeds.Annotations),
        new(SanityMeasure.KindName, SanityMeasure.About, from => new SanityMeasure(from.Seed, from.SsimRange, from.Restimation), SanityMeasure.Scores,
            Settings: MeasureSettings.Seed | MeasureSettings.SsimRange | MeasureSettings.Restimation),
        new(RestrictionMeasure.KindName, RestrictionMeasure.About, from => new RestrictionMeasure(from.NoiseCopies), _ => RestrictionMeasure.Scores,
            Settings: MeasureSettings.NoiseCopies),
        new(GroundTruthMeasure.KindName, GroundTruthMeasure.About, from => new GroundTruthMeasure(from.NoiseCopies), _ => GroundTruthMeasure.Scores,
            MeasureNeeds.Masks, MeasureSettings.NoiseCopies),
        new(SensitivityMeasure.KindName(8), SensitivityMeasure.About8, from => Sensitivity(from, 8), SensitivityMeasure.Scores,
            Settings: MeasureSettings.Seed | MeasureSettings.WithReplacement),
        new(SensitivityMeasure.KindName(1), SensitivityMeasure.About1, from => Sensitivity(from, 1), SensitivityMeasure.Scores,
            Settings: MeasureSettings.Seed | MeasureSettings.WithReplacement),
    ];

    /// <summary>The measure with that name.</summary>
    /// <exception cref="ArgumentException">There is none.</exception>
    public static MeasureKind Find(string name) => All.FirstOrDefault(kind => kind.Name == name)
        ?? throw new ArgumentException($"there is no measure '{name}'. There are: {string.Join(", ", All.Select(kind => kind.Name))}.", nameof(name));

    private static SensitivityMeasure Sensitivity(MeasureInputs from, int tile) =>
        new(from.Classifier, tile) { Seed = from.Seed, WithReplacement = from.WithReplacement };
}
