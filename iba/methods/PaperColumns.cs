using Iba.Engine.Networks;

namespace Iba.Methods;

/// <summary>The rows of the paper's table 1 with their settings, as variants of methods.</summary>
public static class PaperColumns
{
    /// <summary>
    /// The methods that the paper reports for a network, as its published code computed them: the gradient divided by its signed sum, integrated gradients
    /// without the factor (image - baseline), Grad-CAM and PatternAttribution of the predicted class, and on ResNets a bottleneck with the root mean square
    /// of active neurons in place of the standard deviation.
    /// </summary>
    /// <param name="network">The architecture's name.</param>
    public static IReadOnlyList<MethodVariant> Of(string network)
    {
        string spread = Architecture.All.FirstOrDefault(known => known.Name == network)?.DefaultLayer.StartsWith("layer", StringComparison.Ordinal) == true
            ? ":spread=relu-rms" : "";
        string[] names =
        [
            "random", "occlusion-8", "occlusion-14", "gradient:as-published", "saliency", "guided-backprop", "pattern:explain=predicted", "lrp-alpha1-beta0",
            "lrp-alpha0-beta1", "integrated-gradients:as-published", "smoothgrad", "grad-cam:explain=predicted", "guided-grad-cam:explain=predicted",
            $"per-sample:beta=1{spread}", $"per-sample:beta=10{spread}", $"per-sample:beta=100{spread}", "readout",
        ];
        // ResNets of other depths follow the paper's ResNet-50: no rule passes their shortcuts.
        string reported = spread == "" ? network : ResNet.ResNet50.Name;
        return [.. names.Select(MethodVariant.Parse).Where(variant => variant.Kind.IsReportedOn(reported))];
    }
}
