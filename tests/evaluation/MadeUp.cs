using Iba.Evaluation;

namespace Tests.Evaluation;

/// <summary>Records with the numbers that a test wants.</summary>
internal static class MadeUp
{
    public static Measurement Record(string method, string measure, int image, params Quantity[] numbers) =>
        new($"photo{image}.png", method, measure, 0, TargetSource.Folder, numbers);

    /// <summary>The probabilities at equally spaced numbers of removed tiles.</summary>
    public static Measurement Degradation(string method, double[] most, double[] least, int image = 0, int tile = 8) => Record(
        method, $"degradation-{tile}", image, new("tiles_removed", [.. Enumerable.Range(0, most.Length).Select(i => (double)i)]),
        new("most_relevant_first", most), new("least_relevant_first", least));

    /// <summary>Several photos whose degradation score is that number.</summary>
    public static IEnumerable<Measurement> Degradation(string method, double score, int tile = 8) =>
        Enumerable.Range(0, 3).Select(image => Degradation(method, [1, 0.5, 0], [1, 0.5 + 2 * score, 0], image, tile));

    public static IEnumerable<Measurement> Boxes(string method, double score, double mass = 0.2) =>
        Enumerable.Range(0, 3).Select(image =>
            Record(method, "boxes", image, new("box_pixels", 10), new("box_share", 0.1), new("score", score), new("mass", mass)));

    public static Measurement Sanity(string method, int image, params double[] similarities) =>
        Record(method, "sanity", image, new Quantity("ssim", similarities));

    public static Measurement Restriction(string method, double information, double top1, double top5) => Record(
        method, "restriction", 0, new("information_nats", information), new("top1", top1), new("top5", top5), new("original_top1", 0.7),
        new("original_top5", 0.9), new("initial_information_nats", 4.5));
}
