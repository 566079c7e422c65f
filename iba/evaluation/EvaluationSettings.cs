using System.Globalization;
using System.Text.Json.Nodes;
using Iba.Methods;

namespace Iba.Evaluation;

/// <summary>Everything that decides the numbers of a measure for a method's maps, apart from the photo and the device's arithmetic.</summary>
/// <param name="Method">The method's name; null for what a measure says of a photo whatever the method.</param>
/// <param name="Measure">The measure's name.</param>
/// <param name="Values">The settings by name, as text, in ordinal order of the names.</param>
public sealed record EvaluationSettings(string? Method, string Measure, IReadOnlyDictionary<string, string> Values)
{
    private const string Network = "network", Weights = "weights", Prepared = "preprocessing";

    /// <summary>The first 64 bits of the SHA-256 of the settings, in hexadecimal.</summary>
    public string Id => field ??= LedgerLine.Check(LedgerLine.Bytes(ToJson()));

    /// <summary>The settings of a measure for a method.</summary>
    /// <param name="classifier">The network.</param>
    /// <param name="method">The method; null for what the measure says of a photo whatever the method.</param>
    /// <param name="measure">The measure.</param>
    public static EvaluationSettings Of(Classifier classifier, EvaluatedMethod? method, IMeasure measure)
    {
        var values = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            [Network] = classifier.Network.Name,
            [Weights] = classifier.WeightsSha256,
            [Prepared] = $"{classifier.Preprocessing}{(classifier.Rotate ? ", upright by EXIF" : "")}",
            ["version"] = typeof(EvaluationSettings).Assembly.GetName().Version!.ToString(),
        };
        foreach ((string name, string value) in measure.Settings)
            values[$"measure {name}"] = value;
        if (method is not null)
        {
            MethodInputs inputs = method.Inputs;
            foreach (MethodSetting setting in method.Kind.Settings)
                values[$"method {setting.Name}"] = setting.Read(inputs);
            if (method.Kind.Needs == MethodNeeds.Statistics && inputs.AtLayer is { } statistics)
                values["statistics"] = statistics.Sha256;
            if (method.Kind.Needs == MethodNeeds.Readout)
            {
                values["readout"] = inputs.ReadoutSha256;
                // The column of table 4: one trained readout for each β.
                if (inputs.ReadoutBeta is { } beta)
                    values[$"method {MethodSetting.Beta.Name}"] = beta.ToString(CultureInfo.InvariantCulture);
            }
            if (method.Kind.Needs == MethodNeeds.Patterns && inputs.Patterns is { } patterns)
                values["patterns"] = patterns.Sha256;
        }
        return new EvaluationSettings(method?.Name, measure.Name, values);
    }

    /// <summary>
    /// Why records of these settings cannot stand in one ledger with those of others, in words; null if they can: a ledger has one network and one preparation
    /// of the photos, and one setting of each method and measure.
    /// </summary>
    internal string? Conflict(EvaluationSettings other)
    {
        IEnumerable<string> names = Method == other.Method && Measure == other.Measure
            ? Values.Keys.Union(other.Values.Keys).Order(StringComparer.Ordinal) : [Network, Weights, Prepared];
        return names.FirstOrDefault(name => Values.GetValueOrDefault(name) != other.Values.GetValueOrDefault(name)) is { } name
            ? $"{(other.Method is null ? "" : $"{other.Method} by ")}{other.Measure} with other settings: {name} is "
                + $"{other.Values.GetValueOrDefault(name, "absent")}, not {Values.GetValueOrDefault(name, "absent")}"
            : null;
    }

    internal JsonObject ToJson()
    {
        var values = new JsonObject();
        foreach ((string name, string value) in Values)
            values[name] = value;
        return new JsonObject { ["method"] = Method, ["measure"] = Measure, ["values"] = values };
    }
}
