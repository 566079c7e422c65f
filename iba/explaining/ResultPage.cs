using Iba.Bottleneck;
using Iba.Images;
using Iba.Methods;
using Iba.Reports;

namespace Iba.Explaining;

/// <summary>The page of a result.</summary>
internal static class ResultPage
{
    /// <summary>A page with one photo and one map.</summary>
    /// <param name="name">The photo's name.</param>
    /// <param name="crop">The photo as the network saw it.</param>
    /// <param name="result">The map.</param>
    /// <param name="classifier">The network.</param>
    /// <param name="method">The method.</param>
    /// <param name="inputs">What it was created from.</param>
    /// <param name="facts">The facts of the result.</param>
    public static MapReport Of(
        string name, Photo crop, Explanation result, Classifier classifier, MethodKind method, MethodInputs inputs, IReadOnlyDictionary<string, string> facts)
    {
        bool isRestricted = result is BottleneckExplanation;
        int neurons = isRestricted ? inputs.Statistics?.Origin.Shape.Row ?? 0 : 0;
        var row = new ReportRow(name, Summary(result, result.Loss.Words(result.Target, classifier.Labels)), crop,
            [Map(result, isRestricted ? $"in {facts.GetValueOrDefault("layer")}" : "", neurons)]);
        return new MapReport($"What {classifier.Network.Name} looks at", [method.Title], [row]) { Notes = Notes(isRestricted, method), Facts = facts };
    }

    /// <summary>A map of a report, with the steps of a bottleneck.</summary>
    /// <param name="result">The map.</param>
    /// <param name="note">A line below it.</param>
    /// <param name="neurons">Of the bottleneck's layer; 0 where there is none.</param>
    public static ReportMap Map(Explanation result, string note, int neurons) => new(result.Heatmap, note)
    {
        Losses = (result as BottleneckExplanation)?.Losses ?? [],
        Evolution = (result as BottleneckExplanation)?.Evolution ?? [],
        Neurons = neurons,
    };

    /// <summary>What was found for a photo, in sentences.</summary>
    public static string Summary(Explanation result, string label)
    {
        string seen = $"The network takes it for {label} with probability {result.Probability:0.000}.";
        return result is BottleneckExplanation bits
            ? $"{seen} If only the {bits.TotalBits:0} bits of the map pass, the probability is {bits.ProbabilityRestricted:0.000}. "
                + $"No pixel gets more than {result.Heatmap.Max:G3} bits."
            : seen;
    }

    /// <summary>How to read it.</summary>
    private static IReadOnlyList<string> Notes(bool isRestricted, MethodKind method) => isRestricted
        ?
        [
            "The colour shows how much information the network's decision needs from each place, in bits per pixel. Grey places have 0 bits: the network "
                + "decides the same when they carry noise only.",
            "Bits are what was let through, not what was used: a coloured place may still be redundant.",
        ]
        : [$"The colour shows the evidence that the method {method.Title} finds at each place; grey is 0, blue is negative. Its values are not bits."];
}
