using System.Globalization;

namespace Iba.Evaluation;

/// <summary>
/// The numbers of the paper's tables 1 and 4: ImageNet's validation set, torchvision's ResNet-50 and VGG-16 with their weights of 2019.
/// </summary>
internal static class PaperResults
{
    /// <summary>
    /// Per line a method, then degradation with tiles of 8 and of 14 pixels on ResNet-50, the same on VGG-16, and boxes on ResNet-50 and VGG-16.
    /// </summary>
    private const string Table1 = """
        random              0.000 0.000 0.000 0.000 0.167 0.167
        occlusion-8         0.162 0.130 0.267 0.258 0.296 0.312
        occlusion-14        0.228 0.231 0.402 0.404 0.341 0.358
        gradient            0.002 0.005 0.001 0.005 0.259 0.276
        saliency            0.287 0.305 0.326 0.362 0.363 0.393
        guided-backprop     0.491 0.515 0.460 0.493 0.388 0.373
        pattern             -     -     0.440 0.457 -     0.404
        lrp-alpha1-beta0    -     -     0.471 0.486 -     0.397
        lrp-alpha0-beta1    -     -     0.462 0.467 -     0.441
        integrated-gradients 0.401 0.424 0.420 0.453 0.372 0.396
        smoothgrad          0.485 0.502 0.438 0.455 0.439 0.399
        grad-cam            0.536 0.541 0.510 0.517 0.465 0.399
        guided-grad-cam     0.565 0.577 0.555 0.576 0.468 0.419
        per-sample:1        0.573 0.573 0.581 0.583 0.606 0.566
        per-sample:10       0.572 0.571 0.582 0.585 0.620 0.593
        per-sample:100      0.534 0.535 0.542 0.545 0.574 0.568
        readout:10          0.536 0.536 0.490 0.536 0.484 0.437
        """;

    /// <summary>
    /// On ResNet-50. Per line a bottleneck and a quantity, then β k = 0.01, 0.1, 1, 10, 100. The information before the fit is left out: the paper's 2.500
    /// follows from an older variance.
    /// </summary>
    private const string Table4 = """
        per-sample information 3.174 0.525 0.248 0.098 0.019
        per-sample top-5       1.000 0.971 1.000 0.990 0.522
        per-sample top-1       1.000 0.963 1.000 0.984 0.427
        readout    information 1.822 0.628 0.222 0.079 0.023
        readout    top-5       0.930 0.928 0.917 0.870 0.505
        readout    top-1       0.761 0.756 0.735 0.660 0.302
        """;

    private static readonly string[] Columns = ["resnet50/degradation-8", "resnet50/degradation-14", "vgg16/degradation-8", "vgg16/degradation-14",
        "resnet50/boxes", "vgg16/boxes"];

    private static readonly double[] Betas = [0.01, 0.1, 1, 10, 100];

    /// <summary>A score of table 1; null if the paper does not report it.</summary>
    /// <param name="network">The architecture's name.</param>
    /// <param name="measure">The measure's name; its first score is meant.</param>
    /// <param name="method">The method. Settings other than a bottleneck's β are ignored.</param>
    internal static double? Score(string network, string measure, RecordedMethod method)
    {
        string row = method.IsBottleneck ? string.Create(CultureInfo.InvariantCulture, $"{method.Kind.Name}:{method.Beta}") : method.Kind.Name;
        return Find(Table1, [row], Array.IndexOf(Columns, $"{network}/{measure}"));
    }

    /// <summary>A number of table 4; null if the paper does not report it.</summary>
    /// <param name="network">The architecture's name.</param>
    /// <param name="quantity">information, top-1 or top-5.</param>
    /// <param name="method">The bottleneck.</param>
    internal static double? Restriction(string network, string quantity, RecordedMethod method)
    {
        return network == "resnet50" ? Find(Table4, [method.Kind.Name, quantity], Array.IndexOf(Betas, method.Beta)) : null;
    }

    private static double? Find(string table, string[] row, int column)
    {
        if (column < 0)
            return null;
        foreach (string[] words in table.Split('\n').Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)))
        {
            if (words.AsSpan(0, row.Length).SequenceEqual(row))
                return double.TryParse(words[row.Length + column], CultureInfo.InvariantCulture, out double value) ? value : null;
        }
        return null;
    }
}
