using System.Globalization;
using Iba.Engine.Networks;
using Iba.Methods;

namespace Iba.Evaluation;

/// <summary>An evaluation of one network, from which tables, figures and claims are made.</summary>
/// <param name="Name">The network's name.</param>
/// <param name="Records">Its records.</param>
public sealed record EvaluatedNetwork(string Name, IReadOnlyList<EvaluationRecord> Records)
{
    /// <summary>The settings of the records by their id: they say which β a bottleneck has whose name says nothing. Without them it is the paper's.</summary>
    public IReadOnlyDictionary<string, EvaluationSettings> Settings { get; init; } = new Dictionary<string, EvaluationSettings>();

    /// <summary>
    /// Whether network, weights and photos are the paper's, so that its values stand beside these: torchvision's weights and ImageNet's validation set.
    /// </summary>
    public bool ComparesWithPaper { get; init; }

    /// <summary>
    /// The layers in the order in which the sanity check replaces their weights, <see cref="RandomisedNetwork.Points"/>; none if they are not known: they
    /// are numbered.
    /// </summary>
    public IReadOnlyList<string> Layers { get; init; } = [];

    /// <summary>The evaluation that a ledger holds.</summary>
    public static EvaluatedNetwork Of(LedgerContents contents)
    {
        string name = contents.Settings.Values.FirstOrDefault()?.Values["network"] ?? "";
        return new EvaluatedNetwork(name, contents.Records)
        {
            Settings = contents.Settings,
            Layers = [.. Architecture.Find(name)?.ParameterLayers.Reverse() ?? []],
        };
    }

    /// <summary>The records of maps.</summary>
    internal IEnumerable<Measurement> Measurements => Records.OfType<Measurement>();

    /// <summary>The methods of some measurements, in the order of <see cref="AttributionMethods.All"/>, bottlenecks by β.</summary>
    internal RecordedMethod[] Methods(IEnumerable<Measurement> measurements)
    {
        List<MethodKind> known = [.. AttributionMethods.All];
        RecordedMethod[] methods =
        [
            .. measurements.DistinctBy(record => record.Method).Select(record => new RecordedMethod(record.Method, Settings.GetValueOrDefault(record.Settings)))
                .OrderBy(method => known.IndexOf(method.Kind)).ThenBy(method => method.Beta),
        ];
        foreach (RecordedMethod method in methods)
            method.Entitle([.. methods.Where(other => other.Kind == method.Kind)]);
        return methods;
    }
}

/// <summary>A method of an evaluation's records.</summary>
internal sealed class RecordedMethod
{
    /// <summary>β of a bottleneck where neither its name nor its settings say it.</summary>
    public const double DefaultBeta = 10;

    private readonly MethodVariant _variant;

    /// <param name="name">The name in records.</param>
    /// <param name="settings">The settings of its records; null if they are not known.</param>
    /// <exception cref="ArgumentException">There is no such method.</exception>
    public RecordedMethod(string name, EvaluationSettings? settings = null)
    {
        _variant = MethodVariant.Parse(name);
        Name = name;
        Title = Kind.Title;
        string? beta = _variant.Settings.FirstOrDefault(each => each.Setting == MethodSetting.Beta).Value
            ?? settings?.Values.GetValueOrDefault($"method {MethodSetting.Beta.Name}");
        Beta = double.TryParse(beta, CultureInfo.InvariantCulture, out double given) ? given : DefaultBeta;
    }

    /// <summary>The name in records.</summary>
    public string Name { get; }

    /// <summary>The name in figures and tables.</summary>
    public string Title { get; private set; }

    public MethodKind Kind => _variant.Kind;

    /// <summary>β times the number of neurons, of a bottleneck.</summary>
    public double Beta { get; }

    /// <summary>Whether it is the per-sample bottleneck.</summary>
    public bool IsPerSample => Is(AttributionMethods.PerSample);

    /// <summary>Whether it is the readout bottleneck.</summary>
    public bool IsReadout => Is("readout");

    /// <summary>Whether it is one of the paper's two bottlenecks.</summary>
    public bool IsBottleneck => IsPerSample || IsReadout;

    /// <summary>Whether it is one of the two occlusions.</summary>
    public bool IsOcclusion => Is("occlusion-8") || Is("occlusion-14");

    public bool Is(string kind) => Kind.Name == kind;

    /// <summary>Names it by the settings that not all variants of its method share.</summary>
    public void Entitle(RecordedMethod[] variants) =>
        Title = new MethodVariant(Kind, [.. _variant.Settings.Where(each => variants.Any(other => !other._variant.Settings.Contains(each)))]).Title;
}
