using System.Globalization;

namespace Iba.Evaluation;

/// <summary>Whether a claim holds in an evaluation.</summary>
public enum ClaimState
{
    /// <summary>The scores are as the paper says.</summary>
    Held,
    /// <summary>They are not.</summary>
    NotHeld,
    /// <summary>The evaluation lacks scores that decide it.</summary>
    NotMeasured,
}

/// <summary>A claim of the paper.</summary>
/// <param name="Section">Where the paper makes it.</param>
/// <param name="Network">The network that it is decided for; null for all.</param>
/// <param name="Text">What the paper says, and in brackets what counts as held where the paper gives no number.</param>
/// <param name="State">Whether it holds.</param>
/// <param name="Numbers">The scores that decide it, or what is missing.</param>
public sealed record Claim(string Section, string? Network, string Text, ClaimState State, string Numbers)
{
    /// <summary>One line.</summary>
    public override string ToString()
    {
        string state = State switch { ClaimState.Held => "held", ClaimState.NotHeld => "not held", _ => "not measured" };
        return $"{state}: {(Network is null ? "" : $"{Network}: ")}{Text} ({Section}). {Numbers}";
    }
}

/// <summary>The claims of the paper's section 4, decided by an evaluation's scores.</summary>
public static class Claims
{
    private const string ResNet = "resnet50", GuidedGradCam = "guided-grad-cam";

    /// <summary>The decimals of the paper's numbers.</summary>
    private const int Decimals = 3;

    /// <summary>One photo has no standard error.</summary>
    private const int PhotosOfAnError = 2;

    private static readonly string Tiles = SensitivityMeasure.KindName(8);

    private static readonly string[] Columns = [DegradationMeasure.KindName(8), DegradationMeasure.KindName(14), BoxMeasure.KindName];

    /// <summary>All claims, in the paper's order.</summary>
    /// <param name="networks">The evaluations, one for each network. The paper has two: ResNet-50 and VGG-16.</param>
    public static IReadOnlyList<Claim> Of(params IReadOnlyList<EvaluatedNetwork> networks)
    {
        Evidence[] all = [.. networks.Select(network => new Evidence(network))];
        return
        [
            FiveOfSix(all),
            .. all.SelectMany(network => (Claim[])[
                LastLayer(network), Deeper(network), GradientsDrop(network), RulesRemain(network), Sensitivity(network), Pixelwise(network), Tilewise(network),
                Margin(network), Mass(network), RandomAtZero(network), Outperforms(network), ReadoutLower(network), Accuracy(network),
            ]),
        ];
    }

    private static Claim FiveOfSix(Evidence[] networks)
    {
        const int Settings = 6, Wins = 5;
        var numbers = new List<string>();
        int won = 0;
        foreach (Evidence network in networks)
        {
            foreach (string column in Columns)
            {
                if (network.Best(column, method => method.IsBottleneck) is not { } own || network.Best(column, Baseline) is not { } other)
                    continue;
                won += own.Value > other.Value ? 1 : 0;
                numbers.Add($"{network.Name} {column}: {Evidence.Say(own)}, {Evidence.Say(other)}");
            }
        }
        ClaimState state = numbers.Count < Settings ? ClaimState.NotMeasured : won >= Wins ? ClaimState.Held : ClaimState.NotHeld;
        return new Claim("abstract", null, "the bottlenecks outperform all baselines in five out of six settings", state,
            $"In {won} of the {numbers.Count} that are measured{(numbers.Count > 0 ? $": {string.Join("; ", numbers)}" : "")}.");
    }

    private static Claim LastLayer(Evidence network) => network.Decide("4.3",
        "randomizing the final dense layer drops the mean SSIM of the bottlenecks by around 0.4 (0.3 to 0.5)", SanityMeasure.KindName,
        method => method.IsBottleneck, each => [1 - each.Ssim(1)], drop => drop[0] is >= 0.3 and <= 0.5, drop => $"by {Figure(drop[0])}");

    private static Claim Deeper(Evidence network) => network.Decide("4.3",
        "a sound attribution depends on all parameters: the SSIM of the per-sample bottleneck falls when the last layer is random, and further when all are",
        SanityMeasure.KindName, method => method.IsPerSample, each => [each.Ssim(1), each.Ssim(each.Points)], ssim => ssim[0] < 1 && ssim[1] < ssim[0],
        ssim => $"{Figure(ssim[0])} with the last layer random, {Figure(ssim[1])} with all");

    private static Claim GradientsDrop(Evidence network) => network.Decide("4.3",
        "for SmoothGrad and Int. Gradients, the SSIM drops by more than 0.4 when the final dense layer is random", SanityMeasure.KindName,
        method => method.Is("smoothgrad") || method.Is("integrated-gradients"), each => [1 - each.Ssim(1)], drop => drop[0] > 0.4,
        drop => $"by {Figure(drop[0])}");

    private static Claim RulesRemain(Evidence network) => network.Decide("4.3",
        "heatmaps of GuidedBP and LRP remain similar even if a large portion of the parameters is random (SSIM of 0.5 or more with half of the layers)",
        SanityMeasure.KindName, method => method.Is("guided-backprop") || method.Kind.Name.StartsWith("lrp", StringComparison.Ordinal),
        each => [each.Ssim(each.Points / 2)], ssim => ssim[0] >= 0.5, ssim => $"{Figure(ssim[0])} with half");

    private static Claim Sensitivity(Evidence network)
    {
        const string Text = "the per-sample bottleneck with β = 10/k has the highest Sensitivity-n above n = 2000 pixels";
        Found[] found = network.With(Tiles, _ => true);
        if (found.FirstOrDefault(each => each.Method.IsPerSample && each.Method.Beta == RecordedMethod.DefaultBeta) is not { } own || found.Length < 2)
            return network.Lacks("4.4", Text, $"{Tiles} of per-sample and of a method to compare it with");
        int[] large = [.. Enumerable.Range(0, own.Pixels.Length).Where(i => own.Pixels[i] > 2000)];
        if (large.Length == 0)
            return network.Lacks("4.4", Text, "larger images");
        if (large.Any(i => double.IsNaN(own.Correlation(i))))
            return network.Lacks("4.4", Text, $"a map of {own.Title} that is not the same everywhere");
        if (large.Any(i => found.All(each => each == own || double.IsNaN(each.Correlation(i)))))
            return network.Lacks("4.4", Text, "a map of another method that is not the same everywhere");
        Found Best(int i) => found.Where(each => !double.IsNaN(each.Correlation(i))).MaxBy(each => each.Correlation(i)) ?? own;
        int[] best = [.. large.Where(i => Best(i) == own)];
        string[] others = [.. large.Except(best).Select(i => string.Create(CultureInfo.InvariantCulture,
            $"at {own.Pixels[i]} pixels {Figure(own.Correlation(i))}, {Best(i).Title} {Figure(Best(i).Correlation(i))}"))];
        string numbers = string.Join("; ", [$"at {best.Length} of {large.Length} numbers of pixels", .. others]);
        return network.Claim("4.4", Text, best.Length == large.Length, numbers);
    }

    private static Claim Pixelwise(Evidence network) => network.Decide("4.4",
        "with single pixels, all scores of Sensitivity-n range within the lower 10 % of the scale", SensitivityMeasure.KindName(1), _ => true,
        each => [each.Correlations.Where(value => !double.IsNaN(value)).DefaultIfEmpty(double.NaN).Max()], most => most[0] <= 0.1,
        most => $"{Figure(most[0])} at most");

    private static Claim Tilewise(Evidence network) => network.Decide("4.4",
        "with tiles, Occlusion-8x8 performs perfectly for small n, as its scores are the drops in logits (0.99 or more at one tile)", Tiles,
        method => method.Is("occlusion-8"), each => [each.Correlation(0)], correlation => correlation[0] >= 0.99, correlation => Figure(correlation[0]));

    private static Claim Margin(Evidence network)
    {
        const double Printed = 0.152;
        string text = $"the per-sample bottleneck finds the boxes better than all baselines, by a margin of {Figure(Printed)} "
            + "(no less by more than two bootstrap standard errors)";
        if (network.Best(BoxMeasure.KindName, method => method.IsPerSample) is not { } own || network.Best(BoxMeasure.KindName, Baseline) is not { } other
            || own.Found.Records.Length < PhotosOfAnError)
        {
            return network.Lacks("4.5", text, "boxes of per-sample and of a baseline, on two photos or more");
        }
        Score margin = Evidence.Difference(BoxMeasure.KindName, own, other);
        if (double.IsNaN(margin.Value))
            return network.Lacks("4.5", text, $"photos of both {own.Found.Title} and {other.Found.Title}");
        return network.Claim("4.5", text, Math.Round(margin.Value + 2 * margin.StandardError, Decimals) >= Printed,
            $"{EvaluationTable.Interval(margin)}: {Evidence.Say(own)}, {Evidence.Say(other)}");
    }

    private static Claim Mass(Evidence network)
    {
        const string Text = "by the share of the sum in the boxes, basic Gradient Maps are the best method";
        Found[] found = [.. network.With(BoxMeasure.KindName, _ => true).Where(each => !double.IsNaN(each.Value(1)))];
        if (found.Length < 2 || !found.Any(each => each.Method.Is("gradient")))
            return network.Lacks("4.5", Text, "the boxes of gradient and of a method to compare it with");
        Found[] order = [.. found.OrderByDescending(each => each.Value(1))];
        Found gradient = order.First(each => each.Method.Is("gradient")), next = order[0] == gradient ? order[1] : order[0];
        return network.Claim("4.5", Text, order[0].Method.Is("gradient"),
            $"{gradient.Title} {Figure(gradient.Value(1))}, {next.Title} {Figure(next.Value(1))}");
    }

    private static Claim RandomAtZero(Evidence network)
    {
        const string Text = "random attribution scores 0 in degradation (within two bootstrap standard errors)";
        Score[] scores =
        [
            .. Columns.SkipLast(1).SelectMany(column => network.With(column, method => method.Is("random")))
                .Where(each => each.Records.Length >= PhotosOfAnError).Select(each => each.Score(0)).Where(score => !double.IsNaN(score.Value)),
        ];
        return scores.Length == 0 ? network.Lacks("table 1", Text, "degradation of random, on two photos or more")
            : network.Claim("table 1", Text, scores.All(score => Math.Abs(score.Value) <= 2 * score.StandardError),
                string.Join(", ", scores.Select(score => $"{Figure(score.Value)} ± {Figure(2 * score.StandardError)}")));
    }

    private static Claim Outperforms(Evidence network)
    {
        bool excepts = network.Name == ResNet;
        string text = "the per-sample bottleneck outperforms all other methods in degradation" + (excepts
            ? ", except for GuidedGrad-CAM, where it scores comparably (the score is no less by more than 0.004 and two bootstrap standard errors)" : "");
        var numbers = new List<string>();
        bool held = true;
        foreach (string column in Columns.SkipLast(1))
        {
            if (network.Best(column, method => method.IsPerSample) is not { } own)
                continue;
            if (network.Best(column, method => !method.IsPerSample && !(excepts && method.Is(GuidedGradCam))) is { } other)
            {
                held &= own.Value > other.Value;
                numbers.Add($"{column}: {Evidence.Say(own)}, {Evidence.Say(other)}");
            }
            if (excepts && network.Best(column, method => method.Is(GuidedGradCam)) is { } guided)
            {
                Score difference = Evidence.Difference(column, own, guided);
                if (double.IsNaN(difference.Value))
                    continue;
                held &= Math.Round(difference.Value + 2 * difference.StandardError, Decimals) >= -0.004;
                numbers.Add($"{column}: {EvaluationTable.Interval(difference)} more than {Evidence.Say(guided)}");
            }
        }
        return numbers.Count == 0 ? network.Lacks("4.6", text, "degradation of per-sample and of a method to compare it with")
            : network.Claim("4.6", text, held, string.Join("; ", numbers));
    }

    private static Claim ReadoutLower(Evidence network)
    {
        const string Text = "the readout bottleneck achieves lower degradation scores than the per-sample bottleneck";
        var numbers = new List<string>();
        bool held = true;
        foreach (string column in Columns.SkipLast(1))
        {
            if (network.Best(column, method => method.IsPerSample) is not { } own || network.Best(column, method => method.IsReadout) is not { } readout)
                continue;
            held &= readout.Value < own.Value;
            numbers.Add($"{column}: {Evidence.Say(readout)}, {Evidence.Say(own)}");
        }
        return numbers.Count == 0 ? network.Lacks("4.6", Text, "degradation of per-sample and readout")
            : network.Claim("4.6", Text, held, string.Join("; ", numbers));
    }

    private static Claim Accuracy(Evidence network)
    {
        const string Text = "the accuracy behind the per-sample bottleneck is close to 1 for β ≤ 10/k (0.95 or more) and lower for β = 100/k";
        const string Name = RestrictionMeasure.KindName;
        Found[] found = network.With(Name, method => method.IsPerSample);
        Found[] small = [.. found.Where(each => each.Method.Beta <= 10)], large = [.. found.Where(each => each.Method.Beta == 100)];
        return small.Length == 0 || large.Length == 0 ? network.Lacks("appendix F", Text, $"{Name} of per-sample with β of at most 10 and of 100")
            : network.Claim("appendix F", Text, small.All(each => each.Value(1) >= 0.95) && large.Max(each => each.Value(1)) < small.Min(each => each.Value(1)),
                string.Join(", ", found.Select(each => $"{each.Title} {Figure(each.Value(1))}")));
    }

    private static bool Baseline(RecordedMethod method) => !method.IsBottleneck;

    private static string Figure(double value) => EvaluationTable.Number(value);

    /// <summary>A method's records by one measure.</summary>
    private sealed record Found(RecordedMethod Method, IReadOnlyList<ScoreKind> Kinds, Measurement[] Records)
    {
        public string Title => Method.Title;

        public int Points => Records[0][SanityMeasure.Similarity].Length;

        public double[] Pixels => Records[0][SensitivityMeasure.Pixels];

        public double[] Correlations => [.. Enumerable.Range(0, Pixels.Length).Select(Correlation)];

        public double Value(int score) => Kinds[score].ValueOver(Records);

        public Score Score(int score) => Kinds[score].Over(Method.Name, Records);

        /// <summary>The mean similarity with so many random layers; score 0 is the mean of all.</summary>
        public double Ssim(int layers) => layers == 0 ? 1 : Value(layers);

        /// <summary>The mean correlation at a number of pixels; score 0 is the mean of all.</summary>
        public double Correlation(int size) => Value(size + 1);
    }

    /// <summary>What an evaluation found on one network.</summary>
    private sealed class Evidence
    {
        private readonly Dictionary<(string Measure, string Method), Found> _found = [];

        public Evidence(EvaluatedNetwork network)
        {
            Name = network.Name;
            Measurement[] records = [.. network.Measurements];
            RecordedMethod[] methods = network.Methods(records);
            foreach (IGrouping<string, Measurement> measure in records.GroupBy(record => record.Measure))
            {
                if (Measures.All.FirstOrDefault(kind => kind.Name == measure.Key) is not { } kind)
                    continue;
                ScoreKind[] kinds = [.. kind.ScoreKinds(measure.First()).Where(score => !score.OfPhotos)];
                ILookup<string, Measurement> own = measure.ToLookup(record => record.Method);
                foreach (RecordedMethod method in methods.Where(method => own.Contains(method.Name)))
                    _found[(measure.Key, method.Name)] = new Found(method, kinds, [.. own[method.Name]]);
            }
        }

        public string Name { get; }

        public Found[] With(string measure, Func<RecordedMethod, bool> counts) =>
            [.. _found.Where(pair => pair.Key.Measure == measure && counts(pair.Value.Method)).Select(pair => pair.Value)];

        /// <summary>The highest first score of a measure among some methods.</summary>
        public Best? Best(string measure, Func<RecordedMethod, bool> counts) =>
            With(measure, counts).Select(each => new Best(each, each.Value(0))).Where(best => !double.IsNaN(best.Value)).MaxBy(best => best.Value);

        public static string Say(Best best) => $"{best.Found.Title} {Figure(best.Value)}";

        /// <summary>The difference of two methods' first scores over the photos that both have.</summary>
        public static Score Difference(string measure, Best one, Best other)
        {
            ScoreKind kind = one.Found.Kinds[0];
            Measurement[] pairs =
            [
                .. one.Found.Records.Join(other.Found.Records, record => record.Image, record => record.Image, (mine, theirs) => mine with
                {
                    Numbers = [new Quantity("one", kind.Parts(mine)), new Quantity("other", kind.Parts(theirs))],
                }),
            ];
            return new ScoreKind("difference", pair => [.. pair["one"], .. pair["other"]])
            {
                Of = means => kind.Of(means[..(means.Length / 2)]) - kind.Of(means[(means.Length / 2)..]),
            }.Over(measure, pairs);
        }

        public Claim Claim(string section, string text, bool held, string numbers) =>
            new(section, Name, text, held ? ClaimState.Held : ClaimState.NotHeld, $"{numbers}.");

        public Claim Lacks(string section, string text, string what) => new(section, Name, text, ClaimState.NotMeasured, $"It needs {what}.");

        /// <summary>A claim about every method of some kind by one measure. It is not decided by undefined numbers.</summary>
        public Claim Decide(
            string section, string text, string measure, Func<RecordedMethod, bool> counts, Func<Found, double[]> numbers, Func<double[], bool> holds,
            Func<double[], string> say)
        {
            (Found Of, double[] Numbers)[] found = [.. With(measure, counts).Select(each => (each, numbers(each)))];
            if (found.Length == 0)
                return Lacks(section, text, $"{measure} of the methods that it names");
            return found.FirstOrDefault(each => each.Numbers.Any(double.IsNaN)).Of is { } undefined
                ? Lacks(section, text, $"defined numbers: {measure} is undefined for {undefined.Title} on all photos")
                : Claim(section, text, found.All(each => holds(each.Numbers)),
                    string.Join(", ", found.Select(each => $"{each.Of.Title} {say(each.Numbers)}")));
        }
    }

    /// <summary>A method's first score.</summary>
    private sealed record Best(Found Found, double Value);
}
