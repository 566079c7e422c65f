namespace Iba;

/// <summary>Which class a method explains.</summary>
public enum ExplainedClass
{
    /// <summary>The sample's target, or the predicted class if it has none.</summary>
    Target,

    /// <summary>
    /// The class with the largest logit, whatever the target: what the paper's code does for Grad-CAM and PatternAttribution.
    /// </summary>
    Predicted,
}
