namespace Iba.Images;

/// <summary>An image that cannot be used: which one, why, and what to do next.</summary>
public sealed class ImageException(string image, string reason, string nextStep, Exception? inner = null)
    : Exception($"{image}: {reason}. {nextStep}.", inner)
{
    /// <summary>The file (or other source) the error is about.</summary>
    public string Image { get; } = image;
}
